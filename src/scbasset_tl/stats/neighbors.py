"""k nearest neighbours of points."""

from __future__ import annotations

import numpy as np

from scbasset_tl._random import draw_seed
from scbasset_tl._threads import same_threads

EXACT_UP_TO = 32_768
"""Points up to which all pairs are compared, which is faster than the half minute that pynndescent takes to compile."""


def nearest(x: np.ndarray, k: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions and Euclidean distances of the ``k`` nearest others of each row of ``x``, nearest first, both (n, k).

    Exact up to ``EXACT_UP_TO`` rows; beyond, nearest-neighbour descent (pynndescent), which finds nearly all of them
    and depends on ``rng`` and on the number of threads.
    """
    x = np.asarray(x)
    if not 0 < k < len(x):
        message = f"k must be from 1 to {len(x) - 1}, the number of other points, got {k}."
        raise ValueError(message)
    _check_finite(x)
    return _exact(x, k) if len(x) <= EXACT_UP_TO else _descent(x, k, draw_seed(rng))


def nearest_among(
    x: np.ndarray, k: int, queries: np.ndarray, *, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and Euclidean distances of the ``k`` nearest rows of ``x`` to each row of ``queries``, as in :func:`nearest`."""
    x, queries = np.asarray(x), np.asarray(queries)
    if not 0 < k <= len(x):
        message = f"k must be from 1 to {len(x)}, the number of points, got {k}."
        raise ValueError(message)
    _check_finite(x)
    _check_finite(queries)
    if len(x) <= EXACT_UP_TO:
        return _exact(x, k, queries)
    from pynndescent import NNDescent

    with same_threads():
        indices, distances = NNDescent(x, n_neighbors=max(k, 15), random_state=draw_seed(rng)).query(queries, k)
    return _completed(x, indices, distances, queries)


def _check_finite(x: np.ndarray) -> None:
    if not np.isfinite(x).all():
        message = f"points must be finite; {int((~np.isfinite(x)).any(axis=1).sum())} hold NaN or infinite values."
        raise ValueError(message)


def _exact(x: np.ndarray, k: int, queries: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Compare all pairs; a point is left out of its own neighbours where ``queries`` is None."""
    from sklearn.neighbors import NearestNeighbors

    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors(queries)
    return indices, distances


def _descent(x: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from pynndescent import NNDescent

    with same_threads():
        indices, distances = NNDescent(x, n_neighbors=k + 1, random_state=seed).neighbor_graph
    return _without_self(*_completed(x, indices, distances, x))


def _completed(
    x: np.ndarray, indices: np.ndarray, distances: np.ndarray, queries: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same lists, where exact neighbours replace lists in which the descent found too few."""
    rows = np.flatnonzero((indices < 0).any(axis=1))
    if len(rows):
        indices[rows], distances[rows] = _exact(x, indices.shape[1], queries[rows])
    return indices, distances


def _without_self(indices: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop each point from its own list, or the farthest where duplicates have crowded it out."""
    others = indices != np.arange(len(indices))[:, None]
    others[others.all(axis=1), -1] = False
    shape = (len(indices), indices.shape[1] - 1)
    return indices[others].reshape(shape), distances[others].reshape(shape)


def shared_fraction(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over rows of the share of neighbours that two (n, k) lists have in common."""
    row = np.arange(len(one), dtype=np.int64)[:, None] * len(one)
    return np.intersect1d(one + row, other + row, assume_unique=True).size / one.size
