"""Linear layer and binary cross-entropy in one pass: neither logits nor targets are ever a peaks × cells matrix."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn.functional import softplus

from scbasset_tl._log import warning

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


def fused_linear_bce(h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, positives: Positives) -> torch.Tensor:
    """Mean binary cross-entropy of the logits ``h @ weight.T + bias``.

    Equals ``binary_cross_entropy_with_logits(h @ weight.T + bias, targets)`` with memory for one tile of cells.

    Parameters
    ----------
    h
        Peak embeddings (B, K).
    weight, bias
        Cell vectors (n, K) and biases (n,).
    positives
        Where the target is one, the open pairs; its tiles are the tiles worked on.
    """
    return _FusedLinearBCE.apply(h, weight, bias, positives, 1 / (len(h) * len(weight)))


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
    if h.is_cuda and h.dtype == torch.float32 and find_spec("triton") is not None and _triton_serves(h.device):
        from scbasset_tl.nn import loss_triton

        return loss_triton.sums
    return chunked_sums


@cache
def _triton_serves(device: torch.device) -> bool:
    """Compare the Triton kernel with the plain loss on a small problem, once for each device of a process.

    A faster kernel must not make training fail: after an unsupported card, a compile error or a different result the
    plain loss is used, with one warning.
    """
    try:
        from scbasset_tl.nn import loss_triton

        reason = _deviation(loss_triton.sums, device)
    except Exception as error:  # noqa: BLE001  (compilers and drivers raise whatever they like)
        reason = f"{type(error).__name__}: {str(error).strip()[:200]}"
    if reason is not None:
        warning(f"the Triton loss does not work on {device} ({reason}); training uses the plain loss, which is slower")
    return reason is None


def _deviation(
    sums: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Positives], Sums], device: torch.device
) -> str | None:
    """How ``sums`` differs from :func:`chunked_sums` on a small problem of two tiles; ``None`` if it agrees."""
    generator = torch.Generator().manual_seed(0)
    n_peaks, n_cells, tile = 48, 200, 128
    h, weight = (torch.randn(n, 32, generator=generator) for n in (n_peaks, n_cells))
    bias = torch.randn(n_cells, generator=generator)
    rows, columns = (torch.rand(n_peaks, n_cells, generator=generator) < 0.2).nonzero().T
    order = torch.argsort(columns // tile, stable=True)
    offsets = [0, int((columns < tile).sum()), len(columns)]
    pairs = Positives(rows[order].to(device), columns[order].to(device), offsets, tile)
    h, weight, bias = h.to(device), weight.to(device), bias.to(device)
    names = ("loss", "gradient of peaks", "gradient of cells", "gradient of biases")
    results = sums(h, weight, bias, pairs), chunked_sums(h, weight, bias, pairs)
    for name, result, expected in zip(names, *results, strict=True):
        apart = float((result.double() - expected.double()).norm() / expected.double().norm())
        if not apart < 1e-2:  # TF32 keeps three digits; NaN compares false
            return f"{name} differs by {apart:.2g}"
    return None


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
