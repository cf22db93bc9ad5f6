"""Training peaks on the device: codes, labels as indices, and the order of the minibatches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scbasset_tl.nn.loss import Positives
from scbasset_tl.stats.tiles import tile_starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from scbasset_tl.stats.labels import Labels

# cells worked on at once in the head: measured best on a CPU; a GPU wants larger products
_TILE = {"cpu": 4096}
_TILE_ELSEWHERE = 32768


class PeakBatches:
    """Codes (P, L) and labels of the training peaks, ready on ``device``."""

    def __init__(self, codes: np.ndarray, labels: Labels, device: torch.device) -> None:
        self.tile = _TILE.get(device.type, _TILE_ELSEWHERE)
        n_tiles = -(-labels.n_cells // self.tile)
        starts = tile_starts(labels.indptr, labels.indices, self.tile, n_tiles)
        self.codes = torch.as_tensor(codes).to(device)
        self._indices = torch.as_tensor(labels.indices).to(device)
        self._starts = torch.as_tensor(starts).to(device)

    def positives(self, peaks: torch.Tensor) -> Positives:
        """The open pairs of ``peaks``, tile after tile."""
        first, last = self._starts[peaks, :-1].T, self._starts[peaks, 1:].T
        lengths = (last - first).flatten()
        ends = lengths.cumsum(0)
        n_tiles, n_rows = first.shape
        take = torch.arange(int(ends[-1]), device=peaks.device)
        take += torch.repeat_interleave(first.flatten() - (ends - lengths), lengths)
        rows = torch.arange(n_rows, device=peaks.device).repeat(n_tiles)
        return Positives(
            rows=torch.repeat_interleave(rows, lengths),
            columns=self._indices[take].long(),
            offsets=[0, *ends[n_rows - 1 :: n_rows].tolist()],
            tile=self.tile,
        )


def minibatches(n_peaks: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """All peaks once, in random order; a last minibatch of one joins the one before it.

    Batch norm has no variance of a single row.
    """
    parts = list(torch.randperm(n_peaks, generator=generator).split(batch_size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    yield from parts


def n_minibatches(n_peaks: int, batch_size: int) -> int:
    """How many parts :func:`minibatches` gives."""
    full, rest = divmod(n_peaks, batch_size)
    return max(1, full + (rest > 1))
