"""Exact cell vectors for given peak vectors: a penalised logistic regression per cell, many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn.functional import softplus

from scbasset_tl._log import late_progress
from scbasset_tl.stats.open_entries import blocks_of_rows

if TYPE_CHECKING:
    from scbasset_tl.stats.open_entries import OpenEntries

BLOCK = 512
"""Cells solved together."""
_PEAKS = 512  # peaks in one block, so that their logits in a block of cells stay in the cache
_TOLERANCE = 1e-6  # Newton decrement after which one more step is the last: it leaves about its square
_SUFFICIENT = 1e-4  # a step must bring this share of the decrease that the gradient promises


class CellFit(NamedTuple):
    """Cell vectors and what is known about them."""

    weight: np.ndarray  # float64 (n, K)
    bias: np.ndarray  # float64 (n,)
    standard_error: np.ndarray  # float64 (n,): of a weight, the mean over the K
    log_likelihood: np.ndarray  # float64 (n,): sum over the peaks, without the penalty
    n_iter: np.ndarray  # int64 (n,)
    converged: np.ndarray  # bool (n,)


def fit_cells(
    peak_embedding: np.ndarray,
    entries: OpenEntries,
    *,
    l2: float,
    center: np.ndarray | None = None,
    start: CellFit | None = None,
    n_iter: int = 100,
    block: int = BLOCK,
    what: str = "cells",
) -> CellFit:
    """Logistic regression of each cell's accessibility on the peak vectors, by Newton's method with backtracking.

    A cell's loss is the **sum** over peaks of the binary cross-entropy, plus ``l2 / 2`` times the sum of squares of its
    weights. The bias is never penalised: it is the cell's depth. The open entries enter only by the sums of their
    peaks' vectors: they are read once and are never dense. Losses and gradients are float64: weakly determined
    weights would be rounding errors in float32. The Hessians of a block of cells are one float32 product with the
    distinct products of the columns of [H 1]; they only steer, and give the standard errors.

    A cell in which no peak is open, or every one, has no finite bias. It gets the weights ``center``, the log-odds of
    half a peak and the standard error NaN, and counts as not converged.

    Parameters
    ----------
    peak_embedding
        H (P, K).
    entries
        Open entries of peaks × cells.
    l2
        Weight of the penalty, the prior precision of a weight. With 0 the weights of shallow cells may have no optimum.
    center
        Weights (n, K) that the penalty pulls to instead of 0.
    start
        Where to begin, such as the fit to more peaks.
    n_iter
        Evaluations of a cell at most; 5 to 8 do for most.
    block
        Cells solved together, with about 30 kB each.
    what
        What a progress bar calls the cells.
    """
    design = _with_ones(peak_embedding)
    sums = _open_sums(design, entries)
    pull = torch.zeros_like(sums)
    if center is not None:
        pull[:, :-1] = torch.as_tensor(center)
    theta = pull.clone()
    theta[:, -1] = torch.logit((sums[:, -1] + 0.5) / (len(design) + 1))
    solvable = torch.nonzero((sums[:, -1] > 0) & (sums[:, -1] < len(design)))[:, 0]
    if start is not None:
        theta[solvable] = _stacked(start.weight, start.bias)[solvable]
    fit = CellFit(
        theta[:, :-1].numpy(),
        theta[:, -1].numpy(),
        np.full(len(theta), np.nan),
        np.empty(len(theta)),
        np.zeros(len(theta), dtype=np.int64),
        np.zeros(len(theta), dtype=bool),
    )
    with late_progress(len(solvable), description=f"solving for {what}", unit=f" {what}") as bar:
        for cells in solvable.split(block):
            _solve(_Block(design, sums[cells], pull[cells], l2), theta, cells, fit, n_iter)
            bar.update(len(cells))
    fit.log_likelihood[:] = _log_likelihood(design, sums, theta)
    return fit


def log_likelihood(
    peak_embedding: np.ndarray, entries: OpenEntries, weight: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Log-likelihood of each cell's accessibility under given vectors, summed over the peaks, float64 (n,)."""
    design = _with_ones(peak_embedding)
    return _log_likelihood(design, _open_sums(design, entries), _stacked(weight, bias))


