"""Wilcoxon's rank-sum test of many rows at once, with ties."""

from __future__ import annotations

import numpy as np

from scbasset_tl._kernel import kernel


def rank_sums(values: np.ndarray, group: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the ranks (from 1, ties share their mean) of each group in each row, float64 (R, G), and ties of each row.

    Parameters
    ----------
    values
        Rows to rank (R, n), finite.
    group
        Number of each column's group, 0 to G - 1.
    n_groups
        G.

    Returns
    -------
    The sums, and for each row the sum of t³ - t over its sets of t equal values, float64 (R,).
    """
    sums, ties = np.zeros((len(values), n_groups)), np.zeros(len(values))
    order = np.argsort(values, axis=1)
    _add_ranks(values, order, np.asarray(group, dtype=np.int64), sums, ties)
    return sums, ties


def rank_sums_of_open(n_open: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same for rows of zeros and ones, from the number of ones in each group (R, G) and the groups' sizes (G,)."""
    n = size.sum()
    ones = n_open.sum(axis=1).astype(np.float64)
    zeros = n - ones
    sums = (size - n_open) * ((zeros + 1) / 2)[:, None] + n_open * (zeros + (ones + 1) / 2)[:, None]
    return sums, (zeros**3 - zeros) + (ones**3 - ones)


def rank_sum_z(sums: np.ndarray, ties: np.ndarray, size: int, n: int) -> np.ndarray:
    """Standard normal deviates (R,) of rank sums of a group of ``size`` among ``n`` columns; 0 where all are equal."""
    if n < 2:
        return np.zeros(len(sums))
    variance = size * (n - size) / 12 * (n + 1 - ties / (n * (n - 1)))
    deviation = sums - size * (n + 1) / 2
    # where all values are equal rounding leaves a little
    varies = variance > 1e-9 * n**2 * size
    return np.divide(deviation, np.sqrt(variance.clip(min=0)), out=np.zeros(len(sums)), where=varies)


@kernel(nogil=True)
def _add_ranks(values: np.ndarray, order: np.ndarray, group: np.ndarray, sums: np.ndarray, ties: np.ndarray) -> None:
    n = values.shape[1]
    for row in range(values.shape[0]):
        first = 0
        while first < n:
            last = first
            while last + 1 < n and values[row, order[row, last + 1]] == values[row, order[row, first]]:
                last += 1
            for place in range(first, last + 1):
                sums[row, group[order[row, place]]] += (first + last) / 2 + 1
            size = float(last - first + 1)
            ties[row] += size**3 - size
            first = last + 1
