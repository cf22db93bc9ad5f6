"""Is a trained scBasset usable? The test for sequence signal, and the rule from its numbers to a verdict (numpy, scipy)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scbasset_tl.stats.labels import Labels


class Signal(NamedTuple):
    """A mean auROC beside its mean and standard deviation over all pairings of sequences with label rows."""

    auroc: float
    null: float
    null_sd: float

    @property
    def z(self) -> float:
        """Standard deviations above the null."""
        return (self.auroc - self.null) / self.null_sd if self.null_sd > 0 else 0.0


def signal_per_cell(scores: np.ndarray, labels: np.ndarray) -> Signal:
    """Mean auROC per cell of ``scores`` (P, n) against bool ``labels``, tested by permuting the peaks.

    Cells of one class are left out. Every cell keeps its labels, so that all its null says is that the sequences
    belong to other peaks: its mean is one half.
    """
    return _signal(scores, labels, axis=0)


def signal_per_peak(scores: np.ndarray, labels: np.ndarray) -> Signal:
    """Mean auROC per peak, tested by permuting the peaks; the null keeps what the cells' depths alone predict."""
    both = _both(labels, axis=1)
    return _signal(scores[both], labels[both], axis=1)


def _signal(scores: np.ndarray, labels: np.ndarray, axis: int) -> Signal:
    from scipy.stats import rankdata

    both = _both(labels, axis)
    if not both.any() or len(scores) < 2:
        return Signal(np.nan, np.nan, np.nan)
    if axis == 0:
        scores, labels = scores[:, both], labels[:, both]
    n_open, size = labels.sum(axis, keepdims=True), labels.shape[axis]
    # the mean auROC is a sum over peaks of a[p] · b[p], less a constant that no permutation changes
    a = rankdata(scores, axis=axis)
    b = labels / (n_open * (size - n_open) * n_open.size)
    constant = float(((n_open + 1) / (2 * (size - n_open) * n_open.size)).sum())
    mean, sd = permutation_moments(a, b)
    return Signal(float(np.vdot(a, b)) - constant, mean - constant, sd)


def permutation_moments(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of Σₚ a[p] · b[π(p)] over all permutations π of the rows (Hoeffding 1951)."""
    n_rows, n_columns = a.shape
    mean = float(a.sum(0) @ b.sum(0)) / n_rows
    a, b = a - a.mean(0), b - b.mean(0)
    # ‖a bᵀ‖² by whichever product is smaller
    squares = ((a @ b.T) ** 2).sum() if n_rows <= n_columns else ((a.T @ a) * (b.T @ b)).sum()
    return mean, float(np.sqrt(max(squares, 0) / (n_rows - 1)))


def _both(labels: np.ndarray, axis: int) -> np.ndarray:
    return labels.any(axis) & ~labels.all(axis)


def auc_of_shared_scores(scores: np.ndarray, labels: Labels) -> np.ndarray:
    """AUC of each row of ``labels`` against the same ``scores`` (n_cells,); NaN where a row has one class."""
    from scipy.stats import rankdata

    total = np.concatenate([[0], np.cumsum(rankdata(scores)[labels.indices])])
    n_open = labels.peak_counts().astype(float)
    n_closed = labels.n_cells - n_open
    rank_sum = np.diff(total[labels.indptr])
    with np.errstate(invalid="ignore", divide="ignore"):
        return (rank_sum - n_open * (n_open + 1) / 2) / (n_open * n_closed)
