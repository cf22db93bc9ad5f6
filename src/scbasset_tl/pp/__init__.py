"""Preprocessing: sequences of peaks, filters and splits."""

from scbasset_tl.pp._add_sequences import add_sequences
from scbasset_tl.pp._filter_peaks import filter_peaks
from scbasset_tl.pp._split_peaks import split_peaks

__all__ = ["add_sequences", "filter_peaks", "split_peaks"]
