"""Latent semantic indexing of open peaks: TF-IDF and a singular value decomposition, sparse throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from scbasset_tl._random import draw_seed

if TYPE_CHECKING:
    from typing import Self


class Lsi(NamedTuple):
    """A fitted LSI, which other cells with the same peaks can be projected into."""

    idf: np.ndarray  # float64 (P,)
    components: np.ndarray  # float64 (d, P), orthonormal rows

    @classmethod
    def fit(cls, opened: sparse.csr_matrix, n_components: int, *, rng: np.random.Generator) -> Self:
        """Fit to bool cells × peaks; the first component, which is depth, is left out, so at most min(n, P) - 1 remain."""
        from sklearn.utils.extmath import randomized_svd

        n_cells = opened.getnnz(axis=0)
        idf = np.log1p(opened.shape[0] / np.maximum(n_cells, 1))
        rank = min(n_components + 1, *opened.shape)
        _, _, components = randomized_svd(_weighted(opened, idf), rank, random_state=draw_seed(rng))
        return cls(idf, components[1:])

    def transform(self, opened: sparse.csr_matrix) -> np.ndarray:
        """Coordinates of cells, float64 (n, d); a cell without open peaks lies at 0."""
        return np.asarray(_weighted(opened, self.idf) @ self.components.T)


def _weighted(opened: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
    """log(1 + 10,000 TF IDF)."""
    depth = np.diff(opened.indptr)
    values = np.log1p(1e4 * idf[opened.indices] / np.repeat(depth, depth))
    return sparse.csr_matrix((values, opened.indices, opened.indptr), shape=opened.shape)
