"""Networks that predict what noise hides, given the time and what is known of the cell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu
from torch.nn.utils import skip_init

from scbasset_tl._validate import check_one_of, check_positive_int
from scbasset_tl.nn.diffusion import SCHEDULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

OBJECTIVES = ("x0", "v")
_HEADS, _HEAD = 8, 64  # the paper's
_LONGEST_PERIOD = 10_000


@dataclass(frozen=True)
class DiffusionConfig:
    """Shape of the networks; ``n_categories`` has the number of categories of each condition."""

    n_input: int
    n_latent: int = 32
    n_components: int = 30
    n_categories: tuple[int, ...] = ()
    width: int = 128
    n_blocks: int = 6
    arch: str = "mlp"
    schedule: str = "linear"
    n_steps: int = 1000
    objective: str = "x0"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_categories", tuple(int(n) for n in self.n_categories))
        for name in ("n_input", "n_latent", "n_components", "n_blocks"):
            check_positive_int(name, getattr(self, name))
        check_positive_int("n_steps", self.n_steps, minimum=50)  # fewer are no linear schedule
        if check_positive_int("width", self.width, minimum=2) % 2:
            message = f"width must be even, got {self.width}."
            raise ValueError(message)
        check_one_of("arch", self.arch, DENOISERS)
        check_one_of("schedule", self.schedule, SCHEDULES)
        check_one_of("objective", self.objective, OBJECTIVES)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {**asdict(self), "n_categories": list(self.n_categories)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DiffusionConfig:
        """The inverse of :meth:`to_dict`."""
        return cls(**values)


def linear(n_in: int, n_out: int, generator: torch.Generator, *, gain: float = 1.0) -> nn.Linear:
    """A layer whose weights keep the variance times ``gain``, drawn from ``generator``; biases are zero."""
    layer = skip_init(nn.Linear, n_in, n_out)
    nn.init.normal_(layer.weight, std=gain * n_in**-0.5, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(n_in: int, width: int, n_out: int, generator: torch.Generator) -> nn.Sequential:
    """Two hidden layers."""
    hidden = linear(n_in, width, generator), nn.SiLU(), linear(width, width, generator), nn.SiLU()
    return nn.Sequential(*hidden, linear(width, n_out, generator))


class Conditions(nn.Module):
    """What is known of a cell as tokens (B, n_tokens, width): its labels, z, and depth.

    A label of -1 and a cell whose z is hidden have learned tokens of their own.
    """

    def __init__(self, config: DiffusionConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.labels = nn.ModuleList(skip_init(nn.Embedding, n + 1, config.width) for n in config.n_categories)
        for table in self.labels:
            nn.init.normal_(table.weight, generator=generator)  # type: ignore[arg-type]
        self.z = linear(config.n_latent, config.width, generator)
        self.no_z = nn.Parameter(torch.zeros(config.width))
        self.depth = linear(1, config.width, generator)

    def forward(self, z: Tensor | None, with_z: Tensor | None, labels: Tensor, depth: Tensor) -> Tensor:
        """Tokens of ``z`` (B, n_latent) where ``with_z`` (B,) is true, of ``labels`` (B, k) and ``depth`` (B,)."""
        # the remainder takes -1 to the last row
        tokens = [table(column % table.num_embeddings) for table, column in zip(self.labels, labels.T, strict=True)]
        if z is None:
            tokens.append(self.no_z.expand(len(labels), -1))
        else:
            tokens.append(self.z(z) if with_z is None else torch.where(with_z[:, None], self.z(z), self.no_z))
        return torch.stack([*tokens, self.depth(depth[:, None])], 1)


class _Time(nn.Module):
    """Sines and cosines of the time, and two layers."""

    rates: Tensor

    def __init__(self, width: int, n_steps: int, generator: torch.Generator) -> None:
        super().__init__()
        rates = torch.exp(torch.arange(width // 2) * (-log(_LONGEST_PERIOD) / (width // 2))) * (1000 / n_steps)
        self.register_buffer("rates", rates, persistent=False)
        layers = linear(width, width, generator), nn.SiLU(), linear(width, width, generator)
        self.layers = nn.Sequential(*layers)

    def forward(self, t: Tensor) -> Tensor:
        angle = t[:, None] * self.rates
        return self.layers(torch.cat([angle.sin(), angle.cos()], 1))


class MlpDenoiser(nn.Module):
    """Residual layers that time and conditions shift, scale and gate (Peebles and Xie 2023, AdaLN-Zero)."""

    def __init__(self, config: DiffusionConfig, generator: torch.Generator) -> None:
        super().__init__()
        width, n_blocks = config.width, config.n_blocks
        self.time = _Time(width, config.n_steps, generator)
        self.conditions = Conditions(config, generator)
        self.modulation = linear(width, (3 * n_blocks + 2) * width, generator, gain=0)
        self.input = linear(config.n_input, width, generator)
        self.blocks = nn.ModuleList(
            nn.Sequential(linear(width, width, generator), nn.SiLU(), linear(width, width, generator))
            for _ in range(n_blocks)
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.output = linear(width, config.n_input, generator, gain=0)

    def forward(
        self, x: Tensor, t: Tensor, z: Tensor | None, with_z: Tensor | None, labels: Tensor, depth: Tensor
    ) -> Tensor:
        """Samples (B, n_input) at the times ``t`` (B,); the rest as in :class:`Conditions`."""
        context = self.time(t) + self.conditions(z, with_z, labels, depth).sum(1)
        # one product for all blocks
        *of_blocks, shift, scale = self.modulation(silu(context)).chunk(3 * len(self.blocks) + 2, 1)
        h = self.input(x) + context
        for number, block in enumerate(self.blocks):
            shift_in, scale_in, gate = of_blocks[3 * number : 3 * number + 3]
            h = h + gate * block(torch.addcmul(shift_in, self.norm(h), 1 + scale_in))
        return self.output(torch.addcmul(shift, self.norm(h), 1 + scale))


class _AttentionBlock(nn.Module):
    """Attention to the conditions, then a gated layer."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        inner = _HEADS * _HEAD
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.query = linear(width, inner, generator)
        self.key_value = linear(width, 2 * inner, generator)
        self.merge = linear(inner, width, generator)
        self.spread = linear(width, 8 * width, generator)
        self.gather = linear(4 * width, width, generator)

    def forward(self, h: Tensor, tokens: Tensor) -> Tensor:
        query = self.query(self.norms[0](h)).view(len(h), 1, _HEADS, _HEAD).transpose(1, 2)
        both = self.key_value(tokens).view(len(h), tokens.shape[1], 2, _HEADS, _HEAD)
        key, value = both.permute(2, 0, 3, 1, 4)
        h = h + self.merge(scaled_dot_product_attention(query, key, value).flatten(1))
        value, gate = self.spread(self.norms[1](h)).chunk(2, 1)
        return h + self.gather(value * gelu(gate))


class TransformerDenoiser(nn.Module):
    """The paper's: a single token that attends to the conditions, without its dropout."""

    def __init__(self, config: DiffusionConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.time = _Time(config.width, config.n_steps, generator)
        self.conditions = Conditions(config, generator)
        self.input = mlp(config.n_input, config.width, config.width, generator)
        self.blocks = nn.ModuleList(_AttentionBlock(config.width, generator) for _ in range(config.n_blocks))
        self.norm = nn.LayerNorm(config.width)
        self.output = linear(config.width, config.n_input, generator, gain=0)

    def forward(
        self, x: Tensor, t: Tensor, z: Tensor | None, with_z: Tensor | None, labels: Tensor, depth: Tensor
    ) -> Tensor:
        """As :meth:`MlpDenoiser.forward`."""
        h = self.input(x) + self.time(t)
        tokens = self.conditions(z, with_z, labels, depth)
        for block in self.blocks:
            h = block(h, tokens)
        return self.output(self.norm(h))


DENOISERS = {"mlp": MlpDenoiser, "transformer": TransformerDenoiser}
