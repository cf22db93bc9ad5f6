"""The last layer: one vector and one bias per cell, and the parallel batch path of scBasset-BC."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import embedding

from scbasset_tl.nn.initialisers import glorot_uniform_, he_normal_


class Head(nn.Module):
    """Cell vectors (n_cells, n_latent) and biases; with a design also batch vectors and biases.

    ``design`` (n_cells, n_columns) gives, for each batch column, the row of ``batch_weight`` that a cell uses.
    The logit of a peak h in a cell is h · (weight + Σ batch_weight) + bias + Σ batch_bias.
    """

    design: torch.Tensor

    def __init__(
        self,
        n_cells: int,
        n_latent: int = 32,
        *,
        n_batches: int = 0,
        design: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_cells, n_latent))
        self.bias = nn.Parameter(torch.zeros(n_cells))
        self.batch_weight = nn.Parameter(torch.empty(n_batches, n_latent))
        self.batch_bias = nn.Parameter(torch.zeros(n_batches))
        self.register_buffer("design", torch.empty(n_cells, 0, dtype=torch.int64) if design is None else design)
        if n_batches:  # the original's two parallel layers keep the Keras default
            glorot_uniform_(self.weight, n_latent, n_cells, generator)
            glorot_uniform_(self.batch_weight, n_latent, n_batches, generator)
        else:
            he_normal_(self.weight, n_latent, generator)

    def forward(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and biases of every cell, its batches included."""
        weight: torch.Tensor = self.weight
        bias: torch.Tensor = self.bias
        for rows in self.design.T:
            weight = weight + embedding(rows, self.batch_weight)
            bias = bias + self.batch_bias[rows]
        return weight, bias

    def penalty(self, l2_cell: float, l2_batch: float) -> torch.Tensor:
        """L2 in the original's units: sums of squares, biases left out."""
        return l2_cell * self.weight.square().sum() + l2_batch * self.batch_weight.square().sum()
