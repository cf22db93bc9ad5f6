"""Muon: momentum whose direction is made orthogonal, for weights that are matrices (Jordan et al. 2024)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOMENTUM = 0.95
# coefficients of the published quintic iteration: singular values end between .7 and 1.2, as good as exactly 1
_A, _B, _C = 3.4445, -4.7750, 2.0315
_N_ITERATIONS = 5
_EPS = 1e-7
# columns over rows from which the products with the matrix itself cost more than those of its square
_LONG = 1.5
# rows from which a CPU gains more by products in bfloat16 than the conversions cost
_WORTH_BF16 = 64


class Muon:
    """Nesterov momentum, orthogonalised by Newton-Schulz iterations.

    Adam scales every entry of a gradient alone, so that a few strong directions rule the step. Here all directions of a
    filter bank move alike, which rare motifs need. A convolution is taken as the matrix (filters, channels x width).
    torch's own class takes two-dimensional weights only, and keeps its state where our checkpoints do not look.
    """

    def __init__(self, weights: Iterable[torch.Tensor]) -> None:
        self.weights = list(weights)
        #: everything a checkpoint needs
        self.momentum = [torch.zeros_like(weight.detach()) for weight in self.weights]

    def zero_grad(self) -> None:
        """Forget the gradients, as torch's optimizers do."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Move each weight by ``lr`` times the root of its number of rows over columns, if that is above 1."""
        for weight, momentum in zip(self.weights, self.momentum, strict=True):
            if weight.grad is None:
                continue
            momentum.lerp_(weight.grad, 1 - _MOMENTUM)
            direction = weight.grad.lerp(momentum, _MOMENTUM).flatten(1)
            rows, columns = direction.shape
            step = orthogonalised(direction) * max(1, rows / columns) ** 0.5
            weight.sub_(step.reshape(weight.shape).to(weight.dtype), alpha=lr)


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest matrix with equal singular values, all about 1. Under autocast large matrices are multiplied in bfloat16."""
    kind = matrix.device.type
    low = torch.is_autocast_enabled(kind) and min(matrix.shape) >= _WORTH_BF16
    x = matrix.to(torch.get_autocast_dtype(kind)) if low else matrix
    with torch.autocast(kind, enabled=False):
        return _iterated(x)


def _iterated(x: torch.Tensor) -> torch.Tensor:
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    x = x / x.norm().clamp_min(_EPS)
    # bfloat16 has too few digits for the square of a matrix
    long = x.shape[1] > _LONG * x.shape[0] and x.dtype != torch.bfloat16
    x = _by_gram(x) if long else _directly(x)
    return x if wide else x.T


def _directly(x: torch.Tensor) -> torch.Tensor:
    """The iteration as published: x becomes a x + b (x x') x + c (x x')² x."""
    for _ in range(_N_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x


def _by_gram(x: torch.Tensor) -> torch.Tensor:
    """The same, step by step on the small square matrix x x' alone: half the work where x is four times as long as high.

    Each factor a + b g + c g² is a polynomial of the first g, so that all of them commute.
    """
    gram, product = x @ x.T, torch.eye(len(x), dtype=x.dtype, device=x.device)
    for number in range(_N_ITERATIONS):
        factor = torch.addmm(gram, gram, gram, beta=_B, alpha=_C)  # the sums below add a
        product = torch.addmm(product, factor, product, beta=_A)
        if number < _N_ITERATIONS - 1:
            gram = torch.addmm(gram, factor, gram, beta=_A)
            gram = torch.addmm(gram, gram, factor, beta=_A)
    return product @ x
