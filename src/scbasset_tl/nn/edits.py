"""Embeddings of edited sequences from the kept activations of the unedited ones.

An edit of a few bases changes a few positions of each layer, and only these are computed again. What goes from layer
to layer is the *change* of the activations: convolution is linear, so that a change at M positions costs M products
with its weights, whatever surrounds it. The result is exact but for rounding.

Kept activations are 1.702 times the trunk's: its GELU, x · sigmoid(1.702 x), is then SiLU, a single pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad, silu

from scbasset_tl.nn.codes import as_codes, one_hot
from scbasset_tl.nn.conv_block import SLOPE
from scbasset_tl.nn.embed import embed
from scbasset_tl.nn.precision import no_tf32

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from scbasset_tl.nn.conv_block import ConvBlock
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig

# up to this many numbers in a window of the input, one product over the window beats one for each tap
_NARROW = 128
_KEEP_AT_ONCE = 64
_EDITS_AT_ONCE = 128


@dataclass(frozen=True)
class _Layer:
    """A convolution with its batch norm folded in, and what it made of the kept sequences."""

    taps: torch.Tensor  # (k, n_in, n_out)
    pool: int
    length: int  # before pooling
    before_pool: torch.Tensor  # (N · length, n_out)
    activated: torch.Tensor  # (N · length / pool, n_out), pooled

    def propagate(
        self, change: torch.Tensor, rows: torch.Tensor, starts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn the change (M, E, n_in) of the input from ``starts`` on into that of the output, and its start."""
        m, n_edits, _ = change.shape
        n_out = self.taps.shape[2]
        convolved = self._convolve(change)
        n_rows, first = m + len(self.taps) - 1, starts - len(self.taps) // 2
        pooled_length = self.length // self.pool
        width = min(pooled_length, (n_rows + self.pool - 2) // self.pool + 1)
        new_starts = first.div(self.pool, rounding_mode="floor").clamp(0, pooled_length - width)
        position = new_starts * self.pool + _range(width * self.pool, starts)
        row = position - first
        # what the window holds beyond the change comes from the row of zeros at the end
        row = torch.where((row < 0) | (row >= n_rows), n_rows, row)
        window = _take(convolved.view(-1, n_out), row * n_edits + torch.arange(n_edits, device=row.device))
        window += _take(self.before_pool, rows * self.length + position)
        pooled = window.view(width, self.pool, n_edits, n_out).amax(1)
        kept = _take(self.activated, rows * pooled_length + new_starts + _range(width, starts))
        return silu(pooled).sub_(kept), new_starts

    def _convolve(self, change: torch.Tensor) -> torch.Tensor:
        """(M, E, n_in) to (M + k, E, n_out), from k // 2 positions before the input's first; the last row is zero."""
        m, n_edits, n_in = change.shape
        kernel, _, n_out = self.taps.shape
        if kernel * n_in <= _NARROW:
            windows = pad(change, (0, 0, 0, 0, kernel - 1, kernel)).unfold(0, kernel, 1)  # (M + k, E, n_in, k)
            return windows.flatten(2) @ self.taps.transpose(0, 1).reshape(n_in * kernel, n_out)
        convolved = change.new_zeros(m + kernel, n_edits, n_out)
        for tap, weight in enumerate(self.taps):
            rows = convolved[kernel - 1 - tap :][:m].view(m * n_edits, n_out)
            rows.addmm_(change.view(m * n_edits, n_in), weight)
        return convolved


class Editor:
    """Evaluates edits of N sequences, whose activations it keeps (4 MB a sequence for the paper's trunk).

    Parameters
    ----------
    trunk
        Read in evaluation mode, on the device it is on.
    codes
        The unedited sequences, uint8 (N, L).

    Attributes
    ----------
    embedding
        Embeddings of the unedited sequences (N, n_latent).
    """

    @torch.inference_mode()
    @no_tf32()
    def __init__(self, trunk: Trunk, codes: np.ndarray | torch.Tensor) -> None:
        weight, norm = trunk.dense.weight, trunk.dense_norm
        self._codes = as_codes(codes).to(weight.device)
        letters = one_hot(torch.arange(5, device=weight.device)[:, None])[..., 0].to(weight.dtype)
        self._letters = silu(SLOPE * letters)  # (5, 4)
        self._layers = []
        x = one_hot(self._codes).to(weight.dtype).unsqueeze(2)
        x = silu(SLOPE * x.contiguous(memory_format=torch.channels_last))
        for block in trunk.blocks:
            layer, x = _keep(block, x)  # type: ignore[arg-type]
            self._layers.append(layer)
        scale, offset = _affine(norm)
        self._positions = trunk.config.n_positions
        # (positions, channels, n_latent): position-major, as the trunk flattens
        self._dense = (weight * (scale[:, None] / SLOPE)).T.reshape(self._positions, -1, weight.shape[0]).contiguous()
        last = self._layers[-1].activated.view(len(self._codes), -1)
        self._before = last @ self._dense.flatten(0, 1) + offset
        self.embedding = silu(SLOPE * self._before) / SLOPE

    @torch.inference_mode()
    @no_tf32()
    def substitute(
        self, patches: np.ndarray | torch.Tensor, rows: np.ndarray | torch.Tensor, starts: np.ndarray | torch.Tensor
    ) -> torch.Tensor:
        """Change of the embedding when ``patches[e]`` is written over sequence ``rows[e]`` from ``starts[e]`` on.

        Parameters
        ----------
        patches
            New codes, uint8 (E, m).
        rows
            Number of the kept sequence that is edited (E,).
        starts
            First position that is replaced, at most L - m (E,).

        Returns
        -------
        Edited minus kept (E, n_latent).
        """
        device = self._codes.device
        patches, rows, starts = (as_codes(part).to(device) for part in (patches, rows, starts))
        if not len(patches):
            return self.embedding.new_empty(0, self.embedding.shape[1])
        parts = zip(*(part.split(_EDITS_AT_ONCE) for part in (patches, rows.long(), starts.long())), strict=True)
        return torch.cat([self._substitute(*part) for part in parts])

    def _substitute(self, patches: torch.Tensor, rows: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        positions = starts[:, None] + torch.arange(patches.shape[1], device=rows.device)
        old = self._codes[rows[:, None], positions]
        change = (self._letters[patches.int()] - self._letters[old.int()]).transpose(0, 1).contiguous()
        for layer in self._layers:
            change, starts = layer.propagate(change, rows, starts)
        if len(change) < self._positions:
            everywhere = change.new_zeros(self._positions, *change.shape[1:])
            everywhere[starts + _range(len(change), starts), torch.arange(len(rows), device=rows.device)] = change
            change = everywhere
        before = self._before[rows] + torch.bmm(change, self._dense).sum(0)
        return silu(SLOPE * before) / SLOPE - self.embedding[rows]


@torch.inference_mode()
def embed_changes(
    trunk: Trunk,
    codes: np.ndarray | torch.Tensor,
    edited: np.ndarray | torch.Tensor,
    rows: np.ndarray | torch.Tensor,
    *,
    tick: Callable[[int], object] | None = None,
) -> torch.Tensor:
    """Embeddings of ``edited`` minus those of the sequences ``codes[rows]`` that they were made from.

    Edits that reach over few positions are evaluated from kept activations, the others (insertions and deletions,
    which move everything after them) as whole sequences.

    Parameters
    ----------
    trunk
        Read in evaluation mode, on the device it is on.
    codes
        The unedited sequences, uint8 (N, L).
    edited
        The edited ones, uint8 (E, L).
    rows
        Number of the unedited sequence of each (E,).
    tick
        Called with the number of edits done since the last call.

    Returns
    -------
    (E, n_latent) on the trunk's device.
    """
    codes, edited, rows = as_codes(codes), as_codes(edited), as_codes(rows).long()
    changes = trunk.dense.weight.new_zeros(len(edited), trunk.config.n_latent)
    start, size = _extent(edited != codes[rows])
    local = torch.zeros(len(edited), dtype=torch.bool)
    for width in size.unique().tolist():
        local |= (size == width) & (width > 0 and pays(trunk.config, width))
    for chosen, change in ((local, _change_locally), (~local & (size > 0), _change_wholly)):
        mine = chosen.nonzero().squeeze(1)
        mine = mine[rows[mine].argsort(stable=True)]
        kept, number = torch.unique_consecutive(rows[mine], return_inverse=True)
        for first in range(0, len(kept), _KEEP_AT_ONCE):
            part = mine[(number >= first) & (number < first + _KEEP_AT_ONCE)]
            index = torch.searchsorted(kept, rows[part]) - first
            sequences = codes[kept[first : first + _KEEP_AT_ONCE]]
            changes[part] = change(trunk, sequences, edited[part], index, start[part], size[part])
            if tick is not None:
                tick(len(part))
    if tick is not None:
        tick(int((size == 0).sum()))
    return changes


def _change_locally(
    trunk: Trunk,
    codes: torch.Tensor,
    edited: torch.Tensor,
    rows: torch.Tensor,
    start: torch.Tensor,
    size: torch.Tensor,
) -> torch.Tensor:
    editor = Editor(trunk, codes)
    changes = editor.embedding.new_empty(len(rows), editor.embedding.shape[1])
    for width in size.unique().tolist():
        same_width = size == width
        begin = start[same_width].clamp(max=codes.shape[1] - width)
        patches = edited[same_width].gather(1, begin[:, None] + torch.arange(width))
        changes[same_width] = editor.substitute(patches, rows[same_width], begin)
    return changes


def _change_wholly(
    trunk: Trunk, codes: torch.Tensor, edited: torch.Tensor, rows: torch.Tensor, *_: torch.Tensor
) -> torch.Tensor:
    return embed(trunk, edited) - embed(trunk, codes)[rows.to(trunk.dense.weight.device)]


def pays(config: TrunkConfig, width: int) -> bool:
    """Whether an edit of ``width`` positions takes clearly less arithmetic than the whole sequence."""
    full = kept = 0.0
    length, m, widths = config.seq_len, width, (4, *config.channels)
    for n_in, n_out, kernel, pool in zip(widths, config.channels, config.kernels, config.pools, strict=False):
        full += length * kernel * n_in * n_out
        kept += m * kernel * n_in * n_out
        length //= pool
        m = min(length, (m + kernel + pool - 3) // pool + 1)
    # products of few rows and the passes between them run at about half the speed of a whole convolution
    return 2 * kept < full


def _keep(block: ConvBlock, x: torch.Tensor) -> tuple[_Layer, torch.Tensor]:
    """The folded layer with its activations of ``x`` (N, n_in, 1, L), and what the next one sees."""
    scale, offset = _affine(block.norm)
    taps = (block.conv.weight[:, :, 0] * scale[:, None, None]).permute(2, 1, 0).contiguous()
    pool = block.pool.kernel_size[1] if isinstance(block.pool, torch.nn.MaxPool2d) else 1  # type: ignore[index]
    # the scale of the input times 1 / 1.702 of it: only offsets are left to scale
    before = block.conv(x) * scale[:, None, None] + SLOPE * offset[:, None, None]
    after = silu(block.pool(before))
    return _Layer(taps, pool, before.shape[3], _rows(before), _rows(after)), after


def _affine(norm: torch.nn.BatchNorm1d | torch.nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Batch norm in evaluation mode as x · scale + offset."""
    if norm.running_mean is None or norm.running_var is None:
        message = "the batch norm of this trunk keeps no running statistics."
        raise ValueError(message)
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _rows(x: torch.Tensor) -> torch.Tensor:
    """(N, C, 1, L) as (N · L, C)."""
    return x.squeeze(2).transpose(1, 2).contiguous().flatten(0, 1)


def _take(table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows of ``table`` (n, C) in the shape of ``rows`` (M, E): (M, E, C)."""
    return table.index_select(0, rows.flatten()).view(*rows.shape, -1)


def _range(length: int, like: torch.Tensor) -> torch.Tensor:
    """0 … length - 1 as a column (length, 1)."""
    return torch.arange(length, device=like.device)[:, None]


def _extent(differs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First position that differs, and how many there are to the last one, rounded up so that few sizes occur."""
    any_differs = differs.any(1)
    first = differs.int().argmax(1)
    size = differs.shape[1] - differs.flip(1).int().argmax(1) - first
    rounded = (2.0 ** size.double().log2().ceil()).long().clamp(max=differs.shape[1])
    return first, torch.where(any_differs, torch.where(size <= 4, size, rounded), 0)