class _Block(NamedTuple):
    """The regressions of some cells."""

    design: torch.Tensor  # [H 1], float64 (P, K + 1)
    sums: torch.Tensor  # sum of the rows of ``design`` of each cell's open peaks, (m, K + 1)
    pull: torch.Tensor  # what the penalty pulls to, (m, K + 1)
    l2: float

    def evaluate(self, theta: torch.Tensor, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss (m,), gradient (m, K + 1) and Hessian (m, K + 1, K + 1) of ``cells`` at ``theta``."""
        width = theta.shape[1]
        first, second = torch.triu_indices(width, width)
        distance = theta - self.pull[cells]
        distance[:, -1] = 0
        loss = self.l2 / 2 * distance.square().sum(1) - (theta * self.sums[cells]).sum(1)
        gradient = self.l2 * distance - self.sums[cells]
        products = torch.zeros(len(theta), len(first))
        for peaks in self.design.split(_PEAKS):
            logits = theta @ peaks.T
            loss += softplus(logits).sum(1)
            opening = torch.sigmoid_(logits)
            gradient.addmm_(opening, peaks)
            opening, columns = opening.float(), peaks.T.float()
            products.addmm_(opening - opening.square(), (columns[first] * columns[second]).T)
        hessian = theta.new_empty(len(theta), width, width)
        hessian[:, first, second] = products.double()
        hessian[:, second, first] = products.double()
        diagonal = hessian.diagonal(dim1=1, dim2=2)
        diagonal[:, :-1] += self.l2
        diagonal += 1e-6 * diagonal + 1e-30  # rounding may take its curvature from a flat direction
        return loss, gradient, hessian


def _solve(problem: _Block, theta: torch.Tensor, cells: torch.Tensor, fit: CellFit, n_iter: int) -> None:
    """Fill ``theta`` and ``fit`` at ``cells``."""
    best = theta[cells]
    loss = best.new_full((len(best),), torch.inf)
    step, share, promised = torch.zeros_like(best), torch.ones_like(loss), torch.zeros_like(loss)
    active = torch.arange(len(best))
    for _ in range(n_iter):
        if not len(active):
            break
        fit.n_iter[cells[active]] += 1
        trial = best[active] + share[active, None] * step[active]
        trial_loss, gradient, hessian = problem.evaluate(trial, active)
        slack = 1e-12 * trial_loss.abs()  # near the optimum the gain drowns in rounding
        good = trial_loss <= loss[active] - _SUFFICIENT * share[active] * promised[active] + slack
        bad, kept = active[~good], active[good]
        share[bad] = _shorter(share[bad], promised[bad], trial_loss[~good] - loss[bad])
        best[kept], loss[kept], share[kept] = trial[good], trial_loss[good], 1.0
        factor = torch.linalg.cholesky(hessian[good])
        step[kept] = -torch.cholesky_solve(gradient[good][..., None], factor)[..., 0]
        promised[kept] = -(step[kept] * gradient[good]).sum(1)
        variance = torch.cholesky_inverse(factor).diagonal(dim1=1, dim2=2)
        fit.standard_error[cells[kept]] = variance[:, :-1].sqrt().mean(1)
        over = torch.zeros(len(best), dtype=torch.bool)
        over[kept] = promised[kept] < _TOLERANCE
        best[over] += step[over]
        fit.converged[cells[over]] = True
        active = active[~over[active]]
    theta[cells] = best


def _shorter(share: torch.Tensor, promised: torch.Tensor, rise: torch.Tensor) -> torch.Tensor:
    """The share of a step at which a parabola through what is known is lowest, for steps that were too long."""
    lowest = share * promised * share / (2 * (rise + share * promised))
    return torch.clamp(lowest, 0.1 * share, 0.5 * share)


def _with_ones(peak_embedding: np.ndarray) -> torch.Tensor:
    """[H 1] in float64."""
    return _stacked(peak_embedding, np.ones(len(peak_embedding)))


def _stacked(weight: np.ndarray, bias: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.column_stack([weight, bias]).astype(np.float64, copy=False))


def _open_sums(design: torch.Tensor, entries: OpenEntries) -> torch.Tensor:
    """Sum of the rows of ``design`` over the open peaks of each cell, float64 (n, K + 1)."""
    sums = np.zeros((entries.n_cells, design.shape[1]))
    for start, stop in blocks_of_rows(entries.indptr):
        sums += entries.span(start, stop).csr(np.float64).T @ design[start:stop].numpy()
    return torch.from_numpy(sums)


def _log_likelihood(design: torch.Tensor, sums: torch.Tensor, theta: torch.Tensor) -> np.ndarray:
    total = (theta * sums).sum(1)
    for cells in torch.arange(len(theta)).split(BLOCK):
        for peaks in design.split(_PEAKS):
            total[cells] -= softplus(theta[cells] @ peaks.T).sum(1)
    return np.asarray(total)
