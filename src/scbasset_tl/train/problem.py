"""What scBasset learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from scbasset_tl.stats.open_entries import OpenEntries


@dataclass(frozen=True)
class Problem:
    """What is learned: codes (P, L) and open entries of all peaks, which of them are for what, and the cells' batches."""

    codes: np.ndarray
    open_entries: OpenEntries
    train: np.ndarray  # int64 positions of peaks
    val: np.ndarray
    design: np.ndarray | None = None  # int64 (n_cells, n_columns): rows of the batch vectors
    n_batches: int = 0
    open_peaks: np.ndarray | None = None  # int64 (n_cells,): open training peaks of each cell; None: to be counted
