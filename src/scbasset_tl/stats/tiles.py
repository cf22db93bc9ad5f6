"""Count rows of open entries, cut them to the cells of interest and group them by tile of cells."""

from __future__ import annotations

import numpy as np

from scbasset_tl._kernel import kernel


@kernel()
def add_counts(indices: np.ndarray, spans: np.ndarray, counts: np.ndarray) -> None:
    """Count each of ``indices`` that lies in one of the ``spans``: from ``spans[0]`` up to ``spans[1]``."""
    for span in range(spans.shape[1]):
        for entry in range(spans[0, span], spans[1, span]):
            counts[indices[entry]] += 1


@kernel()
def row_spans(indptr: np.ndarray, indices: np.ndarray, rows: np.ndarray, first: int, last: int) -> np.ndarray:
    """Where the entries of cells ``first`` … ``last`` - 1 begin and end in each of ``rows``, int64 (2, n_rows)."""
    spans = np.empty((2, len(rows)), dtype=np.int64)
    for number, row in enumerate(rows):
        for side, cell in enumerate((first, last)):
            low, high = indptr[row], indptr[row + 1]
            while low < high:
                middle = (low + high) // 2
                if indices[middle] < cell:
                    low = middle + 1
                else:
                    high = middle
            spans[side, number] = low
    return spans


@kernel()
def tile_starts(indices: np.ndarray, spans: np.ndarray, first: int, tile: int, n_tiles: int) -> np.ndarray:
    """Where tile t, of the cells from ``first`` + t · ``tile`` on, begins in each span; int64 (n_rows, n_tiles + 1)."""
    n_rows = spans.shape[1]
    starts = np.empty((n_rows, n_tiles + 1), dtype=np.int64)
    for row in range(n_rows):
        position = spans[0, row]
        for t in range(n_tiles):
            starts[row, t] = position
            while position < spans[1, row] and indices[position] - first < (t + 1) * tile:
                position += 1
        starts[row, n_tiles] = spans[1, row]
    return starts


@kernel(nogil=True)
def gather_tiles(
    indices: np.ndarray, spans: np.ndarray, first: int, slot: np.ndarray, tile: int, n_tiles: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The entries of the spans, tile after tile: (row of each, column of each, offsets (n_tiles + 1)).

    The column of cell c is c - ``first``, or ``slot[c - first]`` if there is a ``slot``: ascending, -1 leaves a cell out.
    """
    n_rows, chosen = spans.shape[1], len(slot) > 0
    free = np.zeros(n_tiles + 1, dtype=np.int64)
    # counted first, written then: every entry goes straight to its place
    for row in range(n_rows):
        t, end = 0, tile
        for entry in range(spans[0, row], spans[1, row]):
            column = indices[entry] - first
            if chosen:
                column = slot[column]
                if column < 0:
                    continue
            while column >= end:
                t, end = t + 1, end + tile
            free[t + 1] += 1
    free = np.cumsum(free)
    offsets = free.copy()
    rows, columns = np.empty(free[n_tiles], dtype=np.int64), np.empty(free[n_tiles], dtype=np.int64)
    for row in range(n_rows):
        t, end = 0, tile
        for entry in range(spans[0, row], spans[1, row]):
            column = indices[entry] - first
            if chosen:
                column = slot[column]
                if column < 0:
                    continue
            while column >= end:
                t, end = t + 1, end + tile
            rows[free[t]], columns[free[t]] = row, column
            free[t] += 1
    return rows, columns, offsets
