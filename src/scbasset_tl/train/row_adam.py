"""Adam for a few rows at a time: the others, and their moments, are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class RowAdam:
    """Keras' Adam on rows of ``parameters``, by name; each row counts its own steps."""

    def __init__(self, parameters: Mapping[str, torch.Tensor], betas: tuple[float, float]) -> None:
        self.parameters, self.betas = dict(parameters), betas
        first = next(iter(self.parameters.values()))
        #: everything a checkpoint needs
        self.state = {"step": torch.zeros(len(first), dtype=torch.int32, device=first.device)}
        for name, parameter in self.parameters.items():
            self.state |= {f"{name}.{moment}": torch.zeros_like(parameter.detach()) for moment in ("first", "second")}

    def take(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Copies of these rows, to which gradients flow."""
        return [parameter.detach()[rows].requires_grad_() for parameter in self.parameters.values()]

    @torch.no_grad()
    def step(self, rows: torch.Tensor, taken: Sequence[torch.Tensor], lr: float, eps: float) -> None:
        """Move the rows that were ``taken`` against their gradients."""
        one, two = self.betas
        count = self.state["step"][rows] + 1
        self.state["step"][rows] = count
        rate = lr * (1 - two ** count.double()).sqrt() / (1 - one ** count.double())
        for (name, parameter), values in zip(self.parameters.items(), taken, strict=True):
            first, second, gradient = self.state[f"{name}.first"], self.state[f"{name}.second"], values.grad
            if gradient is None:
                continue
            mean = first[rows].lerp_(gradient, 1 - one)
            square = second[rows].mul_(two).addcmul_(gradient, gradient, value=1 - two)
            first[rows], second[rows] = mean, square
            size = rate.to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
            parameter[rows] = values - size * mean / square.sqrt_().add_(eps)
