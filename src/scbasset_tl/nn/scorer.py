"""Trunk and fixed output vectors as one module that other packages can call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from scbasset_tl.nn.trunk import Trunk


class Scorer(nn.Module):
    """One-hot DNA (B, 4, L) to normalised logits (B, n): the product of peak embeddings with ``vectors`` (n, K)."""

    vectors: torch.Tensor

    def __init__(self, trunk: Trunk, vectors: torch.Tensor) -> None:
        super().__init__()
        self.trunk = trunk
        self.register_buffer("vectors", vectors)

    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        """(B, 4, L) to (B, n)."""
        return self.trunk(one_hot.to(self.vectors.dtype)) @ self.vectors.T
