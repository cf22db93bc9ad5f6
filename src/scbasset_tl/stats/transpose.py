"""From rows of cells to rows of peaks, for matrices of which only the indices are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._kernel import kernel
from scbasset_tl.stats.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK_ENTRIES = 1 << 22
"""Entries that are looked at in one go: what bounds every temporary array."""


def blocks_of_rows(indptr: np.ndarray) -> list[tuple[int, int]]:
    """Cut the rows into consecutive ranges of about ``BLOCK_ENTRIES`` entries each (a longer row stays whole)."""
    targets = np.arange(BLOCK_ENTRIES, indptr[-1], BLOCK_ENTRIES)
    cuts = np.unique(np.concatenate([[0], np.searchsorted(indptr, targets), [len(indptr) - 1]]))
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))


def transpose_blocks(blocks: Sequence[tuple[np.ndarray, np.ndarray]], n_columns: int) -> Labels:
    """The transpose of the rows in ``blocks``, which stand one below the other.

    Each block is (entries of each of its rows, column of each entry); a column occurs once in a row, in any order.
    Needs 4 bytes per entry, those of the result, beside the blocks.
    """
    counts = np.zeros(n_columns, dtype=np.int64)
    for _, columns in blocks:
        counts += np.bincount(columns, minlength=n_columns)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = np.empty(indptr[-1], dtype=np.int32)
    free, row = indptr[:-1].copy(), 0
    for lengths, columns in blocks:
        _scatter(lengths, columns, row, free, indices)
        row += len(lengths)
    return Labels(indptr, indices, row)


def transpose(labels: Labels) -> Labels:
    """Cells × peaks instead of peaks × cells: row c lists the peaks open in cell c, ascending."""
    lengths, indptr = labels.peak_counts(), labels.indptr
    blocks = [(lengths[a:b], labels.indices[indptr[a] : indptr[b]]) for a, b in blocks_of_rows(indptr)]
    return transpose_blocks(blocks, labels.n_cells)


@kernel()
def _scatter(lengths: np.ndarray, columns: np.ndarray, row: int, free: np.ndarray, indices: np.ndarray) -> None:
    """Append each entry's row number to its column; rows come in order, so every column ends up ascending."""
    entry = 0
    for i in range(len(lengths)):
        for _ in range(lengths[i]):
            column = columns[entry]
            indices[free[column]] = row + i
            free[column] += 1
            entry += 1
