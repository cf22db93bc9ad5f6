"""Correlations of columns, and tests of which of two sets of columns correlates better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable


def column_correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson correlation of each column with the same column of the other (n, M), NaN where one is constant or NaN."""
    deviations = [values - values.mean(axis=0) for values in (one.astype(np.float64), other.astype(np.float64))]
    norms = np.prod([np.linalg.norm(values, axis=0) for values in deviations], axis=0)
    constant = (np.ptp(one, axis=0) == 0) | (np.ptp(other, axis=0) == 0)
    products = (deviations[0] * deviations[1]).sum(axis=0)
    return np.divide(products, norms, out=np.full(norms.shape, np.nan), where=~constant & (norms > 0))


def group_p_values(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Kruskal-Wallis p-value of each column (n, M) between the groups (n,); 1 for a constant one."""
    from scipy.stats import kruskal

    members = [group == level for level in np.unique(group)]
    return np.array(
        [kruskal(*(column[m] for m in members)).pvalue if np.ptp(column) > 0 else 1.0 for column in values.T]
    )


def signed_rank(
    values: Iterable[float], against: Iterable[float] | float, side: Literal["greater", "less", "two-sided"]
) -> float:
    """P-value of the paired Wilcoxon signed-rank test; NaN where no pair differs."""
    from scipy.stats import wilcoxon

    differences = np.asarray(values, dtype=np.float64) - np.asarray(against, dtype=np.float64)
    return float(wilcoxon(differences, alternative=side).pvalue) if np.any(differences) else float("nan")
