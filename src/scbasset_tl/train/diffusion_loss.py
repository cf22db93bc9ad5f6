"""ATAC-Diff's objective on a minibatch, and the part of it that held-out cells are judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from scbasset_tl.nn.diffusion import normal
from scbasset_tl.nn.divergence import info_nce, mmd

if TYPE_CHECKING:
    from torch import Tensor

    from scbasset_tl.nn.latent_diffusion import LatentDiffusion
    from scbasset_tl.nn.likelihood import PeakLikelihood
    from scbasset_tl.train.diffusion_recipe import DiffusionProblem, DiffusionRecipe

_N_JUDGED = 2048  # noised held-out cells that a check looks at


class Cells(NamedTuple):
    """A :class:`DiffusionProblem` on a device."""

    x: Tensor
    depth: Tensor
    labels: Tensor
    likelihood: PeakLikelihood | None

    @classmethod
    def of(cls, problem: DiffusionProblem, device: torch.device | str, generator: torch.Generator) -> Cells:
        """Move ``problem``; ``generator`` chooses peaks from now on."""
        if problem.likelihood is not None:
            problem.likelihood.to(device).generator = generator
        x, depth = (torch.as_tensor(part, dtype=torch.float32, device=device) for part in (problem.x, problem.depth))
        return cls(x, depth, torch.as_tensor(problem.labels, dtype=torch.int64, device=device), problem.likelihood)


class Terms(NamedTuple):
    """Parts of the objective, each a mean over cells: squared error of x0, nats / d (or squared error), nats, and either."""

    diffusion: Tensor
    reconstruction: Tensor
    kl: Tensor
    information: Tensor

    def total(self, recipe: DiffusionRecipe) -> Tensor:
        """The objective."""
        kl_weight = recipe.lam - recipe.alpha - 1
        return self.diffusion + self.reconstruction + kl_weight * self.kl + recipe.alpha * self.information


def reconstruction_loss(
    model: LatentDiffusion, cells: Cells, rows: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Loss of decoded codes of the cells ``rows``; mean and log variance of the codes, codes and decoded vectors."""
    x, depth = cells.x[rows], cells.depth[rows]
    mu, logvar = model.encode(x, depth)
    z = mu + (0.5 * logvar).exp() * normal(mu.shape, generator, mu)
    decoded = model.reconstruct(z, depth)
    if cells.likelihood is None:
        loss = (model.standard(decoded) - model.standard(x)).square().mean()
    else:
        loss = cells.likelihood(decoded, rows).mean() / x.shape[1]
    return loss, mu, logvar, z, decoded


def objective(
    model: LatentDiffusion, cells: Cells, rows: Tensor, recipe: DiffusionRecipe, generator: torch.Generator
) -> Terms:
    """All parts for the cells ``rows`` (B,)."""
    reconstruction, mu, logvar, z, decoded = reconstruction_loss(model, cells, rows, generator)
    x0 = model.standard(cells.x[rows])
    kl = (model.mixture.kl_marginal if recipe.prior_kl == "marginal" else model.mixture.kl_joint)(mu, logvar, z)
    if recipe.information == "mmd":
        information = mmd(z, model.mixture.sample(len(z), generator=generator))
    else:  # the decoder is the critic
        information = info_nce(model.standard(decoded), x0)
    t = torch.randint(len(model.schedule), (len(rows),), generator=generator).to(rows.device)
    hide_labels, hide_z = (
        (torch.rand(len(rows), generator=generator) < share).to(rows.device)
        for share in (recipe.drop_labels, recipe.drop_z)
    )
    labels = cells.labels[rows].masked_fill(hide_labels[:, None], -1)
    x_t = model.schedule.noised(x0, t, normal(x0.shape, generator, x0))
    predicted = model.denoise(x_t, t, z, labels, cells.depth[rows], ~hide_z)
    return Terms(diffusion_error(model, x0, predicted, t), reconstruction, kl.mean(), information)


def diffusion_error(model: LatentDiffusion, x0: Tensor, predicted: Tensor, t: Tensor) -> Tensor:
    """Mean squared error of x0, or of v, where it is divided by the share of noise."""
    square = (x0 - predicted).square()
    if model.config.objective == "v":
        square = square / (1 - model.schedule.at(t, x0))
    return square.mean()


class HeldOutCells:
    """Held-out cells with noise that never changes; their times are spread evenly."""

    def __init__(self, cells: Cells, held_out: np.ndarray, n_times: int, seed: int) -> None:
        generator, device = torch.Generator().manual_seed(seed), cells.x.device
        self.rows = torch.as_tensor(np.resize(held_out, _N_JUDGED), device=device)
        spread = torch.arange(_N_JUDGED) * n_times // _N_JUDGED
        self.t = spread[torch.randperm(_N_JUDGED, generator=generator)].to(device)
        self.noise = normal((_N_JUDGED, cells.x.shape[1]), generator, cells.x)
        self._cells = cells

    @torch.no_grad()
    def losses(self, model: LatentDiffusion) -> tuple[float, float]:
        """Diffusion loss given each cell's code, and without."""
        x, depth, labels = (part[self.rows] for part in self._cells[:3])
        x0, (mu, _) = model.standard(x), model.encode(x, depth)
        x_t = model.schedule.noised(x0, self.t, self.noise)
        with_z, without = (
            diffusion_error(model, x0, model.denoise(x_t, self.t, z, labels, depth), self.t).item() for z in (mu, None)
        )
        return with_z, without
