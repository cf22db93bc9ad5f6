"""Linear layer and binary cross-entropy in one pass: neither logits nor labels are ever a peaks × cells matrix."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn.functional import softplus

if TYPE_CHECKING:
    from collections.abc import Callable

    #: sum of losses, and its gradients by embeddings, cell vectors and biases
    Sums = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


class Positives(NamedTuple):
    """The open (peak, cell) pairs of a minibatch, grouped by tile of cells.

    Tile t holds the pairs ``offsets[t]:offsets[t + 1]``; ``rows`` are peaks of the minibatch, ``columns`` cells.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    offsets: list[int]
    tile: int


def fused_linear_bce(
    h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, positives: Positives, *, n_total: int | None = None
) -> torch.Tensor:
    """Mean binary cross-entropy of the logits ``h @ weight.T + bias``.

    Equals ``binary_cross_entropy_with_logits(h @ weight.T + bias, labels)`` with memory for one tile of cells.

    Parameters
    ----------
    h
        Peak embeddings (B, K).
    weight, bias
        Cell vectors (n, K) and biases (n,).
    positives
        Where the label is one; its tiles are the tiles worked on.
    n_total
        Cells that the mean is over where ``weight`` holds a part of them; ``None`` takes ``len(weight)``.
    """
    scale = 1 / (len(h) * (n_total or len(weight)))
    return _FusedLinearBCE.apply(h, weight, bias, positives, scale)


def chunked_sums(h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, positives: Positives) -> Sums:
    """Sum of the cross-entropies in float64, and its gradients by ``h``, ``weight`` and ``bias``."""
    n_cells = len(weight)
    total = h.new_zeros((), dtype=torch.float64)
    grad_h, grad_weight, grad_bias = torch.zeros_like(h), torch.empty_like(weight), torch.empty_like(bias)
    for number, start in enumerate(range(0, n_cells, positives.tile)):
        cells = slice(start, min(start + positives.tile, n_cells))
        pairs = slice(positives.offsets[number], positives.offsets[number + 1])
        flat = positives.rows[pairs] * (cells.stop - start) + (positives.columns[pairs] - start)
        logits = torch.addmm(bias[cells], h, weight[cells].T)
        total += softplus(logits).sum() - logits.view(-1)[flat].sum()
        # dL/dz = sigmoid(z) - y; the pairs of a tile are distinct, so this write has no races
        error = torch.sigmoid_(logits)
        error.view(-1)[flat] -= 1
        grad_h.addmm_(error, weight[cells])
        torch.mm(error.T, h, out=grad_weight[cells])
        torch.sum(error, 0, out=grad_bias[cells])
    return total, grad_h, grad_weight, grad_bias


def _sums_for(h: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Positives], Sums]:
    if h.is_cuda and h.dtype == torch.float32 and find_spec("triton") is not None:
        from scbasset_tl.nn import loss_triton

        return loss_triton.sums
    return chunked_sums


class _FusedLinearBCE(torch.autograd.Function):
    """Gradients are formed while a tile's logits are at hand; ``backward`` only scales them."""

    @staticmethod
    def forward(
        ctx: Any, h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, positives: Positives, scale: float
    ) -> torch.Tensor:
        total, *gradients = _sums_for(h)(h, weight, bias, positives)
        ctx.save_for_backward(*gradients)
        ctx.scale = scale
        return (total * scale).to(h.dtype)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        factor = grad_outputs[0] * ctx.scale
        return *(factor * gradient for gradient in ctx.saved_tensors), None, None
