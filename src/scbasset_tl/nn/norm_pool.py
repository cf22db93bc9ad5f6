"""A training step of the convolution blocks on a CPU in few passes over memory.

Convolutions are half of a step; the rest is passes over activations of full length. Three identities save most of
them, exact but for rounding:

- Pooling commutes with a batch norm whose scale is not negative, so that only what survives it is normalised. Where a
  scale is negative, filter and scale both change sign.
- In the gradient of batch norm every position gets slope · z + offset of its channel, and the winners of the pool get
  the gradient itself as well.
- The stem needs no gradient of its input. Mean and variance of its output z, and what slope · z + offset adds to the
  gradient of its filters, follow from the second moments of the windows it reads (68 × 68 for 17 bp). So z, the
  largest array of all, is never whole in memory.

Activations are handed on as 1.702 times themselves, for x · sigmoid(1.702 x) is then SiLU, a single pass; the filters
that read them are divided by it.
"""

from __future__ import annotations

from functools import reduce
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad, silu

from scbasset_tl.nn.conv_block import SLOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scbasset_tl.nn.conv_block import ConvBlock

#: types of devices that training takes this path on; "cuda" works by the same operations and has not been measured
DEVICES = ("cpu",)
# with fewer entries of the stem's output, calls and not memory take the time
_MIN_ENTRIES = 1 << 21
# numbers that a thread works on at once, so that a block and its temporaries stay in a core's cache
_BLOCK = 1 << 18

_silu_backward = torch.ops.aten.silu_backward
# (g, x, 0) is g where x > 0, else 0: the fastest of torch's ways to say so
_where_above = torch.ops.aten.threshold_backward


def pays(x: torch.Tensor, n_filters: int) -> bool:
    """Is this the faster way for an input (B, n_in, 1, L) and so many filters of the stem?"""
    return x.device.type in DEVICES and len(x) * x.shape[-1] * n_filters >= _MIN_ENTRIES and not x.requires_grad


