"""Which cells are open at which peak, as the indices of a peaks × cells CSR without values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BLOCK = 1 << 22


class Labels(NamedTuple):
    """Binary peaks × cells labels: row p is open in the cells ``indices[indptr[p]:indptr[p + 1]]``.

    ``indptr`` is int64 (n_peaks + 1); ``indices`` is int32, ascending and without repeats in each row.
    A value per entry would carry nothing and double the memory.
    """

    indptr: np.ndarray
    indices: np.ndarray
    n_cells: int

    @property
    def n_peaks(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    def peak_counts(self) -> np.ndarray:
        """Open cells of each peak, int64 (n_peaks,)."""
        return np.diff(self.indptr)

    def cell_counts(self) -> np.ndarray:
        """Open peaks of each cell, int64 (n_cells,)."""
        counts = np.zeros(self.n_cells, dtype=np.int64)
        for start in range(0, len(self.indices), _BLOCK):  # bincount widens what it counts to int64
            counts += np.bincount(self.indices[start : start + _BLOCK], minlength=self.n_cells)
        return counts

    def rows(self, peaks: np.ndarray) -> Labels:
        """The labels of ``peaks`` (integer positions), in that order."""
        lengths = self.peak_counts()[peaks]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        # position of every kept entry: its row's start plus its rank inside the row
        take = np.arange(indptr[-1]) + np.repeat(self.indptr[:-1][peaks] - indptr[:-1], lengths)
        return Labels(indptr, self.indices[take], self.n_cells)

    def dense(self) -> np.ndarray:
        """Boolean peaks × cells array: for small blocks only."""
        dense = np.zeros((self.n_peaks, self.n_cells), dtype=bool)
        dense[np.repeat(np.arange(self.n_peaks), self.peak_counts()), self.indices] = True
        return dense
