"""The auROC that decides when to stop: per cell, over a fixed sample of training peaks and cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scbasset_tl.stats.auc import auc_per_column

if TYPE_CHECKING:
    from scbasset_tl.stats.labels import Labels

MAX_PEAKS, MAX_CELLS = 4096, 2000


class AucSample:
    """Collects the logits of a fixed sample as the epoch passes and scores them at its end.

    As in the original, training predictions are those made in the step (dropout and augmentation on, weights moving);
    unlike it the auROC is exact, and sorting never touches all peaks × cells.
    """

    def __init__(self, labels: Labels, rng: np.random.Generator, device: torch.device) -> None:
        peaks = np.sort(rng.permutation(labels.n_peaks)[:MAX_PEAKS])
        cells = np.sort(rng.permutation(labels.n_cells)[:MAX_CELLS])
        # one column for every sampled cell
        column = np.full(labels.n_cells, -1)
        column[cells] = np.arange(len(cells))
        chosen = labels.rows(peaks)
        self._labels = _keep_columns(chosen, column, len(cells))
        self._cells = torch.as_tensor(cells, device=device)
        slot = torch.full((labels.n_peaks,), -1)
        slot[torch.as_tensor(peaks)] = torch.arange(len(peaks))
        self._slot = slot.to(device)
        self._logits = torch.zeros(len(peaks), len(cells), device=device)

    def update(self, peaks: torch.Tensor, h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """Keep the logits of those ``peaks`` that are in the sample."""
        with torch.no_grad():
            slot = self._slot[peaks]
            inside = slot >= 0
            self._logits[slot[inside]] = torch.addmm(bias[self._cells], h[inside].float(), weight[self._cells].T)

    def score(self) -> float:
        """Mean over cells of the auROC over peaks; cells of one class are left out."""
        per_cell = auc_per_column(self._logits.cpu().numpy(), self._labels)
        return float(np.nanmean(per_cell)) if np.isfinite(per_cell).any() else float("nan")


def _keep_columns(labels: Labels, column: np.ndarray, n_columns: int) -> Labels:
    kept = column[labels.indices] >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[labels.indptr]
    return type(labels)(indptr, column[labels.indices[kept]].astype(np.int32), n_columns)
