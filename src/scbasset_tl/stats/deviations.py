"""chromVAR's deviations: how much more open peaks with a motif are in a cell than its depth and similar peaks explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse

_N_BINS = 50
_BANDWIDTH = 0.1


def background_peaks(gc: np.ndarray, depth: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Peaks like each peak in GC content and depth, drawn with replacement as chromVAR does, int64 (P, n).

    GC and log10 depth are made uncorrelated and of variance one, and divided into 50 × 50 bins. A peak of another bin
    is drawn with a chance that falls off as a normal density of standard deviation 0.1 with the bins' distance, within
    a bin all are equally likely.

    Parameters
    ----------
    gc, depth
        Share of C and G, and number of reads (above 0), of each peak (P,).
    n
        Draws for each peak.
    rng
        Generator.
    """
    traits = np.stack([np.log10(depth), gc])
    covariance = np.cov(traits)
    covariance += np.eye(2) * (1e-9 * np.trace(covariance) + 1e-12)  # for peaks that are all alike in one of them
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), traits)
    low, high = whitened.min(axis=1, keepdims=True), whitened.max(axis=1, keepdims=True)
    step = np.maximum(high - low, 1e-12) / (_N_BINS - 1)
    grid = np.rint((whitened - low) / step)
    bins, member, count = np.unique(grid.T, axis=0, return_inverse=True, return_counts=True)
    member = member.reshape(-1)
    centre = bins * step.T
    distance = np.linalg.norm(centre[:, None] - centre[None], axis=2)
    bounds = np.cumsum(np.exp(-0.5 * (distance / _BANDWIDTH) ** 2), axis=1)
    by_bin, first = np.argsort(member, kind="stable"), np.cumsum(count) - count
    drawn = np.empty((len(gc), n), dtype=np.int64)
    for number, row in enumerate(bounds):
        peaks = np.flatnonzero(member == number)
        target = np.searchsorted(row, rng.random((len(peaks), n)) * row[-1], side="right")
        drawn[peaks] = by_bin[first[target] + rng.integers(count[target])]
    return drawn


def deviations(open_in: sparse.csr_matrix, has_motif: sparse.csr_matrix, background: np.ndarray) -> np.ndarray:
    """Bias-corrected deviation z-scores of chromVAR, float64 (n_cells, M); NaN for a motif that no peak has.

    The raw deviation of a motif in a cell is (observed - expected) / expected, where observed counts
    the open peaks that have the motif, and expected follows from the cell's depth and each peak's share of all reads. The
    z-score subtracts the mean over the sets of background peaks and divides by their standard deviation
    :cite:p:`Schep2017`.

    Parameters
    ----------
    open_in
        Peaks × cells (P, n_cells): counts, or 1 where open.
    has_motif
        Peaks × motifs (P, M), 1 where the peak has the motif.
    background
        Number of a peak like each peak, in each background set (P, n).
    """
    motifs, share = has_motif.T.tocsr(), np.asarray(open_in.sum(axis=1)).ravel() / open_in.sum()
    depth = np.asarray(open_in.sum(axis=0)).ravel()

    def raw(rows: np.ndarray | slice) -> np.ndarray:
        observed = (motifs @ open_in[rows]).toarray()
        expected = (motifs @ share[rows])[:, None] * depth
        return np.divide(observed - expected, expected, out=np.full(expected.shape, np.nan), where=expected > 0)

    mean, squares = np.zeros((2, motifs.shape[0], open_in.shape[1]))
    for number, rows in enumerate(background.T, start=1):  # Welford's update: one set at a time is held
        sampled = raw(rows)
        change = sampled - mean
        mean += change / number
        squares += change * (sampled - mean)
    spread = np.sqrt(squares / (background.shape[1] - 1))
    corrected = raw(slice(None)) - mean
    return np.divide(corrected, spread, out=np.full(spread.shape, np.nan), where=spread > 0).T
