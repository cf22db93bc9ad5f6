"""Change of a sequence's embedding by each base at each position: exactly, or to first order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scbasset_tl.nn.codes import N_CODE, as_codes, one_hot
from scbasset_tl.nn.conv_block import SLOPE, gelu
from scbasset_tl.nn.edits import Editor
from scbasset_tl.nn.precision import no_tf32

if TYPE_CHECKING:
    from collections.abc import Callable

    from scbasset_tl.nn.trunk import Trunk

    Tick = Callable[[int], object]

_BASES = np.arange(N_CODE)
_KEEP_AT_ONCE = 16  # sequences
_TICK_AFTER = 1024  # substitutions


def count_substitutions(codes: np.ndarray) -> int:
    """How many bases of codes (R, W) can be others: three at each position, and four where it is N."""
    return 4 * codes.size - int((codes < N_CODE).sum())


def mutagenesis(
    trunk: Trunk, codes: np.ndarray, *, window: tuple[int, int] | None = None, tick: Tick | None = None
) -> np.ndarray:
    """Embedding with each base at each position, minus that of the unchanged sequence.

    Parameters
    ----------
    trunk
        Read in evaluation mode, on the device it is on.
    codes
        Sequences, uint8 (R, L).
    window
        First position and the one after the last; all by default.
    tick
        Called with the number of substitutions done since the last call, of :func:`count_substitutions`.

    Returns
    -------
    float32 (R, W, 4, n_latent): exactly 0 for the sequence's own base; where that is N, all four are changes.
    """
    first, last = window or (0, codes.shape[1])
    delta = np.zeros((len(codes), last - first, N_CODE, trunk.config.n_latent), dtype=np.float32)
    for begin in range(0, len(codes), _KEEP_AT_ONCE):
        kept = codes[begin : begin + _KEEP_AT_ONCE]
        editor = Editor(trunk, kept)
        rows, positions, bases = np.nonzero(kept[:, first:last, None] != _BASES)
        for start in range(0, len(rows), _TICK_AFTER):
            row, position, base = (part[start : start + _TICK_AFTER] for part in (rows, positions, bases))
            changes = editor.substitute(base.astype(np.uint8)[:, None], row, first + position)
            delta[begin + row, position, base] = changes.float().cpu().numpy()
            if tick is not None:
                tick(len(row))
    return delta


def gradient_attribution(
    trunk: Trunk, codes: np.ndarray, *, window: tuple[int, int] | None = None, tick: Tick | None = None
) -> np.ndarray:
    """First-order estimate of :func:`mutagenesis`, of the same shape, from one backward pass for each latent axis.

    The trunk's first step is GELU. Between two bases it is a finite step from 0 to gelu(1) and back, and so the gradient
    is that behind it: the one before it would weigh the sequence's own base twice as much as the others.
    """
    first, last = window or (0, codes.shape[1])
    device, dtype = trunk.dense.weight.device, trunk.dense.weight.dtype
    delta = np.empty((len(codes), last - first, N_CODE, trunk.config.n_latent), dtype=np.float32)
    was_training = trunk.training
    trunk.eval()
    try:
        for row, sequence in enumerate(codes):
            x = one_hot(as_codes(sequence[None]).to(device)).to(dtype)
            gradient = _latent_gradients(trunk, x)[..., first:last] / _gelu_slope(x[..., first:last])
            of_each = gelu(torch.ones((), device=device, dtype=dtype)) * gradient
            there = (gelu(x[..., first:last]) * gradient).sum(1, keepdim=True)
            delta[row] = (of_each - there).permute(2, 1, 0).float().cpu().numpy()
            if tick is not None:
                tick(count_substitutions(sequence[first:last]))
    finally:
        trunk.train(was_training)
    part = codes[:, first:last]
    own = np.nonzero(part < N_CODE)
    delta[*own, part[own]] = 0  # not only to rounding
    return delta


@torch.enable_grad()
@no_tf32()
def _latent_gradients(trunk: Trunk, x: torch.Tensor) -> torch.Tensor:
    """Gradient of each latent axis of one sequence (1, 4, L) with respect to it: (n_latent, 4, L)."""
    x = x.detach().requires_grad_()
    embedding = trunk(x)
    axes = torch.eye(embedding.shape[1], device=x.device, dtype=x.dtype)[:, None]
    return torch.autograd.grad(embedding, x, axes, is_grads_batched=True)[0][:, 0]


def _gelu_slope(x: torch.Tensor) -> torch.Tensor:
    gate = torch.sigmoid(SLOPE * x)
    return gate * (1 + SLOPE * x * (1 - gate))
