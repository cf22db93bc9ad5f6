"""ATAC-Diff's networks (arXiv 2408.14801): a semantic code with a mixture prior, and diffusion given the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from scbasset_tl._validate import check_number
from scbasset_tl.nn.denoiser import DENOISERS, mlp
from scbasset_tl.nn.diffusion import Schedule, ddim, make_schedule, normal
from scbasset_tl.nn.mixture import Mixture

if TYPE_CHECKING:
    from torch import Tensor

    from scbasset_tl.nn.denoiser import DiffusionConfig

_LOGVAR = 10.0  # bounds of the code's log variance
_FIRST_LOGVAR = -2.0


class LatentDiffusion(nn.Module):
    """Encoder, mixture prior and decoder of the code z, and the denoiser of x given z, labels and depth.

    Every method takes vectors x (B, n_input) as they are and depths (B,) as log(1 + open peaks); the buffers ``shift``,
    ``scale``, ``depth_shift`` and ``depth_scale`` standardise them. ``generator`` draws the weights.
    """

    shift: Tensor
    scale: Tensor
    depth_shift: Tensor
    depth_scale: Tensor
    alpha_bar: Tensor

    def __init__(self, config: DiffusionConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        self.config = config
        self.register_buffer("shift", torch.zeros(config.n_input))
        self.register_buffer("scale", torch.ones(config.n_input))
        self.register_buffer("depth_shift", torch.zeros(()))
        self.register_buffer("depth_scale", torch.ones(()))
        self.register_buffer("alpha_bar", make_schedule(config.schedule, config.n_steps).alpha_bar, persistent=False)
        self.encoder = mlp(config.n_input + 1, config.width, 2 * config.n_latent, generator)
        nn.init.constant_(self.encoder[-1].bias[config.n_latent :], _FIRST_LOGVAR)  # type: ignore[index]
        self.decoder = mlp(config.n_latent + 1, config.width, config.n_input, generator)
        self.mixture = Mixture(config.n_components, config.n_latent)
        self.denoiser = DENOISERS[config.arch](config, generator)

    @property
    def schedule(self) -> Schedule:
        """How samples are noised."""
        return Schedule(self.alpha_bar)

    @torch.no_grad()
    def standardise_by(self, x: Tensor, depth: Tensor) -> None:
        """Take means and deviations from ``x`` (n, n_input) and ``depth`` (n,); constant columns keep their scale."""
        for values, shift, scale in ((x, self.shift, self.scale), (depth, self.depth_shift, self.depth_scale)):
            mean, deviation = values.double().mean(0), values.double().std(0, correction=0)
            shift.copy_(mean)
            scale.copy_(torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0))

    def standard(self, x: Tensor) -> Tensor:
        """``x`` with mean 0 and deviation 1 over the training cells."""
        return (x - self.shift) / self.scale

    def _depth(self, depth: Tensor) -> Tensor:
        return (depth - self.depth_shift) / self.depth_scale

    def encode(self, x: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, n_latent) of the code of cells."""
        joined = torch.cat([self.standard(x), self._depth(depth)[:, None]], 1)
        mu, logvar = self.encoder(joined).chunk(2, 1)
        return mu, logvar.clamp(-_LOGVAR, _LOGVAR)

    def reconstruct(self, z: Tensor, depth: Tensor) -> Tensor:
        """The vector (B, n_input) that the code ``z`` (B, n_latent) stands for."""
        decoded = self.decoder(torch.cat([z, self._depth(depth)[:, None]], 1))
        return decoded * self.scale + self.shift

    def denoise(
        self,
        x_t: Tensor,
        t: Tensor,
        z: Tensor | None,
        labels: Tensor,
        depth: Tensor,
        with_z: Tensor | None = None,
    ) -> Tensor:
        """Expected x0 given the noised ``x_t``, both standardised (B, n_input).

        The network gives what is to be added to ``sqrt(alpha_bar) x_t``, the answer if x0 were standard normal: this is
        -v, of size 1 at every time. ``with_z`` (B,) marks the cells whose ``z`` is used.
        """
        kept = self.schedule.at(t, x_t)
        correction = self.denoiser(x_t, t, z, with_z, labels, self._depth(depth))
        return kept.sqrt() * x_t + (1 - kept).sqrt() * correction

    @torch.no_grad()
    def sample(
        self,
        z: Tensor | None,
        labels: Tensor,
        depth: Tensor,
        *,
        generator: torch.Generator,
        guidance: float = 1.0,
        steps: int = 50,
        start: Tensor | None = None,
        strength: float = 1.0,
    ) -> Tensor:
        """Draw vectors x (B, n_input) of cells.

        Parameters
        ----------
        z
            Codes (B, n_latent); ``None`` draws without.
        labels
            int64 (B, k): category of each condition, -1 where none is asked for.
        depth
            log(1 + open peaks), (B,).
        generator
            Draws the noise.
        guidance
            How far to go from the answer without labels to that with them: 0 ignores labels, 1 is the plain conditional,
            more exaggerates it (Ho and Salimans 2022).
        steps
            Times visited by DDIM.
        start
            Vectors (B, n_input) that are noised and denoised; ``None`` starts from noise alone.
        strength
            Share of the times that ``start`` is noised for.
        """
        check_number("strength", strength, low=0, high=1)
        labels, depth = labels.to(self.shift.device), depth.to(self.shift)
        z = None if z is None else z.to(self.shift)
        noise = normal((len(depth), self.config.n_input), generator, self.shift)
        last = len(self.alpha_bar) - 1
        if start is not None:
            start = start.to(self.shift)
            last = round(strength * len(self.alpha_bar)) - 1
            if last < 0:
                return start.clone()
            times = torch.full((len(start),), last, device=start.device)
            noise = self.schedule.noised(self.standard(start), times, noise)
        labelled = bool((labels >= 0).any())
        unknown = torch.full_like(labels, -1)

        def predict(x_t: Tensor, t: Tensor) -> Tensor:
            if not labelled or guidance == 0:
                return self.denoise(x_t, t, z, unknown, depth)
            given = self.denoise(x_t, t, z, labels, depth)
            if guidance == 1:
                return given
            return torch.lerp(self.denoise(x_t, t, z, unknown, depth), given, guidance)

        drawn = ddim(predict, noise, self.schedule, n_steps=steps, start=last)
        return drawn * self.scale + self.shift
