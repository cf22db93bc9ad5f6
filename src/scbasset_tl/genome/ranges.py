"""Ranges of whole numbers, one number after the other."""

from __future__ import annotations

import numpy as np


def each_of(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and number of each whole number in [low, high) of each row, int64; a row whose ``high`` is not above has none.

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.genome.ranges import each_of
    >>> [part.tolist() for part in each_of(np.array([5, 3, 7]), np.array([7, 2, 8]))]
    [[0, 0, 2], [5, 6, 7]]
    """
    count = np.maximum(high - low, 0)
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count - low, count)
