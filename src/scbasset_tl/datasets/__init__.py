"""Toy data whose answer is known."""

from scbasset_tl.datasets._toy import toy
from scbasset_tl.datasets._toy_genome import toy_genome
from scbasset_tl.datasets._toy_mudata import toy_mudata

__all__ = ["toy", "toy_genome", "toy_mudata"]
