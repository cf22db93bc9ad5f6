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
        design = torch.empty(n_cells, 0, dtype=torch.int64) if design is None else design
        self.register_buffer("design", design, persistent=False)  # comes from the data, is not learned
        if n_batches:  # the original's two parallel layers keep the Keras default
            glorot_uniform_(self.weight, n_latent, n_cells, generator)
            glorot_uniform_(self.batch_weight, n_latent, n_batches, generator)
        else:
            he_normal_(self.weight, n_latent, generator)

    def forward(self, cells: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and biases of ``cells`` or all, their batches included."""
        if cells is None:
            return self.with_batches(self.weight, self.bias)
        return self.with_batches(self.weight[cells], self.bias[cells], cells)

    def with_batches(
        self, weight: torch.Tensor, bias: torch.Tensor, cells: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and biases of ``cells`` or all, to which those of their batches are added."""
        for rows in (self.design if cells is None else self.design[cells]).T:
            weight = weight + embedding(rows, self.batch_weight)
            bias = bias + self.batch_bias[rows]
        return weight, bias

    def replace_cells(self, weight: torch.Tensor, bias: torch.Tensor, design: torch.Tensor) -> None:
        """Hold other cells than before; the batches stay."""
        self.weight, self.bias, self.design = nn.Parameter(weight), nn.Parameter(bias), design
