"""Mean silhouette width, in blocks of cells or from sums alone: pairs of cells are never all held."""

from __future__ import annotations

import numpy as np

from scbasset_tl._log import late_progress

BLOCK_BYTES = 1 << 26
"""Memory for one block of distances, in bytes."""
_ROUNDING = 1e-15  # largest error of a distance of zero


def euclidean_silhouette(x: np.ndarray, labels: np.ndarray) -> float:
    """Mean silhouette width of points (n, d) by Euclidean distance, for labels from 0 on (n,)."""
    from sklearn.metrics import pairwise_distances

    of_label = np.eye(int(labels.max()) + 1)[labels]
    sums = np.empty(of_label.shape)
    step = max(1, BLOCK_BYTES // (8 * len(x)))
    with late_progress(len(x), description="silhouette", unit=" cells") as bar:
        for start in range(0, len(x), step):
            block = slice(start, min(start + step, len(x)))
            distances = pairwise_distances(x[block], x)
            own = np.arange(len(distances))
            distances[own, own + start] = 0  # rounding leaves a rest
            sums[block] = distances @ of_label
            bar.update(len(distances))
    return _mean_width(sums, labels)


def cosine_silhouette(units: np.ndarray, labels: np.ndarray) -> float:
    """Mean silhouette width by 1 minus the cosine, for vectors of length 1 or 0 (n, d).

    The distances of a point to all points of a label add up to how many these are, minus the product with their sum: no
    pair is formed.
    """
    of_label = np.eye(int(labels.max()) + 1)[labels]
    sums = of_label.sum(axis=0) - units @ (units.T @ of_label)
    own = np.arange(len(labels)), labels
    sums[own] -= 1 - np.einsum("ij,ij->i", units, units)  # a point's distance to itself is none, also of 0
    sums[sums < _ROUNDING * len(labels)] = 0
    return _mean_width(sums, labels)


def _mean_width(sums: np.ndarray, labels: np.ndarray) -> float:
    """From the sum of each point's distances to the points of each label (n, labels)."""
    size, own = np.bincount(labels), (np.arange(len(labels)), labels)
    alone = size[labels] == 1
    within = sums[own] / np.maximum(size[labels] - 1, 1)
    means = sums / size
    means[own] = np.inf
    nearest = means.min(axis=1)
    largest = np.maximum(within, nearest)
    width = np.divide(nearest - within, largest, out=np.zeros(len(labels)), where=(largest > 0) & ~alone)
    return float(width.mean())
