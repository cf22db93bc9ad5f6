"""Significance against a null of permuted motifs."""

from __future__ import annotations

from typing import Final

import numpy as np

# motifs whose widths and information differ by no more than this share a pool
_SAME_WIDTH: Final = 2  # bp
_SAME_INFORMATION: Final = 2.0  # bits


def spread(effect: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Standard deviation over cells of ``effect @ vectors.T`` from the cell vectors' covariance (K, K): (M,).

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.stats.null import spread
    >>> vectors = np.array([[1.0, 0.0], [3.0, 1.0]])
    >>> spread(np.array([[1.0, 0.0], [0.0, 2.0]]), np.cov(vectors.T, ddof=0)).tolist()
    [1.0, 1.0]
    """
    return np.sqrt(np.maximum(np.einsum("mk,kl,ml->m", effect, covariance, effect), 0))


def pools(width: np.ndarray, information: np.ndarray, n_draws: np.ndarray, *, smallest: int) -> np.ndarray:
    """Number of the pool of each motif: motifs of like width and information content, int64 (M,).

    Motifs are halved at the median, again and again, by width as long as widths differ and then by information, until
    a half would hold fewer than ``smallest`` of their draws (M,) or the motifs in it are alike.
    """
    pool = np.zeros(len(width), dtype=np.int64)
    left = [np.arange(len(width))]
    n_pools = 0
    while left:
        members = left.pop()
        for values, alike in ((width, _SAME_WIDTH), (information, _SAME_INFORMATION)):
            own = values[members]
            upper = own > np.median(own)
            if np.ptp(own) > alike and min(n_draws[members[half]].sum() for half in (upper, ~upper)) >= smallest:
                left += [members[upper], members[~upper]]
                break
        else:
            pool[members] = n_pools
            n_pools += 1
    return pool


def p_values(statistic: np.ndarray, pool: np.ndarray, null: np.ndarray, null_pool: np.ndarray) -> np.ndarray:
    """Chance of each statistic or more under the null draws of the same pool: (1 + #≥) / (1 + N).

    Parameters
    ----------
    statistic, pool
        Statistics of each motif (M, S), any number S of them, and its pool (M,).
    null, null_pool
        The same of each draw, (D, S) and (D,).

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.stats.null import p_values
    >>> null = np.array([[1.0], [2.0], [3.0], [9.0]])
    >>> p_values(np.array([[2.0], [4.0]]), np.array([0, 1]), null, np.array([0, 0, 0, 1])).tolist()
    [[0.75], [1.0]]
    """
    p = np.empty(statistic.shape)
    for number in np.unique(pool):
        in_pool = pool == number
        draws = np.sort(null[null_pool == number], axis=0)
        for column in range(statistic.shape[1]):
            above = len(draws) - np.searchsorted(draws[:, column], statistic[in_pool, column], side="left")
            p[in_pool, column] = (1 + above) / (1 + len(draws))
    return p
