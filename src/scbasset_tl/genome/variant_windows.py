"""Which windows hold which variants, and what the alternative alleles make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl.genome.codes import encode
from scbasset_tl.genome.ranges import each_of

if TYPE_CHECKING:
    from collections.abc import Iterable


def variants_in_windows(
    chrom: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    window_chrom: np.ndarray,
    window_start: np.ndarray,
    seq_len: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a variant and a window that holds its whole reference allele.

    Parameters
    ----------
    chrom, start, end
        Contig and reference allele [start, end) of each variant (V,).
    window_chrom, window_start
        Contig and first position of each window (W,), in any order.
    seq_len
        Length of the windows.

    Returns
    -------
    Positions of the variants, ascending, and of the windows, from left to right for each variant (n_pairs,) each.
    """
    variants, windows = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for contig in sorted(set(chrom) & set(window_chrom)):
        mine, there = np.flatnonzero(chrom == contig), np.flatnonzero(window_chrom == contig)
        there = there[np.argsort(window_start[there], kind="stable")]
        starts = window_start[there]
        first = np.searchsorted(starts, end[mine] - seq_len, side="left")
        row, place = each_of(first, np.searchsorted(starts, start[mine], side="right"))
        variants.append(mine[row])
        windows.append(there[place])
    variant, window = np.concatenate(variants), np.concatenate(windows)
    order = np.argsort(variant, kind="stable")
    return variant[order], window[order]


def write_alternatives(
    stretches: np.ndarray, offset: np.ndarray, ref_length: np.ndarray, alt: Iterable[str], seq_len: int
) -> np.ndarray:
    """Windows of the edited contigs, which begin where the unedited ones do.

    What follows the alternative allele moves left after a deletion, so that more of the contig enters on the right, and
    right after an insertion, so that some of it leaves; of a long allele only what fits is seen.

    Parameters
    ----------
    stretches
        The unedited contig from each window's first position on, uint8 (n, at least ``seq_len`` and by as much more as
        alleles get shorter).
    offset
        First base of the reference allele in its window (n,).
    ref_length
        Length of the reference allele (n,).
    alt
        Alternative alleles, letters (n,).
    seq_len
        Length of the windows.

    Returns
    -------
    uint8 (n, seq_len).
    """
    offset, ref_length = offset[:, None], ref_length[:, None]
    alt = list(alt)
    length = np.array([len(letters) for letters in alt], dtype=np.int64)
    first = (np.cumsum(length) - length)[:, None]
    length = length[:, None]
    position = np.arange(seq_len)
    source = position + np.where(position >= offset + length, ref_length - length, 0)
    edited = np.take_along_axis(stretches, source.clip(0, stretches.shape[1] - 1), axis=1)
    row, column = np.nonzero((position >= offset) & (position < offset + length))
    edited[row, column] = encode("".join(alt))[first[row, 0] + column - offset[row, 0]]
    return edited
