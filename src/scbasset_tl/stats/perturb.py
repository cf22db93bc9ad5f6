"""Data with part of their signal taken out: fewer reads, or open peaks in other places."""

from __future__ import annotations

import numpy as np


def thin(counts: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Binomial thinning of whole numbers: each single read stays with probability ``fraction``."""
    return rng.binomial(counts.astype(np.int64), fraction).astype(counts.dtype)


def redraw(counts: np.ndarray, n_columns: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """CSR (indptr, indices) whose row i has ``counts[i]`` entries in random columns, ascending and without repeats."""
    drawn = [np.sort(rng.choice(n_columns, count, replace=False, shuffle=False)) for count in counts]
    return np.concatenate([[0], np.cumsum(counts)]), np.concatenate([np.empty(0, np.int32), *drawn]).astype(np.int32)
