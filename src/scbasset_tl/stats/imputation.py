"""How well predicted accessibility finds entries that were masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl.stats.agreement import column_correlations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scipy import sparse


def masked_scores(
    predicted: Iterable[np.ndarray],
    full: sparse.csr_matrix,
    kept: sparse.csr_matrix,
    cells: np.ndarray,
    *,
    n_zeros: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Areas under the ROC and the precision-recall curve of each cell, float64 (n, 2); NaN where nothing was masked.

    Parameters
    ----------
    predicted
        Scores of all peaks, for each of ``cells``.
    full, kept
        Open entries (bool CSR, cells × peaks) before and after masking; ``kept`` is a part of ``full``.
    cells
        Rows.
    n_zeros
        Peaks that are closed before masking, so many for each masked one, drawn at random without replacement.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    areas = np.full((len(cells), 2), np.nan)
    everything = np.arange(full.shape[1])
    for number, (row, cell) in enumerate(zip(predicted, cells, strict=True)):
        opened = full.indices[full.indptr[cell] : full.indptr[cell + 1]]
        ones = np.setdiff1d(opened, kept.indices[kept.indptr[cell] : kept.indptr[cell + 1]], assume_unique=True)
        zeros = np.setdiff1d(everything, opened, assume_unique=True)
        if not len(ones) or not len(zeros):
            continue
        zeros = rng.choice(zeros, min(len(zeros), n_zeros * len(ones)), replace=False)
        truth, values = np.repeat([1, 0], [len(ones), len(zeros)]), np.asarray(row)[np.concatenate([ones, zeros])]
        areas[number] = roc_auc_score(truth, values), average_precision_score(truth, values)
    return areas


def correlations(predicted: Iterable[np.ndarray], means: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Pearson's and Spearman's correlation of each cell with the mean cell of its group, float64 (n, 2), NaN if constant.

    Parameters
    ----------
    predicted
        Scores of all peaks (P,), one cell after the other.
    means
        Share of the cells of each group in which each peak is open (G, P).
    group
        Number of the group of each cell; -1 for none, which has no correlation.
    """
    from scipy.stats import rankdata

    coefficients = np.full((len(group), 2), np.nan)
    ranks = np.stack([rankdata(mean) for mean in means])
    for number, (row, own) in enumerate(zip(predicted, group, strict=True)):
        if own >= 0:
            coefficients[number] = _pearson(row, means[own]), _pearson(rankdata(row), ranks[own])
    return coefficients


def _pearson(one: np.ndarray, other: np.ndarray) -> float:
    return float(column_correlations(one[:, None], other[:, None])[0])
