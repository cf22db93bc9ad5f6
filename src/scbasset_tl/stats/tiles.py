"""Where each tile of cells begins in every row of peaks × cells labels."""

from __future__ import annotations

import numpy as np

from scbasset_tl._kernel import kernel


@kernel()
def tile_starts(indptr: np.ndarray, indices: np.ndarray, tile: int, n_tiles: int) -> np.ndarray:
    """Position in ``indices`` where tile t of row p begins, int64 (n_rows, n_tiles + 1); rows must be sorted."""
    n_rows = len(indptr) - 1
    starts = np.empty((n_rows, n_tiles + 1), dtype=np.int64)
    for row in range(n_rows):
        position = indptr[row]
        for t in range(n_tiles):
            starts[row, t] = position
            while position < indptr[row + 1] and indices[position] < (t + 1) * tile:
                position += 1
        starts[row, n_tiles] = indptr[row + 1]
    return starts
