"""Plots of what the other packages compute; matplotlib loads when one is drawn."""

from scbasset_tl.pl._history import history as history
from scbasset_tl.pl._motif import motif as motif
from scbasset_tl.pl._report import report as report

__all__ = ["history", "motif", "report"]
