"""Correspondence analysis of a binary cells × regions matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._random import draw_seed

if TYPE_CHECKING:
    from scipy import sparse

_NO_AXIS = 1e-10  # share of the largest squared singular value


def region_vectors(tokens: sparse.csr_matrix, n_latent: int, *, rng: np.random.Generator) -> np.ndarray:
    """Vectors whose products are the linear part of log C / E: C joint openness in a cell, E its expectation.

    With cells weighted by their number of regions, C / E - 1 = Σ s² v vᵀ / √(c cᵀ), where s and v are the singular
    values and right vectors of D_r^-1/2 X D_c^-1/2 beyond the first, c the share of each region in all entries, and D
    row and column sums. To first order, s v / √c are therefore the vectors that skip-gram looks for (Levy & Goldberg
    2014). Sampling alone makes singular values up to (√n_cells + √n_regions) / √entries: s is shrunk by this noise
    (Gavish & Donoho 2017), so that components of noise vanish.

    Parameters
    ----------
    tokens
        CSR (n_cells, n_regions), 1 where a region is open; no cell and no region is empty.
    n_latent
        Components; those beyond the rank are zero.
    rng
        Starts the randomised decomposition.

    Returns
    -------
    float32 (n_regions, n_latent), components by importance, each with its largest entry positive.
    """
    from sklearn.utils.extmath import randomized_svd

    n_cells, n_regions = tokens.shape
    rows, columns = np.diff(tokens.indptr), np.bincount(tokens.indices, minlength=n_regions)
    scaled = tokens.astype(np.float32)
    scaled.data[:] = np.repeat(rows**-0.5, rows)
    scaled.data *= (columns**-0.5).astype(np.float32)[tokens.indices]
    rank = min(n_latent, n_cells - 1, n_regions - 1)
    vectors = np.zeros((n_regions, n_latent), dtype=np.float32)
    if rank:
        _, s, v = randomized_svd(scaled, rank + 1, n_iter=4, random_state=draw_seed(rng))
        # the first component is √c itself
        decomposed = (
            v[1:] * _without_noise(s[1:], n_cells, n_regions, tokens.nnz)[:, None] / np.sqrt(columns / columns.sum())
        )
        vectors[:, :rank] = _oriented(decomposed.T)
    return vectors


def weigh_axes(vectors: np.ndarray, share: np.ndarray, power: float) -> np.ndarray:
    """Rotate region vectors to their principal axes, and scale each axis by a power of its singular value.

    The axes are those of the vectors weighted by ``share``: for vectors s v / √c of :func:`region_vectors` they are the
    dimensions, the singular values are s, and the result is s^power v / √c (eigenvalue weighting of Levy, Goldberg &
    Dagan 2015). Axes next to nothing are zero. At 1 the vectors stay as they are.

    Parameters
    ----------
    vectors
        Vectors of the regions (R, d).
    share
        Share of each region in all entries (R,).
    power
        1 leaves the vectors alone, less than 1 brings the axes nearer to each other.
    """
    if power == 1:
        return vectors
    rows = vectors.astype(np.float64)
    square, axes = np.linalg.eigh((rows * share[:, None]).T @ rows)
    square, axes = square[::-1], axes[:, ::-1]
    used = square > _NO_AXIS * max(square[0], 0)
    factor = np.where(used, np.where(used, square, 1) ** ((power - 1) / 2), 0)
    return _oriented(rows @ (axes * factor)).astype(np.float32)


def _oriented(vectors: np.ndarray) -> np.ndarray:
    """The largest entry of each dimension is positive."""
    return vectors * np.sign(np.take_along_axis(vectors, np.abs(vectors).argmax(0)[None], 0))


def _without_noise(s: np.ndarray, n_cells: int, n_regions: int, n_entries: int) -> np.ndarray:
    """Singular values of the signal in a Poisson table of ``n_entries``, each of which has variance 1 / n_entries."""
    square = np.square(s, dtype=np.float64) * n_entries
    signal = np.square(square - n_cells - n_regions) - 4.0 * n_cells * n_regions
    edge = (np.sqrt(n_cells) + np.sqrt(n_regions)) ** 2
    return np.sqrt(np.where(square > edge, signal, 0) / (square * n_entries))
