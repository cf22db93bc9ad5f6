"""The convolution block of the trunk, and its activation."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import skip_init

# Keras momentum 0.90 is torch momentum 0.10
EPS, MOMENTUM = 1e-3, 0.1
SLOPE = 1.702  # of the original's GELU


def gelu(x: torch.Tensor) -> torch.Tensor:
    """The original's GELU, x · sigmoid(1.702 x): neither of torch's two."""
    return x * torch.sigmoid(SLOPE * x)


class GELU(nn.Module):
    """:func:`gelu` as a module, which is what attribution packages look for."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it to an array of any shape."""
        return gelu(x)


class ConvBlock(nn.Module):
    """GELU, convolution, batch norm, max pool: the activation comes first and the pooling last."""

    def __init__(self, n_in: int, n_out: int, kernel: int, pool: int) -> None:
        super().__init__()
        # 1 × k convolutions in two dimensions because channels-last memory, the faster one, exists only there
        # torch's own initial weights would be drawn from the global generator: skipped
        self.activation = GELU()
        self.conv = skip_init(nn.Conv2d, n_in, n_out, (1, kernel), padding=(0, kernel // 2), bias=False)
        self.norm = nn.BatchNorm2d(n_out, eps=EPS, momentum=MOMENTUM)
        self.pool_size = pool
        self.pool = nn.MaxPool2d((1, pool)) if pool > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, n_in, 1, L) to (B, n_out, 1, L / pool)."""
        return self.pool(self.norm(self.conv(self.activation(x))))
