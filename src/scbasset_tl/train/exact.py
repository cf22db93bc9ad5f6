"""The end of training: with the trunk fixed, each cell's vector is a logistic regression with one optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scbasset_tl._log import info
from scbasset_tl.stats.logistic import CellFit, fit_cells

if TYPE_CHECKING:
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.loop import Fit

_MAX_PAIRS = 20_000_000_000
"""Cells × training peaks beyond which vectors stay as trained: half an hour of two cores."""


def exact_cells(
    fit: Fit, peak_embedding: np.ndarray, entries: OpenEntries, train: np.ndarray, ranks: Ranks, *, l2_cell: float = 0.0
) -> np.ndarray | None:
    """Put each cell's vector and bias at the optimum on the training peaks; returns the standard errors of the vectors.

    This removes what minibatches leave of the random or decomposed starting vectors. The penalty is the
    precision of the trained vectors, as in :func:`scbasset_tl.tl.map_cells`, plus that of ``l2_cell``; it pulls to the
    vectors of a cell's batches, which stay as trained. Each rank solves its share of the cells.

    Parameters
    ----------
    fit
        The trained model; its head is changed.
    peak_embedding
        Vectors of all peaks (P, K).
    entries, train
        Open entries of all peaks, and positions of the training peaks.
    ranks
        The processes that train together.
    l2_cell
        Weight of the squares of cell vectors in the training loss, a mean over peaks and cells.
    """
    head, n_pairs = fit.head, entries.n_cells * len(train)
    weight, bias = (part.detach().cpu().numpy() for part in (head.weight, head.bias))
    variance = float(weight.var())
    if n_pairs > _MAX_PAIRS or not variance > 0:
        if n_pairs > _MAX_PAIRS:
            info(f"{n_pairs:.1g} pairs of cells and peaks are too many to solve exactly: cell vectors stay as trained")
        return None
    whole_weight, whole_bias = (part.detach().cpu().numpy() for part in head())
    own = ranks.part(entries.n_cells)
    n_own = own.stop - own.start
    nothing = np.empty(n_own)
    begin = CellFit(whole_weight[own], whole_bias[own], nothing, nothing, nothing, nothing)
    solved = fit_cells(
        peak_embedding[train],
        _columns(entries.rows(train), own),
        l2=1 / variance + 2 * l2_cell * n_pairs,
        center=(whole_weight - weight)[own],
        start=begin,
    )
    parts = (
        solved.weight - (whole_weight - weight)[own],
        solved.bias - (whole_bias - bias)[own],
        solved.standard_error,
    )
    everyone = [
        ranks.collect(torch.from_numpy(part.astype(np.float32)), entries.n_cells, everywhere=True) for part in parts
    ]
    with torch.no_grad():
        head.weight.copy_(everyone[0])
        head.bias.copy_(everyone[1])
    return everyone[2].numpy()


def _columns(entries: OpenEntries, cells: slice) -> OpenEntries:
    """The open entries of consecutive ``cells``."""
    if cells == slice(0, entries.n_cells):
        return entries
    inside = (entries.indices >= cells.start) & (entries.indices < cells.stop)
    indptr = np.concatenate([[0], np.cumsum(inside)])[entries.indptr]
    return type(entries)(indptr, entries.indices[inside] - np.int32(cells.start), cells.stop - cells.start)
