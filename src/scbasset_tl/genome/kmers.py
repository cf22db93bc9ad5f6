"""Which k-mers a sequence has, on either strand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from scbasset_tl.genome.codes import N_CODE, decode

if TYPE_CHECKING:
    from scipy import sparse

_AT_ONCE: Final = 1 << 22  # positions


def kmer_names(k: int) -> list[str]:
    """All k-mers in alphabetical order; of a k-mer and its reverse complement only the first."""
    letters, number = decode(_digits(np.arange(4**k), k)), np.arange(4**k)
    return [str(name) for name in np.asarray(letters)[_canonical(k) == number]]


def has_kmers(codes: np.ndarray, k: int) -> sparse.csr_matrix:
    """Sequences (P, L) × k-mers, in the order of :func:`kmer_names`: 1 where either strand has one, without N."""
    from scipy import sparse

    canonical = _canonical(k)
    column = np.full(4**k, -1)
    kept = np.flatnonzero(canonical == np.arange(4**k))
    column[kept] = np.arange(len(kept))
    column = column[canonical]
    step, parts = max(1, _AT_ONCE // codes.shape[1]), []
    for start in range(0, len(codes), step):
        block = codes[start : start + step]
        windows = np.lib.stride_tricks.sliding_window_view(block, k, axis=1)
        number = np.zeros(windows.shape[:2], dtype=np.int64)
        for place in range(k):
            number = 4 * number + np.minimum(windows[..., place], 3)
        row, at = np.nonzero((windows < N_CODE).all(axis=2))
        pair = np.unique(row * len(kept) + column[number[row, at]])
        shape = len(block), len(kept)
        parts.append(sparse.csr_matrix((np.ones(len(pair)), (pair // len(kept), pair % len(kept))), shape))
    return sparse.vstack(parts, format="csr")


def _digits(number: np.ndarray, k: int) -> np.ndarray:
    """Bases of k-mers, uint8 (n, k)."""
    return (number[:, None] // 4 ** np.arange(k)[::-1] % 4).astype(np.uint8)


def _canonical(k: int) -> np.ndarray:
    """For each k-mer the smaller of its number and that of its reverse complement."""
    number = np.arange(4**k)
    reverse = (3 - _digits(number, k)[:, ::-1]).astype(np.int64) @ 4 ** np.arange(k)[::-1]
    return np.minimum(number, reverse)
