"""Sequences that motifs are written into."""

from __future__ import annotations

import os
from typing import Final

import numpy as np

from scbasset_tl._adata.codes import fasta_codes
from scbasset_tl._log import info
from scbasset_tl.genome.codes import N_CODE
from scbasset_tl.genome.shuffle import dinucleotide_shuffle

FEWEST: Final = 10
"""Fewest sequences that an effect is averaged over."""
_FORMS: Final = f"a FASTA file or codes 0 to {N_CODE} (n, seq_len) as in varm['dna_code']"


def shuffled_peaks(codes: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """One dinucleotide shuffle of each of ``n`` random peaks, uint8 (n, L); of all peaks if there are fewer."""
    if n > len(codes):
        info(f"n_background={n}, but there are {len(codes)} peaks: all of them make backgrounds")
    chosen = rng.permutation(len(codes))[:n]
    return dinucleotide_shuffle(codes[chosen], rng=rng)[:, 0]


def given_sequences(
    backgrounds: str | os.PathLike[str] | np.ndarray, seq_len: int, rng: np.random.Generator
) -> np.ndarray:
    """All sequences of a FASTA file, or codes, in random order; uint8 (n, seq_len)."""
    if not isinstance(backgrounds, np.ndarray | str | os.PathLike):
        message = f"backgrounds must be {_FORMS}, got {type(backgrounds).__name__}."
        raise TypeError(message)
    codes = (
        _checked_codes(backgrounds)
        if isinstance(backgrounds, np.ndarray)
        else fasta_codes("backgrounds", backgrounds, seq_len)[1]
    )
    if codes.shape[1] != seq_len:
        message = f"backgrounds has sequences of {codes.shape[1]} bp, but the model reads {seq_len} bp."
        raise ValueError(message)
    if len(codes) < FEWEST:
        message = f"backgrounds must be at least {FEWEST} sequences, got {len(codes)}: their mean is taken."
        raise ValueError(message)
    # the first ones also serve the null, and files are often in the order of the genome
    return codes[rng.permutation(len(codes))]


def _checked_codes(codes: np.ndarray) -> np.ndarray:
    whole = np.issubdtype(codes.dtype, np.integer) and codes.ndim == 2 and codes.size
    if not whole or codes.min() < 0 or codes.max() > N_CODE:
        message = f"backgrounds must be {_FORMS}, got an array of {codes.dtype} and shape {codes.shape}."
        raise ValueError(message)
    return codes.astype(np.uint8, copy=False)
