"""Keras' initial weights, drawn from a local generator."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    import torch

# standard deviation of a unit normal cut at two deviations: Keras divides by it so that he_normal keeps its variance
_TRUNCATED_STD = 0.87962566103423978


def he_normal_(weight: torch.Tensor, fan_in: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Fill with a normal cut at two deviations whose realised deviation is sqrt(2 / fan_in)."""
    std = sqrt(2 / fan_in) / _TRUNCATED_STD
    return nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)


def glorot_uniform_(
    weight: torch.Tensor, fan_in: int, fan_out: int, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Fill uniformly within ± sqrt(6 / (fan_in + fan_out))."""
    limit = sqrt(6 / (fan_in + fan_out))
    return nn.init.uniform_(weight, -limit, limit, generator=generator)
