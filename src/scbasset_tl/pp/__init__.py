"""Preprocessing: sequences of peaks, filters, splits and baselines."""

from scbasset_tl.pp._add_sequences import add_sequences
from scbasset_tl.pp._downsample_counts import downsample_counts
from scbasset_tl.pp._filter_peaks import filter_peaks
from scbasset_tl.pp._shuffle_accessibility import shuffle_accessibility
from scbasset_tl.pp._split_peaks import split_peaks
from scbasset_tl.pp._tokenize_regions import tokenize_regions

__all__ = [
    "add_sequences",
    "downsample_counts",
    "filter_peaks",
    "shuffle_accessibility",
    "split_peaks",
    "tokenize_regions",
]


def __getattr__(name: str) -> object:
    if name == "add_dna_sequence":
        message = "pp.add_dna_sequence is of scvi-tools; here it is pp.add_sequences(data, fasta)."
        raise AttributeError(message)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
