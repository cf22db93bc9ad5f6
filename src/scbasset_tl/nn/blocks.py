"""Random blocks of the open regions of one cell, drawn from a CSR."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from scbasset_tl._kernel import kernel


def select(tokens: sparse.csr_matrix, regions: np.ndarray) -> sparse.csr_matrix:
    """Columns ``regions`` (ascending) of the rows that have at least two of them."""
    new = np.full(tokens.shape[1], -1, dtype=np.int32)
    new[regions] = np.arange(len(regions), dtype=np.int32)
    kept = new[tokens.indices]
    lengths = np.diff(np.concatenate([[0], np.cumsum(kept >= 0)])[tokens.indptr])
    kept = kept[(kept >= 0) & np.repeat(lengths > 1, np.diff(tokens.indptr))]
    indptr = np.concatenate([[0], np.cumsum(lengths[lengths > 1])])
    return sparse.csr_matrix((np.ones(len(kept), dtype=bool), kept, indptr), shape=(len(indptr) - 1, len(regions)))


def schedule(n_tokens: np.ndarray, n_blocks: int, *, rng: np.random.Generator) -> np.ndarray:
    """The cell of each of ``n_blocks`` blocks in random order: each cell in proportion to its tokens, but for rounding.

    Cells with fewer than two tokens have no pairs and get no block.
    """
    ends = np.cumsum(np.where(n_tokens < 2, 0, n_tokens))
    places = (np.arange(n_blocks) + rng.random()) * (ends[-1] / n_blocks)
    return rng.permutation(np.searchsorted(ends, places, side="right"))


@kernel(nogil=True)
def draw(
    indptr: np.ndarray,
    indices: np.ndarray,
    cells: np.ndarray,
    uniform: np.ndarray,
    blocks: np.ndarray,
    lengths: np.ndarray,
) -> None:
    """Fill ``blocks`` (B, size) with tokens of ``cells``, none twice in a block, and ``lengths`` (B,).

    Cells with fewer than ``size`` tokens fill the beginning of their row. ``indices`` is shuffled in place within its
    rows, a few entries for each block: so a block costs its own length, not the cell's. ``uniform`` (B, size) are draws
    from [0, 1).
    """
    n_blocks, size = blocks.shape
    for b in range(n_blocks):
        first, last = indptr[cells[b]], indptr[cells[b] + 1]
        lengths[b] = min(size, last - first)
        for i in range(lengths[b]):
            place = first + i
            other = place + np.int64(uniform[b, i] * (last - place))
            indices[place], indices[other] = indices[other], indices[place]
            blocks[b, i] = indices[place]
        blocks[b, lengths[b] :] = indices[first]
