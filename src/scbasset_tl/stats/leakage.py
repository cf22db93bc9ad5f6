"""Depth and batches in an embedding, which should hold neither."""

from __future__ import annotations

import numpy as np


def explained_share(x: np.ndarray, y: np.ndarray) -> float:
    """Share of the variance of ``x`` (n, d), all columns together, that lies along ``y`` (n,).

    This is principal component regression summed over all components: it weighs a direction by its variance, as
    distances do. NaN where ``x`` or ``y`` does not vary.
    """
    x, y = (np.asarray(values - values.mean(0), dtype=np.float64) for values in (x, y))
    total = np.vdot(x, x) * (y @ y)
    return float(np.square(y @ x).sum() / total) if total > 0 else float("nan")


def same_group(neighbors: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """Share of ``neighbors`` (n, k) in their point's own ``group`` (n,), and that of neighbours drawn at random."""
    n = len(group)
    sizes = np.bincount(group)
    observed = (group[neighbors] == group[:, None]).mean()
    return float(observed), float((sizes * (sizes - 1)).sum() / (n * (n - 1)))
