"""What an embedding holds besides what it should: depth, batches."""

from __future__ import annotations

import numpy as np


def adjusted_r2(x: np.ndarray, y: np.ndarray) -> float:
    """Share of the variance of ``y`` (n,) that a linear model of ``x`` (n, d) explains beyond what noise would.

    NaN where there are too few rows, or ``y`` does not vary.
    """
    n, d = x.shape
    y = y - y.mean()
    total = float(y @ y)
    if n <= d + 1 or total == 0:
        return float("nan")
    x = np.asarray(x - x.mean(0), dtype=np.float64)
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return 1 - float(residual @ residual) / total * (n - 1) / (n - d - 1)


def same_group(neighbors: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """Share of ``neighbors`` (n, k) in their point's own ``group`` (n,), and that of neighbours drawn at random."""
    n = len(group)
    sizes = np.bincount(group)
    observed = (group[neighbors] == group[:, None]).mean()
    return float(observed), float((sizes * (sizes - 1)).sum() / (n * (n - 1)))
