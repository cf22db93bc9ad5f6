"""What an epoch draws at random, all of it at its start and alike on every rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from scbasset_tl.nn.codes import MAX_SHIFT
from scbasset_tl.train.batches import to_device

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.recipe import Recipe


class Step(NamedTuple):
    """One minibatch: numbers of training peaks, and what happens to them."""

    rows: torch.Tensor  # peaks of all ranks, one rank's after the other's; on the CPU
    own: torch.Tensor  # peaks of this rank; this and the following tensors are on the device
    flip: torch.Tensor  # read the other strand
    by: torch.Tensor  # shift by so many bases
    keep: torch.Tensor  # bool (B, n_latent): what dropout leaves
    seed: int  # seeds this rank's choice of cells


def step_sizes(n_peaks: int, batch_size: int, n_ranks: int = 1) -> list[int]:
    """Peaks that each rank takes in each step: as many as there are, alike on all ranks.

    A last minibatch of one joins the one before it: batch norm has no variance of a single row.
    """
    full, rest = divmod(n_peaks // n_ranks, batch_size)
    sizes = [batch_size] * full + [rest] * (rest > 0)
    if len(sizes) > 1 and sizes[-1] == 1:
        sizes[-2:] = [sizes[-2] + 1]
    return sizes


def epoch_steps(
    n_peaks: int,
    recipe: Recipe,
    generator: torch.Generator,
    ranks: Ranks,
    device: torch.device,
    *,
    n_latent: int,
    dropout: float,
) -> Iterator[Step]:
    """All peaks once, in random order; at most as many as ranks minus one are left out.

    The original draws one strand and one shift for a whole minibatch; ``recipe.per_sequence`` draws them for each row.
    """
    sizes = torch.tensor(step_sizes(n_peaks, recipe.batch_size, ranks.size))
    n_used = int(sizes.sum()) * ranks.size
    order = torch.randperm(n_peaks, generator=generator)[:n_used]
    n_draws = n_used if recipe.per_sequence else len(sizes)
    flip = torch.rand(n_draws, generator=generator) < 0.5
    by = torch.randint(-MAX_SHIFT, MAX_SHIFT + 1, (n_draws,), generator=generator)
    if not recipe.per_sequence:
        flip, by = (draw.repeat_interleave(sizes * ranks.size) for draw in (flip, by))
    keep = torch.empty(n_used, n_latent, dtype=torch.bool).bernoulli_(1 - dropout, generator=generator)
    seeds = torch.randint(2**62, (len(sizes), ranks.size), generator=generator)[:, ranks.rank].tolist()

    ends = (sizes.cumsum(0) * ranks.size).tolist()
    parts = [end - size * (ranks.size - ranks.rank) for size, end in zip(sizes.tolist(), ends, strict=True)]
    own = torch.cat([torch.arange(start, start + size) for start, size in zip(parts, sizes.tolist(), strict=True)])
    mine = [to_device(draw[own], device).split(sizes.tolist()) for draw in (order, flip, by, keep)]
    yield from map(Step, order.split((sizes * ranks.size).tolist()), *mine, seeds)


def draw_cells(n_cells: int, n_drawn: int, seed: int) -> torch.Tensor:
    """``n_drawn`` of ``n_cells`` cells, ascending, each subset equally likely.

    Up to half of the cells, the time does not depend on ``n_cells``.
    """
    generator = torch.Generator().manual_seed(seed)
    if 2 * n_drawn > n_cells:
        return torch.randperm(n_cells, generator=generator)[:n_drawn].sort().values
    cells = torch.empty(0, dtype=torch.int64)
    while len(cells) < n_drawn:
        more = torch.randint(n_cells, (2 * n_drawn,), generator=generator)
        cells = torch.cat([cells, more]).unique()
    surplus = torch.randperm(len(cells), generator=generator)[n_drawn:]
    kept = torch.ones(len(cells), dtype=torch.bool)
    kept[surplus] = False
    return cells[kept]
