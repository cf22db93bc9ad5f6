"""Adam for a few rows at a time: the others, and their moments, are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# numbers of a parameter that are moved together: all at once would take the memory of six copies of the rows
_AT_ONCE = 1 << 20
_ROWS = 64  # rows move in multiples of this, so that no vector instruction is cut in two and results are the same bits


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
            if values.grad is None:
                continue
            first, second = self.state[f"{name}.first"], self.state[f"{name}.second"]
            size = rate.to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
            n_rows = max(1, _AT_ONCE // (_ROWS * values.shape[1:].numel())) * _ROWS
            parts = (each.split(n_rows) for each in (rows, values, values.grad, size))
            for some, value, gradient, by in zip(*parts, strict=True):
                mean = first[some].lerp_(gradient, 1 - one)
                square = second[some].mul_(two).addcmul_(gradient, gradient, value=1 - two)
                first[some], second[some] = mean, square
                parameter[some] = value - by * mean / square.sqrt_().add_(eps)
