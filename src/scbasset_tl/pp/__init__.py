"""Preprocessing: sequences of peaks, filters, splits and baselines."""

from scbasset_tl.pp._add_sequences import add_sequences
from scbasset_tl.pp._downsample import downsample
from scbasset_tl.pp._filter_peaks import filter_peaks
from scbasset_tl.pp._shuffle_labels import shuffle_labels
from scbasset_tl.pp._split_peaks import split_peaks
from scbasset_tl.pp._tokenize_regions import tokenize_regions

__all__ = [
    "add_sequences",
    "downsample",
    "filter_peaks",
    "shuffle_labels",
    "split_peaks",
    "tokenize_regions",
]
