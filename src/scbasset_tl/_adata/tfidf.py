"""TF-IDF of open peaks by muon, and its principal directions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import numpy as np
from anndata import AnnData

if TYPE_CHECKING:
    from scipy import sparse


def directions(opened: sparse.csr_matrix, n_latent: int, *, rng: np.random.Generator) -> np.ndarray:
    """Cells at unit length in the singular vectors of muon's TF-IDF but the first, which is depth; float32 (n, d).

    ``opened`` is bool cells × peaks, of which none is empty.
    """
    from scipy.sparse.linalg import svds

    with catch_warnings():
        simplefilter("ignore")  # muon's own, and those of what it imports
        from muon import atac
    scratch = AnnData(opened.astype(np.float64))
    atac.pp.tfidf(scratch)
    matrix = scratch.X.tocsr()
    # as muon does it, but from a start that can be repeated; ARPACK finds all but the last vector
    rank = min(n_latent + 1, min(matrix.shape) - 1)
    left, size, _ = svds(matrix, k=rank, v0=rng.uniform(-1, 1, min(matrix.shape)))
    cells = (left * size)[:, ::-1][:, 1:]
    return (cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), np.finfo(float).tiny)).astype(np.float32)
