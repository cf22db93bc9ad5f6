"""The convolutional trunk of scBasset: from DNA to a peak embedding (Yuan & Kelley 2022, as its code executes it)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils import skip_init

from scbasset_tl._validate import check_number, check_positive_int
from scbasset_tl.nn import norm_pool
from scbasset_tl.nn.conv_block import EPS, GELU, MOMENTUM, ConvBlock
from scbasset_tl.nn.initialisers import he_normal_

if TYPE_CHECKING:
    from collections.abc import Mapping

_GROWTH = 1.122
_TOWER = 6
# channels and latent numbers; the matrices of a network of this width take 100 GB
_WIDEST = 1 << 16
_PAPER_WIDTH, _PAPER_LAST = 288, 256


@dataclass(frozen=True)
class TrunkConfig:
    """Shape of a trunk; the defaults are the paper's.

    Attributes
    ----------
    seq_len
        Window in bp; the product of ``pools`` divides it.
    channels, kernels, pools
        Filters, width and pooling of each convolution block, from the DNA up.
    n_latent
        Length of a peak embedding.
    dropout
        Share of the bottleneck dropped in training.
    """

    seq_len: int = 1344
    channels: tuple[int, ...] = (288, 288, 323, 363, 407, 456, 512, 256)
    n_latent: int = 32
    kernels: tuple[int, ...] = (17, 5, 5, 5, 5, 5, 5, 1)
    pools: tuple[int, ...] = (3, 2, 2, 2, 2, 2, 2, 1)
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name in ("seq_len", "n_latent"):
            object.__setattr__(self, name, check_positive_int(name, getattr(self, name)))
        for name in ("channels", "kernels", "pools"):
            values = getattr(self, name)
            if isinstance(values, str) or not hasattr(values, "__iter__"):
                message = f"{name} must be one whole number for each convolution, got {values!r}."
                raise ValueError(message)
            object.__setattr__(self, name, tuple(check_positive_int(name, value) for value in values))
        if not len(self.channels) == len(self.kernels) == len(self.pools) > 0:
            message = f"channels={self.channels}, kernels={self.kernels} and pools={self.pools} must be equally long."
            raise ValueError(message)
        for name, value in (("n_latent", self.n_latent), ("channels", max(self.channels))):
            if value > _WIDEST:
                message = f"{name} must be at most {_WIDEST:,}, got {value:,}: the paper's network has 512 channels and n_latent=32."
                raise ValueError(message)
        if any(kernel % 2 == 0 for kernel in self.kernels):
            message = f"kernels must be odd so that 'same' padding is symmetric, got {self.kernels}."
            raise ValueError(message)
        if self.seq_len % prod(self.pools):
            step = prod(self.pools)
            near = max(1, round(self.seq_len / step)) * step
            message = (
                f"seq_len={self.seq_len} is not divisible by {step}, the product of the pooling sizes {self.pools}; "
                f"the nearest length that works is {near}: pp.add_sequences(..., seq_len={near})."
            )
            raise ValueError(message)
        if check_number("dropout", self.dropout, low=0) >= 1:
            message = f"dropout must be at least 0 and below 1, got {self.dropout}."
            raise ValueError(message)

    @classmethod
    def of_width(cls, width: int = _PAPER_WIDTH, *, seq_len: int = 1344, n_latent: int = 32) -> TrunkConfig:
        """The paper's trunk with ``width`` stem filters: the tower grows by 1.122 a block, rounded only when used."""
        tower = [round(width * _GROWTH**block) for block in range(_TOWER)]
        last = max(1, round(width * _PAPER_LAST / _PAPER_WIDTH))
        return cls(seq_len=seq_len, channels=(width, *tower, last), n_latent=n_latent)

    @property
    def n_positions(self) -> int:
        """Positions left after all pooling."""
        return self.seq_len // prod(self.pools)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrunkConfig:
        """The inverse of :meth:`to_dict`."""
        return cls(**values)


class Trunk(nn.Module):
    """One-hot DNA (B, 4, L) to peak embeddings (B, n_latent)."""

    def __init__(self, config: TrunkConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        widths = (4, *config.channels)
        self.blocks = nn.ModuleList(
            ConvBlock(*shape) for shape in zip(widths[:-1], widths[1:], config.kernels, config.pools, strict=True)
        )
        self.flat_activation, self.activation = GELU(), GELU()
        self.dense = skip_init(nn.Linear, config.n_positions * config.channels[-1], config.n_latent, bias=False)
        self.dense_norm = nn.BatchNorm1d(config.n_latent, eps=EPS, momentum=MOMENTUM)
        #: draws the dropout masks; ``None`` draws from torch's global generator
        self.generator = generator
        self._initialise(generator)

    def _initialise(self, generator: torch.Generator | None) -> None:
        for block in self.blocks:
            weight = block.get_submodule("conv").get_parameter("weight")
            he_normal_(weight, weight[0].numel(), generator)
        he_normal_(self.dense.weight, self.dense.in_features, generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, one_hot: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        """(B, 4, L) to (B, n_latent).

        ``keep`` (B, n_latent) is what dropout multiplies by in training: 0 or 1 / (1 - share). ``None`` draws it.
        """
        x = one_hot.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        if self.training and norm_pool.pays(x, self.config.channels[0]):
            x = norm_pool.train_blocks(self.blocks, x)  # type: ignore[arg-type]
        else:
            for block in self.blocks:
                x = block(x)
            x = self.flat_activation(x)
        # position-major: Keras flattens (position, channel)
        flat = x.squeeze(2).transpose(1, 2).flatten(1)
        return self.activation(self._dropout(self.dense_norm(self.dense(flat)), keep))

    def _dropout(self, x: torch.Tensor, keep: torch.Tensor | None) -> torch.Tensor:
        share = self.config.dropout
        if not self.training or share == 0:
            return x
        if keep is None:
            # masks come from a CPU generator of our own, so that a seed gives the same ones on every device
            keep = (torch.rand(x.shape, generator=self.generator) >= share).to(x.device) / (1 - share)
        return x * keep
