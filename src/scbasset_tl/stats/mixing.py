"""How well groups of points are mixed: statistics of the groups in each point's neighbourhood."""

from __future__ import annotations

import numpy as np

_ROWS, _MAX_STEPS, _TOLERANCE = 4096, 50, 1e-5


def kbet_p_values(neighbors: np.ndarray, group: np.ndarray) -> np.ndarray:
    """P-value of each point's neighbourhood, itself and its ``neighbors`` (n, k), having all points' shares of ``group``.

    Pearson's chi-square test with one degree of freedom fewer than groups; ``group`` (n,) is 0, 1, … without gaps.
    """
    from scipy.stats import chi2

    shares = np.bincount(group) / len(group)
    expected = shares * (neighbors.shape[1] + 1)
    statistic = np.zeros(len(group))
    for number, count in enumerate(expected):
        observed = (group[neighbors] == number).sum(1) + (group == number)
        statistic += np.square(observed - count) / count
    return chi2.sf(statistic, len(shares) - 1)


def inverse_simpson(neighbors: np.ndarray, distances: np.ndarray, group: np.ndarray, perplexity: float) -> np.ndarray:
    """Effective number of groups among each point's ``neighbors`` (n, k): LISI, from 1 to the number of groups.

    Neighbours weigh exp(-β distance), with β of each point such that the entropy of its weights is log ``perplexity``.
    """
    index = np.empty(len(group))
    for start in range(0, len(group), _ROWS):
        rows = slice(start, start + _ROWS)
        weights = _weights(distances[rows], np.log(perplexity))
        of_neighbors = group[neighbors[rows]]
        shares = np.stack([(weights * (of_neighbors == g)).sum(1) for g in range(int(group.max()) + 1)])
        index[rows] = 1 / np.square(shares).sum(0)
    return index


def _weights(distances: np.ndarray, entropy: float) -> np.ndarray:
    """Weights (n, k) that sum to one and have this entropy, by bisection of β."""
    # neither step changes the resulting weights, and both keep exp() in range
    d = distances.astype(np.float64) - distances.min(1, keepdims=True)
    d /= np.maximum(d.mean(1, keepdims=True), np.finfo(np.float64).tiny)
    beta, low, high = np.ones((len(d), 1)), np.zeros((len(d), 1)), np.full((len(d), 1), np.inf)
    for _ in range(_MAX_STEPS):
        weights = np.exp(-beta * d)
        total = weights.sum(1, keepdims=True)
        weights /= total
        excess = np.log(total) + beta * (d * weights).sum(1, keepdims=True) - entropy
        if (np.abs(excess) < _TOLERANCE).all():
            break
        low, high = np.where(excess > 0, beta, low), np.where(excess > 0, high, beta)
        beta = np.where(np.isinf(high), 2 * beta, (low + high) / 2)
    return weights
