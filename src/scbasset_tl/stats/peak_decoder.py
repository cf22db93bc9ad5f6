"""From short cell vectors to peaks: a logistic regression for each peak, shrunk towards given weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from scbasset_tl.stats.logistic import fit_cells, log_likelihood
from scbasset_tl.stats.open_entries import OpenEntries

if TYPE_CHECKING:
    from scipy import sparse

PENALTIES: Final = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_HELD_OUT, _MIN_HELD_OUT = 0.1, 10
_N_PEAKS = 2_000  # that choose the penalty
_N_CELLS = 20_000  # most cells to learn from: more change little, and a million take hours


class PeakDecoder(NamedTuple):
    """Logits are ``[features, 1] @ weight.T``."""

    weight: np.ndarray  # float32 (P, F + 1)
    l2: float
    held_out: dict[float, float]  # mean log-likelihood of a held-out cell's peaks, for each penalty that was tried


def fit_peak_decoder(
    features: np.ndarray, opened: sparse.csr_matrix, *, center: np.ndarray, rng: np.random.Generator
) -> PeakDecoder:
    """Fit one ridge regression a peak; the penalty is the one under which held-out cells are most probable.

    Parameters
    ----------
    features
        Features of the cells (n, F).
    opened
        Open peaks, cells × peaks.
    center
        Weights (P, F) that the penalty pulls to. It is measured in standard deviations of the features; the intercept
        is free.
    rng
        Chooses the held-out cells, and peaks and cells where there are many.
    """
    order = rng.permutation(len(features))[:_N_CELLS]
    features, opened = features[order].astype(np.float64), opened[order]
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale <= 1e-6 * np.abs(mean)] = 1
    design, pull = (features - mean) / scale, center * scale
    # cells and peaks change places in the fit: each peak has a weight for each feature of the cells
    l2, held_out = _choose(design, opened, pull, rng)
    fit = fit_cells(design, OpenEntries.from_csr(opened), l2=l2, center=pull, what="peaks")
    weight = fit.weight / scale
    return PeakDecoder(np.column_stack([weight, fit.bias - weight @ mean]).astype(np.float32), l2, held_out)


def _choose(
    design: np.ndarray, opened: sparse.csr_matrix, pull: np.ndarray, rng: np.random.Generator
) -> tuple[float, dict[float, float]]:
    """Raise the penalty until held-out cells become less probable."""
    peaks = np.sort(rng.permutation(opened.shape[1])[:_N_PEAKS])
    n = max(_MIN_HELD_OUT, round(_HELD_OUT * len(design)))
    if n > len(design) // 2:
        return PENALTIES[len(PENALTIES) // 2], {}
    opened, pull = opened[:, peaks], pull[peaks]
    fitted, held_out = OpenEntries.from_csr(opened[n:]), OpenEntries.from_csr(opened[:n])
    likelihood: dict[float, float] = {}
    for l2 in PENALTIES:
        fit = fit_cells(design[n:], fitted, l2=l2, center=pull, what="peaks")
        likelihood[l2] = float(log_likelihood(design[:n], held_out, fit.weight, fit.bias).sum()) / n
        if likelihood[l2] < max(likelihood.values()):
            break
    return max(likelihood, key=lambda l2: likelihood[l2]), likelihood
