"""Which cells are open at which peak, as the indices of a peaks × cells CSR without values."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike
    from scipy import sparse

BLOCK_ENTRIES = 1 << 22
"""Entries that are looked at in one go: what bounds every temporary array."""


class OpenEntries(NamedTuple):
    """Open entries of a peaks × cells matrix: row p is open in the cells ``indices[indptr[p]:indptr[p + 1]]``.

    ``indptr`` is int64 (n_peaks + 1); ``indices`` is int32, ascending and without repeats in each row, in memory or
    mapped from a file that memory need not hold. A value per entry would carry nothing and double the memory.
    """

    indptr: np.ndarray
    indices: np.ndarray
    n_cells: int

    @classmethod
    def from_csr(cls, matrix: sparse.csr_matrix) -> OpenEntries:
        """The stored entries of a CSR matrix, whose indices ascend."""
        return cls(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False), matrix.shape[1])

    def csr(self, dtype: DTypeLike = bool) -> sparse.csr_matrix:
        """The same as a matrix of ones."""
        from scipy import sparse

        values = np.ones(len(self.indices), dtype=dtype)
        return sparse.csr_matrix((values, self.indices, self.indptr), shape=(self.n_peaks, self.n_cells))

    @property
    def n_peaks(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    def peak_counts(self) -> np.ndarray:
        """Open cells of each peak, int64 (n_peaks,)."""
        return np.diff(self.indptr)

    def cell_counts(self, peaks: np.ndarray | None = None) -> np.ndarray:
        """Open peaks of each cell, int64 (n_cells,), among ``peaks`` (integer positions) or all."""
        from scbasset_tl.stats.tiles import add_counts

        counts = np.zeros(self.n_cells, dtype=np.int64)
        chosen = slice(None) if peaks is None else peaks
        spans = np.stack([self.indptr[:-1][chosen], self.indptr[1:][chosen]])
        add_counts(np.asarray(self.indices), spans, counts)
        return counts

    def rows(self, peaks: np.ndarray) -> OpenEntries:
        """Take the rows of ``peaks`` (integer positions), in that order."""
        indptr = np.concatenate([[0], np.cumsum(self.peak_counts()[peaks])])
        indices, end = np.empty(indptr[-1], dtype=np.int32), 0
        for block in self._blocks(peaks):
            indices[end : end + len(block)] = block
            end += len(block)
        return OpenEntries(indptr, indices, self.n_cells)

    def span(self, first: int, last: int) -> OpenEntries:
        """Take the rows from ``first`` up to ``last``, without copying their indices."""
        indptr = self.indptr[first : last + 1]
        return OpenEntries(indptr - indptr[0], self.indices[indptr[0] : indptr[-1]], self.n_cells)

    def checksum(self) -> str:
        """BLAKE2b of the entries, the same wherever they are kept."""
        digest = blake2b(digest_size=16)
        for part, dtype in ((self.indptr, "<i8"), (self.indices, "<i4")):
            for start in range(0, len(part), BLOCK_ENTRIES):
                digest.update(np.ascontiguousarray(part[start : start + BLOCK_ENTRIES], dtype=dtype).data)
        return digest.hexdigest()

    def dense(self) -> np.ndarray:
        """Boolean peaks × cells array: for small blocks only."""
        return self.csr().toarray()

    def _blocks(self, peaks: np.ndarray) -> Iterator[np.ndarray]:
        """The entries of ``peaks`` in turn, some rows at a time."""
        starts, lengths = self.indptr[:-1][peaks], self.peak_counts()[peaks]
        ends = np.cumsum(lengths)
        for first, last in blocks_of_rows(np.concatenate([[0], ends])):
            begin, end = ends[first] - lengths[first], ends[last - 1]
            # position of every kept entry: its row's start plus its rank inside the row
            shift = starts[first:last] - (ends[first:last] - lengths[first:last])
            yield self.indices[np.arange(begin, end) + np.repeat(shift, lengths[first:last])]


def blocks_of_rows(indptr: np.ndarray) -> list[tuple[int, int]]:
    """Cut the rows into consecutive ranges of about ``BLOCK_ENTRIES`` entries each (a longer row stays whole)."""
    targets = np.arange(BLOCK_ENTRIES, indptr[-1], BLOCK_ENTRIES)
    cuts = np.unique(np.concatenate([[0], np.searchsorted(indptr, targets), [len(indptr) - 1]]))
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
