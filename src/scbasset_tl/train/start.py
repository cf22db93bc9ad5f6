"""The networks and the optimizer before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scbasset_tl.nn.head import Head
from scbasset_tl.nn.trunk import Trunk
from scbasset_tl.stats.lsi import Lsi
from scbasset_tl.stats.transpose import transpose
from scbasset_tl.train.muon import Muon
from scbasset_tl.train.row_adam import RowAdam
from scbasset_tl.train.state import RunState

if TYPE_CHECKING:
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import Recipe

# open pairs that the starting decomposition looks at: 0.5 GB or so, and seconds
_MAX_ENTRIES = 1 << 24


def start_state(
    problem: Problem,
    config: TrunkConfig,
    recipe: Recipe,
    device: torch.device,
    *,
    seed: int,
    cells: slice,
    some_cells: bool,
    start: Trunk | None,
) -> RunState:
    """Draw the weights, those of all cells alike on every rank, and keep the rows of ``cells``."""
    generator = torch.Generator().manual_seed(seed)
    trunk = Trunk(config, generator)
    if start is not None:
        trunk.load_state_dict(start.state_dict())
    n_cells = problem.open_entries.n_cells
    design = None if problem.design is None else torch.as_tensor(problem.design)
    head = Head(n_cells, config.n_latent, n_batches=problem.n_batches, design=design, generator=generator)
    if recipe.data_bias:
        with torch.no_grad():
            head.bias.copy_(torch.from_numpy(_density_logit(problem)))
    if recipe.svd_start:
        with torch.no_grad():
            axes = torch.from_numpy(svd_vectors(problem, config.n_latent, seed))
            head.weight[:, : axes.shape[1]] = axes  # a problem too small for so many keeps random ones
    if cells != slice(0, n_cells):
        head.replace_cells(*(part.detach()[cells].clone() for part in (head.weight, head.bias, head.design)))
    trunk.to(device)
    head.to(device)

    cell_optimizer, of_head = None, list(head.parameters())
    if some_cells:
        cell_optimizer = RowAdam({"weight": head.weight, "bias": head.bias}, recipe.betas)
        of_head = [head.batch_weight, head.batch_bias]
    filters = [weight for weight in trunk.parameters() if weight.dim() > 1] if recipe.muon else []
    others = [weight for weight in trunk.parameters() if not any(weight is filter for filter in filters)]
    groups = [
        {"params": others, "base_eps": recipe.eps},
        {"params": of_head, "base_eps": recipe.eps if recipe.head_eps is None else recipe.head_eps},
    ]
    optimizer = torch.optim.Adam(groups, lr=recipe.lr, betas=recipe.betas, fused=True)
    return RunState(trunk, head, optimizer, generator, cell_optimizer, Muon(filters) if filters else None)


def svd_vectors(problem: Problem, n_latent: int, seed: int) -> np.ndarray:
    """Cells' coordinates (n_cells, up to n_latent) by LSI of the training peaks; validation and test peaks stay unseen.

    The widest axis has the spread that vectors are drawn with. If there are too many open pairs, a random sample of
    peaks is used.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(problem.train)
    n_peaks = int(np.searchsorted(np.cumsum(problem.open_entries.peak_counts()[order]), _MAX_ENTRIES, side="right"))
    opened = transpose(problem.open_entries.rows(np.sort(order[: max(n_peaks, 2)]))).csr()
    coordinates = Lsi.fit(opened, n_latent, rng=rng).transform(opened)
    if problem.design is not None:  # the batch vectors hold what a whole batch shares
        for column in problem.design.T:
            sizes = np.bincount(column)
            for axis in coordinates.T:
                axis -= (np.bincount(column, axis) / np.maximum(sizes, 1))[column]
    spread = coordinates.std(axis=0).max(initial=0)
    scale = (2 / n_latent) ** 0.5  # He normal, what the original draws from
    # one factor for all axes: at equal spread the weak ones would bring their noise
    return (scale * coordinates / max(spread, 1e-12)).astype(np.float32)


def _density_logit(problem: Problem) -> np.ndarray:
    """Each cell's share of open peaks on the logit scale; half a peak added so that empty and full cells stay finite."""
    open_peaks = (
        problem.open_peaks if problem.open_peaks is not None else problem.open_entries.cell_counts(problem.train)
    )
    return np.log((open_peaks + 0.5) / (len(problem.train) - open_peaks + 0.5)).astype(np.float32)
