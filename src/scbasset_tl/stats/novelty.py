"""Cells that a model of other cells does not explain: the gain on peaks held out of their fit, against known cells."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from scbasset_tl.stats.logistic import CellFit, fit_cells, log_likelihood
from scbasset_tl.stats.open_entries import OpenEntries


def held_out_gain(
    peak_embedding: np.ndarray,
    entries: OpenEntries,
    *,
    l2: float,
    rng: np.random.Generator,
    center: np.ndarray | None = None,
    start: CellFit | None = None,
) -> np.ndarray:
    """How well cell vectors fitted to one half of the peaks predict the other, float64 (n,).

    The log-likelihood of the accessibility over that of one probability for all peaks, summed over both halves, per open peak.
    It is near 0 in a cell whose open peaks have nothing to do with their sequences.
    """
    first = rng.permutation(entries.n_peaks) < entries.n_peaks // 2
    gain = np.zeros(entries.n_cells)
    for half in (first, ~first):
        fitted, scored = np.flatnonzero(half), np.flatnonzero(~half)
        fit = fit_cells(peak_embedding[fitted], entries.rows(fitted), l2=l2, center=center, start=start)
        part = entries.rows(scored)
        n_open, n_peaks = part.cell_counts(), part.n_peaks
        alone = xlogy(n_open, n_open / n_peaks) + xlogy(n_peaks - n_open, 1 - n_open / n_peaks)
        gain += log_likelihood(peak_embedding[scored], part, fit.weight, fit.bias) - alone
    return gain / np.maximum(entries.cell_counts(), 1)


def thinned(entries: OpenEntries, n_open: np.ndarray, rng: np.random.Generator) -> OpenEntries:
    """Keep about ``n_open[c]`` of the open peaks of cell c, drawn at random, where it has more."""
    share = n_open / np.maximum(entries.cell_counts(), 1)
    keep = rng.random(len(entries.indices)) < share[entries.indices]
    return OpenEntries(np.concatenate([[0], np.cumsum(keep)])[entries.indptr], entries.indices[keep], entries.n_cells)


def depths_like(n_open: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each cell the depth that has its rank among ``others``.

    Matching by rank and not at random keeps deeper kinds of cells deeper.
    """
    rank = np.argsort(np.argsort(n_open, kind="stable"), kind="stable")
    return np.quantile(others, (rank + 0.5) / len(rank))


def low_gain(
    gain: np.ndarray, n_open: np.ndarray, known_gain: np.ndarray, known_n_open: np.ndarray, *, share: float
) -> np.ndarray:
    """Cells with a gain below that of all but ``share`` of the known cells of their depth, bool (n,).

    The limit is a quantile regression of the known cells' gain on the logarithm of their number of open peaks and its
    square, held constant beyond the depths that are known.
    """
    from sklearn.linear_model import QuantileRegressor

    known_depth = np.log1p(known_n_open)
    depth = np.clip(np.log1p(n_open), known_depth.min(), known_depth.max())
    middle = known_depth.mean()
    powers = [np.column_stack([x - middle, (x - middle) ** 2]) for x in (known_depth, depth)]
    limit = QuantileRegressor(quantile=share, alpha=0).fit(powers[0], known_gain).predict(powers[1])
    return np.asarray(gain < limit)