def train_blocks(blocks: Iterable[ConvBlock], x: torch.Tensor) -> torch.Tensor:
    """Output of blocks in training mode and a GELU after the last for ``x`` (B, n_in, 1, L), which gets no gradient."""
    x = silu(SLOPE * x)
    for number, block in enumerate(blocks):
        # filters and scales change sign together, so that no scale is negative
        sign = torch.where(block.norm.weight.detach() < 0, -1, 1).to(block.norm.weight.dtype)
        weight = block.conv.weight * (sign / SLOPE)[:, None, None, None]
        scale, bias, pool = block.norm.weight * sign, block.norm.bias, block.pool_size
        if number == 0:
            device = x.device.type
            dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
            x, mean, var = _Stem.apply(x.to(dtype), weight.to(dtype), scale, bias, block.norm.eps, pool)
        else:
            z = conv2d(x, weight, padding=block.conv.padding).contiguous(memory_format=torch.channels_last)
            with torch.no_grad():
                # torch gives the statistics in the type of the running ones, and in that of z without
                running = torch.zeros_like(scale), torch.zeros_like(scale)
                mean, var = torch.batch_norm_update_stats(z, *running, 0.0)
            x = _NormPoolGelu.apply(z, scale, bias, mean, torch.rsqrt(var + block.norm.eps), pool)
        _move(block.norm, sign * mean, var, x.numel() // len(scale) * pool)
    return x / SLOPE


@torch.no_grad()
def _move(norm: torch.nn.BatchNorm2d, mean: torch.Tensor, var: torch.Tensor, n: int) -> None:
    """Running statistics, of which the variance is the unbiased one."""
    for running, value in (("running_mean", mean), ("running_var", var * (n / max(n - 1, 1)))):
        norm.get_buffer(running).lerp_(value, norm.momentum)  # type: ignore[arg-type]
    norm.get_buffer("num_batches_tracked").add_(1)


class _Norm(NamedTuple):
    """Batch norm and GELU of what survives the pool; all per channel, and no scale is negative."""

    scale: torch.Tensor
    bias: torch.Tensor
    mean: torch.Tensor
    invstd: torch.Tensor

    def forward(self, top: torch.Tensor) -> torch.Tensor:
        return silu(self._affine(top - self.mean)).to(top.dtype)

    def _affine(self, centred: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(SLOPE * self.bias, centred, self.gain)

    @property
    def gain(self) -> torch.Tensor:
        return SLOPE * self.scale * self.invstd

    def backward(self, grad: torch.Tensor, top: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradient of ``top`` without the part through the statistics, and two sums that the rest follows from."""
        centred = top - self.mean
        grad = _silu_backward(grad.to(centred.dtype), self._affine(centred))
        rows = tuple(range(grad.ndim - 1))
        return (grad * self.gain).to(top.dtype), grad.sum(rows), (grad * centred).sum(rows)

    def gradients(self, total: torch.Tensor, moment: torch.Tensor, n: int) -> tuple[torch.Tensor, ...]:
        """Gradients of scale and bias, and slope and offset of the gradient at each of the ``n`` positions of a channel."""
        moment = moment * self.invstd
        slope = -self.gain * self.invstd * moment / n
        offset = -self.gain * total / n - slope * self.mean
        return SLOPE * moment, SLOPE * total, slope, offset


def _top(z: torch.Tensor) -> torch.Tensor:
    """Maximum over axis 2 of z (B, L, pool, C)."""
    return reduce(torch.maximum, z.unbind(2))


def _leads(z: torch.Tensor) -> list[torch.Tensor]:
    """By how much each member of a pool but the first exceeds those before it."""
    members = z.unbind(2)
    tops = accumulate(members[:-1], torch.maximum)
    return [member - top for member, top in zip(members[1:], tops, strict=True)]


def _unpool(grad: torch.Tensor, leads: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Gradient of each member of a pool: all of it for the first of the largest."""
    parts = []
    for lead in reversed(list(leads)):
        parts.append(_where_above(grad, lead.to(grad.dtype), 0))
        grad = grad - parts[-1]
    return [grad, *reversed(parts)]


def _parts(n_sequences: int, per_sequence: int) -> Iterator[slice]:
    step = max(1, _BLOCK * torch.get_num_threads() // per_sequence)
    return (slice(start, start + step) for start in range(0, n_sequences, step))


def _rows(x: torch.Tensor) -> torch.Tensor:
    """(B, C, 1, L) as (B, L, C)."""
    return x.squeeze(2).transpose(1, 2)


def _channels(rows: torch.Tensor) -> torch.Tensor:
    """(B, L, C) as (B, C, 1, L), channels last in memory."""
    return rows.unsqueeze(1).permute(0, 3, 1, 2)


class _NormPoolGelu(torch.autograd.Function):
    """1.702 gelu(max_pool(batch_norm(z))); ``backward`` writes over ``z`` (torch refuses a second one)."""

    @staticmethod
    def forward(
        ctx: Any,
        z: torch.Tensor,
        scale: torch.Tensor,
        bias: torch.Tensor,
        mean: torch.Tensor,
        invstd: torch.Tensor,
        pool: int,
    ) -> torch.Tensor:
        windows = _rows(z).unflatten(1, (-1, pool))
        out = windows.new_empty(windows[:, :, 0].shape)
        norm = _Norm(scale, bias, mean, invstd)
        for part in _parts(len(out), windows[0].numel()):
            out[part] = norm.forward(_top(windows[part]))
        ctx.save_for_backward(z, *norm)
        ctx.pool = pool
        return _channels(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        z, *channels = ctx.saved_tensors
        norm, windows, grad = _Norm(*channels), _rows(z).unflatten(1, (-1, ctx.pool)), _rows(grad)
        grad_top = torch.empty_like(windows[:, :, 0])
        total, moment = torch.zeros_like(norm.mean), torch.zeros_like(norm.mean)
        parts = list(_parts(len(windows), windows[0].numel()))
        for part in parts:
            grad_top[part], *sums = norm.backward(grad[part], _top(windows[part]))
            total += sums[0]
            moment += sums[1]
        grad_scale, grad_bias, slope, offset = norm.gradients(total, moment, z.numel() // len(total))
        slope, offset = slope.to(z.dtype), offset.to(z.dtype)
        for part in parts:
            winners = _unpool(grad_top[part], _leads(windows[part]))
            for member, winner in zip(windows[part].unbind(2), winners, strict=True):
                torch.addcmul(offset, member, slope, out=member).add_(winner)
        return z, grad_scale, grad_bias, None, None, None


class _Stem(torch.autograd.Function):
    """Convolution and :class:`_NormPoolGelu` of an input without gradient; also mean and variance before the norm."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        scale: torch.Tensor,
        bias: torch.Tensor,
        eps: float,
        pool: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        kernel, filters = weight.shape[3], _flat(weight)
        x = pad(_rows(x), (0, 0, kernel // 2, kernel // 2))
        windows = _windows(x, kernel)
        n_sequences, length, n_out = len(x), windows.shape[1], len(filters)
        top = x.new_empty(n_sequences, length // pool, n_out)
        # only the sign of a lead is used again, and two bytes hold it
        leads = x.new_empty(pool - 1, *top.shape, dtype=torch.bfloat16)
        first, second = (
            scale.new_zeros(shape, dtype=torch.float64) for shape in (filters.shape[1:], filters.shape[1:] * 2)
        )
        with torch.autocast(x.device.type, enabled=False):
            for part in _parts(n_sequences, length * n_out):
                inputs = windows[part].flatten(0, 1)
                z = inputs @ filters.T
                z = z.view(-1, length // pool, pool, n_out)
                top[part] = _top(z)
                for kept, lead in zip(leads, _leads(z), strict=True):
                    kept[part] = lead
                inputs = inputs.to(scale.dtype)
                first += inputs.sum(0)
                second += inputs.T @ inputs
            n = n_sequences * length
            exact = filters.double()
            mean = exact @ (first / n)
            var = ((exact @ (second / n)) * exact).sum(1) - mean.square()
            mean, var = mean.to(scale.dtype), var.clamp(min=0).to(scale.dtype)
            norm = _Norm(scale, bias, mean, torch.rsqrt(var + eps))
            out = torch.empty_like(top)
            for part in _parts(n_sequences, length * n_out):
                out[part] = norm.forward(top[part])
        ctx.save_for_backward(x, weight, top, leads, first, second, *norm)
        ctx.mark_non_differentiable(mean, var)
        return _channels(out), mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor, *_: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, top, leads, first, second, *channels = ctx.saved_tensors
        norm, windows, grad = _Norm(*channels), _windows(x, weight.shape[3]), _rows(grad)
        (n_sequences, length), n_out = windows.shape[:2], len(weight)
        total, moment = torch.zeros_like(norm.mean), torch.zeros_like(norm.mean)
        grad_filters = norm.mean.new_zeros(windows.shape[2], n_out)
        for part in _parts(n_sequences, length * n_out):
            grad_top, *sums = norm.backward(grad[part], top[part])
            total += sums[0]
            moment += sums[1]
            inputs = windows[part].unflatten(1, grad_top.shape[1:2] + (-1,))
            for member, winner in enumerate(_unpool(grad_top, leads[:, part])):
                grad_filters += inputs[:, :, member].flatten(0, 1).T @ winner.view(-1, n_out)
        grad_scale, grad_bias, slope, offset = norm.gradients(total, moment, n_sequences * length)
        everywhere = slope[:, None] * (_flat(weight).double() @ second) + offset[:, None] * first
        grad_filters = (grad_filters.T + everywhere).to(weight.dtype)
        grad_weight = grad_filters.view(n_out, -1, weight.shape[1]).transpose(1, 2).unsqueeze(2)
        return None, grad_weight, grad_scale, grad_bias, None, None


def _flat(weight: torch.Tensor) -> torch.Tensor:
    """Filters (n_out, n_in, 1, k) as (n_out, k · n_in)."""
    return weight.squeeze(2).transpose(1, 2).flatten(1)


def _windows(padded: torch.Tensor, kernel: int) -> torch.Tensor:
    """What each position of the stem reads: (B, L, k · n_in) on the memory of (B, L + k - 1, n_in)."""
    n_sequences, length, n_in = padded.shape
    return padded.as_strided((n_sequences, length - kernel + 1, kernel * n_in), (length * n_in, n_in, 1))
