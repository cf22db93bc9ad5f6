"""Gaussian diffusion in discrete time: noising and deterministic sampling.

Sources: Ho et al. 2020 (DDPM), Nichol and Dhariwal 2021 (cosine schedule), Song et al. 2021 (DDIM), Lu et al. 2022
(DPM-Solver++).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log, pi
from typing import TYPE_CHECKING

import torch

from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

SCHEDULES = ("linear", "cosine")
_PAPER_STEPS = 1000  # number of times that the linear schedule's rates are meant for
_MAX_BETA = 0.999


@dataclass(frozen=True)
class Schedule:
    """How much of a sample is left: at time t it is ``sqrt(alpha_bar[t]) x0 + sqrt(1 - alpha_bar[t]) noise``."""

    alpha_bar: Tensor  # (T,), falling

    def __len__(self) -> int:
        """Number of times."""
        return len(self.alpha_bar)

    def at(self, t: Tensor, like: Tensor) -> Tensor:
        """Share left at the times ``t`` (B,), as a column of ``like``'s kind; 1 where t is negative."""
        alpha_bar = torch.where(t < 0, 1.0, self.alpha_bar[t.clamp(min=0)])
        return alpha_bar.to(like.dtype)[:, None]

    def noised(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """``x0`` (B, d) at the times ``t`` (B,), given standard normal ``noise`` (B, d)."""
        kept = self.at(t, x0)
        return kept.sqrt() * x0 + (1 - kept).sqrt() * noise


def make_schedule(kind: str, n_steps: int = _PAPER_STEPS) -> Schedule:
    """``linear``: variances from 1e-4 to .02, scaled where there are not 1,000 times; ``cosine``."""
    check_one_of("schedule", kind, SCHEDULES)
    if kind == "linear":
        scale = _PAPER_STEPS / n_steps
        beta = torch.linspace(1e-4 * scale, 0.02 * scale, n_steps, dtype=torch.float64)
    else:
        left = torch.tensor([cos((step / n_steps + 0.008) / 1.008 * pi / 2) ** 2 for step in range(n_steps + 1)])
        beta = 1 - left[1:].double() / left[:-1].double()
    return Schedule((1 - beta.clamp(max=_MAX_BETA)).cumprod(0))


@torch.no_grad()
def ddim(
    predict: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    schedule: Schedule,
    *,
    n_steps: int,
    start: int | None = None,
) -> Tensor:
    """Take samples ``x`` (B, d) of time ``start`` down to time 0.

    Plain DDIM holds each prediction until the next time, so that samples lose variance: 3 to 11 % of a Gaussian's
    deviation in 50 steps. Predictions are therefore extrapolated from the last two to the middle of the step
    (DPM-Solver++ 2M), with times denser near 0: at most 1 % is lost. No noise is drawn.

    Parameters
    ----------
    predict
        The expected x0 (B, d) given ``x`` and the times (B,).
    x
        Samples at ``start``.
    schedule
        What noised them.
    n_steps
        Times that are visited at most.
    start
        ``None``: the last time, where samples are noise.
    """
    start = len(schedule) - 1 if start is None else start
    times = (
        torch.linspace(start**0.5, 0, n_steps, dtype=torch.float64).square().round().long().unique().flip(0).tolist()
    )
    last: tuple[Tensor, float] | None = None
    for time, earlier in zip(times, [*times[1:], -1], strict=True):
        alpha_bar_t, alpha_bar_earlier = (
            schedule.alpha_bar[time].item(),
            schedule.alpha_bar[earlier].item() if earlier >= 0 else 1.0,
        )
        predicted = x0 = predict(x, torch.full((len(x),), time, device=x.device))
        if last is not None and alpha_bar_earlier < 1:
            ahead = (_log_ratio(alpha_bar_earlier) - _log_ratio(alpha_bar_t)) / (_log_ratio(alpha_bar_t) - last[1])
            x0 = torch.lerp(last[0], predicted, 1 + ahead / 2)
        last = predicted, _log_ratio(alpha_bar_t)
        noise = (x - alpha_bar_t**0.5 * x0) / (1 - alpha_bar_t) ** 0.5
        x = alpha_bar_earlier**0.5 * x0 + (1 - alpha_bar_earlier) ** 0.5 * noise
    return x


def _log_ratio(kept: float) -> float:
    """Logarithm of the ratio of signal and noise."""
    return 0.5 * log(kept / (1 - kept))


def normal(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Standard normal draws of ``like``'s kind, made where the generator is: the same ones on every device."""
    return torch.randn(shape, generator=generator, device=generator.device).to(like)
