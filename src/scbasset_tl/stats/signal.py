"""Whether sequences predict open cells: auROC against its exact null over all pairings of sequences with peaks' rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scbasset_tl.stats.open_entries import OpenEntries


class Signal(NamedTuple):
    """A mean auROC beside its mean and standard deviation over all permutations of the peaks."""

    auroc: float
    null: float
    null_sd: float

    @property
    def z(self) -> float:
        """Standard deviations above the null; NaN where the null has no spread."""
        return (self.auroc - self.null) / self.null_sd if self.null_sd > 0 else float("nan")


def signal_per_cell(scores: np.ndarray, opened: np.ndarray) -> Signal:
    """Mean auROC per cell of ``scores`` (P, n) against bool ``opened`` (P, n); its null mean is one half.

    Peaks are permuted, not entries: cells share the peaks, and only the peaks are independent of each other.
    """
    return _signal(scores, opened, axis=0)


def signal_per_peak(scores: np.ndarray, opened: np.ndarray) -> Signal:
    """Mean auROC per peak; its null keeps what the cells' depths predict without any sequence."""
    both = _both_classes(opened, axis=1)
    return _signal(scores[both], opened[both], axis=1)


def _signal(scores: np.ndarray, opened: np.ndarray, axis: int) -> Signal:
    from scipy.stats import rankdata

    both = _both_classes(opened, axis)
    if not both.any() or len(scores) < 2:
        return Signal(float("nan"), float("nan"), float("nan"))
    if axis == 0:
        scores, opened = scores[:, both], opened[:, both]
    n_open, size = opened.sum(axis, keepdims=True), opened.shape[axis]
    # the mean auROC is a sum over peaks of ranks[p] · weight[p], less a constant that no permutation changes
    ranks = rankdata(scores, axis=axis)
    weight = opened / (n_open * (size - n_open) * n_open.size)
    constant = float(np.mean((n_open + 1) / (2 * (size - n_open))))
    mean, sd = permutation_moments(ranks, weight)
    return Signal(float(np.vdot(ranks, weight)) - constant, mean - constant, sd)


def permutation_moments(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of Σₚ a[p] · b[π(p)] over all permutations π of the rows (Hoeffding 1951)."""
    n_rows, n_columns = a.shape
    mean = float(a.sum(0) @ b.sum(0)) / n_rows
    a, b = a - a.mean(0), b - b.mean(0)
    # the sum of squares of a bᵀ, from whichever product is smaller
    squares = np.square(a @ b.T).sum() if n_rows <= n_columns else np.vdot(a.T @ a, b.T @ b)
    return mean, float(np.sqrt(max(squares, 0.0) / (n_rows - 1)))


def _both_classes(opened: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(opened.any(axis) & ~opened.all(axis))


def auc_of_one_score(scores: np.ndarray, entries: OpenEntries) -> np.ndarray:
    """AUC of each row of ``entries`` against the same ``scores`` (n_cells,), float64; NaN where a row has one class."""
    from scipy.stats import rankdata

    sums = np.concatenate([[0], np.cumsum(rankdata(scores)[entries.indices])])
    n_open = entries.peak_counts().astype(np.float64)
    n_closed = entries.n_cells - n_open
    pairs = np.where(n_open * n_closed > 0, n_open * n_closed, np.nan)
    return (np.diff(sums[entries.indptr]) - n_open * (n_open + 1) / 2) / pairs
