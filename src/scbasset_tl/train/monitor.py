"""The auROC that decides when to stop: per cell, over a fixed sample of training peaks and cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scbasset_tl.stats.auc import areas_per_column
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train.batches import to_device

if TYPE_CHECKING:
    from scbasset_tl.nn.head import Head

MAX_PEAKS, MAX_CELLS = 4096, 2000


class AucSample:
    """Collects the logits of a fixed sample of ``peaks`` and cells as the epoch passes, and scores them at its end.

    As in the original, training predictions are those made in the step (dropout and augmentation on, weights moving);
    unlike it the auROC is exact, and sorting never touches all peaks × cells. A rank has those of the sampled cells
    that are in ``cells``.
    """

    def __init__(
        self, entries: OpenEntries, peaks: np.ndarray, cells: slice, rng: np.random.Generator, device: torch.device
    ) -> None:
        rows = np.sort(_sample(len(peaks), MAX_PEAKS, rng))
        columns = np.sort(_sample(entries.n_cells, MAX_CELLS, rng)).astype(np.int32)
        columns = columns[slice(*np.searchsorted(columns, (cells.start, cells.stop)))]
        self._entries = open_entries_at(entries, peaks[rows], columns)
        self._cells = torch.as_tensor(columns - cells.start, dtype=torch.int64, device=device)
        self._slot = torch.full((len(peaks),), -1)
        self._slot[torch.as_tensor(rows)] = torch.arange(len(rows))
        self._logits = torch.zeros(len(rows), len(columns), device=device)
        self._seen = np.zeros(len(rows), dtype=bool)

    @torch.no_grad()
    def update(self, rows: torch.Tensor, h: torch.Tensor, head: Head) -> None:
        """Keep the logits of those peaks that are in the sample; ``rows`` (on the CPU) are their numbers."""
        slot = self._slot[rows]
        inside = (slot >= 0).nonzero()[:, 0]
        self._seen[slot[inside].numpy()] = True
        slot, inside = (to_device(part, h.device) for part in (slot[inside], inside))
        weight, bias = head(self._cells)
        self._logits[slot] = torch.addmm(bias, h[inside].to(weight.dtype), weight.T)

    def score(self) -> tuple[float, float, int]:
        """Sums over cells of the auROC and the auPR over the peaks since the last score, and how many cells have them.

        Cells with both open and closed peaks have them. Several ranks leave out a peak or so of each epoch.
        """
        logits, entries = self._logits.cpu().numpy(), self._entries
        if not self._seen.all():
            logits, entries = logits[self._seen], entries.rows(np.flatnonzero(self._seen))
        self._seen[:] = False
        areas = areas_per_column(logits, entries)
        return float(np.nansum(areas.roc)), float(np.nansum(areas.pr)), int(np.isfinite(areas.roc).sum())


def _sample(n: int, n_wanted: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(n, min(n, n_wanted), replace=False, shuffle=False)


def open_entries_at(entries: OpenEntries, peaks: np.ndarray, cells: np.ndarray) -> OpenEntries:
    """The open entries of a few peaks in a few cells (ascending, int32), reading no other rows."""
    columns = []
    for peak in peaks:
        row = entries.indices[entries.indptr[peak] : entries.indptr[peak + 1]]
        few, many = (row, cells) if len(row) < len(cells) else (cells, row)
        place = np.searchsorted(many, few)
        inside = place < len(many)
        inside[inside] = many[place[inside]] == few[inside]
        columns.append(place[inside] if few is row else np.flatnonzero(inside))
    indptr = np.concatenate([[0], np.cumsum([len(part) for part in columns])])
    return OpenEntries(indptr, np.concatenate([np.empty(0, np.int64), *columns]).astype(np.int32), len(cells))
