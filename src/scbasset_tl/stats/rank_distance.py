"""Rank of a point's counterpart in another set among its neighbours there."""

from __future__ import annotations

import numpy as np

BLOCK_DISTANCES = 1 << 22
"""Distances held at a time."""


def counterpart_ranks(one: np.ndarray, other: np.ndarray, *, block: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rank of each row's counterpart among all rows of the other array, by Euclidean distance, both ways, float64 (n,).

    Row i of ``one`` (n, d) and row i of ``other`` (n, d) belong together. 1 is the nearest; rows as near as the
    counterpart count half. ``block`` rows are compared at a time, never n × n.
    """
    from scipy.spatial.distance import cdist

    one, other = (np.asarray(x, dtype=np.float64) for x in (one, other))
    n = len(one)
    step = max(1, BLOCK_DISTANCES // max(1, n)) if block is None else block
    parts = [slice(start, start + step) for start in range(0, n, step)]
    # by the same function as all others, so that equal distances are equal to the last bit
    own = np.concatenate([cdist(one[part], other[part], "sqeuclidean").diagonal() for part in parts])
    ahead_of_other, ahead_of_one = np.empty(n), np.zeros(n)
    for part in parts:
        distances = cdist(one[part], other, "sqeuclidean")
        nearer, as_near = distances < own[part, None], distances <= own[part, None]
        ahead_of_other[part] = nearer.sum(1) + as_near.sum(1)
        ahead_of_one += (distances < own).sum(0) + (distances <= own).sum(0)
    return (ahead_of_other + 1) / 2, (ahead_of_one + 1) / 2  # the counterpart itself is among those as near
