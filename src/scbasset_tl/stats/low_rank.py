"""A matrix that is a product of two thin ones: parts, averages and principal components, never the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from scbasset_tl._log import late_progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from scipy import sparse

BLOCK_ENTRIES: Final = 1 << 22
"""Entries that are computed at a time."""


class LowRank(NamedTuple):
    """``f(left @ right.T + bias[:, None])``, where f is the sigmoid or nothing.

    ``left`` is float32 (n, K), ``right`` float32 (P, K), ``bias`` float32 (n,).
    """

    left: np.ndarray
    right: np.ndarray
    bias: np.ndarray
    sigmoid: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the whole matrix."""
        return len(self.left), len(self.right)

    def rows(self, rows: np.ndarray | slice) -> Self:
        """Keep some rows only."""
        return self._replace(left=self.left[rows], bias=self.bias[rows])

    def dense(self) -> np.ndarray:
        """All entries, float32 (n, P)."""
        from scipy.special import expit

        values = self.left @ self.right.T
        values += self.bias[:, None]
        return expit(values, out=values) if self.sigmoid else values

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Consecutive rows and their entries."""
        step = max(1, BLOCK_ENTRIES // max(1, len(self.right)))
        for start in range(0, len(self.left), step):
            rows = slice(start, min(start + step, len(self.left)))
            yield rows, self.rows(rows).dense()

    def column_blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Consecutive columns and their entries, float32 (columns, n): a line for each column."""
        step = max(1, BLOCK_ENTRIES // max(1, len(self.left)))
        for start in range(0, len(self.right), step):
            columns = slice(start, min(start + step, len(self.right)))
            yield columns, np.ascontiguousarray(self._replace(right=self.right[columns]).dense().T)

    def average_rows(self, weights: sparse.csr_matrix) -> np.ndarray:
        """``weights @ matrix``, float32 (G, P): the mean over rows where each row of ``weights`` (G, n) sums to 1.

        Entries that f has changed are averaged, as the mean of f is not f of the mean.
        """
        if not self.sigmoid:
            left, bias = (np.asarray(weights @ part, dtype=np.float32) for part in (self.left, self.bias))
            return LowRank(left, self.right, bias).dense()
        used = np.flatnonzero(weights.getnnz(axis=0))
        weights = weights[:, used].tocsc()
        means = np.zeros((weights.shape[0], len(self.right)))
        with late_progress(len(used), description="averaging", unit=" cells") as bar:
            for rows, values in self.rows(used).blocks():
                means += weights[:, rows] @ values
                bar.update(len(values))
        return means.astype(np.float32)

    def average_columns(self, weights: sparse.csr_matrix) -> np.ndarray:
        """``matrix @ weights.T``, float32 (n, G), for ``weights`` (G, P) whose rows sum to 1."""
        if not self.sigmoid:
            return self._replace(right=np.asarray(weights @ self.right, dtype=np.float32)).dense()
        used = np.flatnonzero(weights.getnnz(axis=0))
        weights = weights[:, used].tocsr()
        means = np.empty((len(self.left), weights.shape[0]), dtype=np.float32)
        with late_progress(len(means), description="averaging", unit=" cells") as bar:
            for rows, values in self._replace(right=self.right[used]).blocks():
                means[rows] = (weights @ values.T).T
                bar.update(len(values))
        return means

    def principal_components(self) -> tuple[np.ndarray, np.ndarray]:
        """All principal components over rows with any variance, float64 (n, ≤ K + 1), and the variances along them (ddof 1).

        They are those of the whole matrix, and the Euclidean distances between its rows are those between rows of these.
        """
        left, right = self._with_bias()
        coordinates = (left - left.mean(axis=0)) @ _square_root(right.T @ right)
        return _rotate(coordinates)

    def correlation_coordinates(self) -> np.ndarray:
        """Unit vectors, float64 (n, K), whose products are the Pearson correlations of rows; 0 for a constant row."""
        right = self.right.astype(np.float64)
        centred = right - right.mean(axis=0)
        coordinates = self.left @ _square_root(centred.T @ centred)
        norms = np.linalg.norm(coordinates, axis=1, keepdims=True)
        return np.divide(coordinates, norms, out=np.zeros_like(coordinates), where=norms > 0)

    def _with_bias(self) -> tuple[np.ndarray, np.ndarray]:
        """Both factors as float64, a bias as one more column."""
        left, right = self.left.astype(np.float64), self.right.astype(np.float64)
        if not self.bias.any():
            return left, right
        return np.column_stack([left, self.bias]), np.column_stack([right, np.ones(len(right))])


def _square_root(gram: np.ndarray) -> np.ndarray:
    """The symmetric root of a Gram matrix, which may be singular."""
    values, vectors = np.linalg.eigh(gram)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def _rotate(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centred coordinates (n, K) along their principal axes, and the variances; axes without variance are left out."""
    values, axes = np.linalg.eigh(coordinates.T @ coordinates / (len(coordinates) - 1))
    values, axes = values[::-1], axes[:, ::-1]
    kept = values > values[0] * len(values) * np.finfo(np.float64).eps
    axes = axes[:, kept]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])  # or they would be up to LAPACK
    return coordinates @ (axes * signs), values[kept]
