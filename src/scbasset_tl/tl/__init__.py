"""Tools: train models and read them."""

from scbasset_tl.tl._scbasset import scbasset as scbasset

__all__ = ["scbasset"]
