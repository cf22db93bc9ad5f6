"""How well a trained model orders the peaks that it did not learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._log import progress
from scbasset_tl.stats.auc import held_out_areas
from scbasset_tl.train.monitor import open_entries_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.loop import Fit

MAX_SCORES = 200_000_000
"""Peaks × cells beyond which a sample of the cells stands for all: ten seconds or so of one core."""
_NAMES = ("per_cell", "per_peak", "auprc_per_cell", "auprc_per_peak")


def score_held_out(
    fit: Fit, embedded: np.ndarray, entries: OpenEntries, peaks: Callable[[str], np.ndarray], ranks: Ranks, *, seed: int
) -> dict[str, dict[str, float]]:
    """Mean auROCs ``per_cell`` and ``per_peak`` of ``peaks("val")`` and ``peaks("test")`` with vectors ``embedded``.

    Also the mean auPRs, ``auprc_per_cell`` and ``auprc_per_peak``, and ``n_cells`` where a sample stands for all. Rank 0 does it and tells the others.
    """
    weight, bias = (part.detach().cpu().numpy() for part in fit.head())
    held_out = {level: positions for level in ("val", "test") if len(positions := peaks(level))}
    auroc: dict[str, dict[str, float]] = {}
    with progress(len(held_out), description="held-out auROC", unit="part") as bar:
        for level, chosen in held_out.items():
            n_cells = min(entries.n_cells, max(1, MAX_SCORES // len(chosen)))
            means = [np.nan] * len(_NAMES)
            if ranks.rank == 0:
                cells = np.arange(entries.n_cells, dtype=np.int32)
                if n_cells < entries.n_cells:
                    cells = np.sort(np.random.default_rng(seed).choice(cells, n_cells, replace=False, shuffle=False))
                parts = embedded[chosen], weight[cells], bias[cells]
                areas = held_out_areas(*parts, open_entries_at(entries, chosen, cells))
                means = [_mean_of_defined(scores) for kind in zip(*areas, strict=True) for scores in kind]
            means = ranks.agree(means, fit.head.weight.device)
            auroc[level] = dict(zip(_NAMES, means, strict=True))
            if n_cells < entries.n_cells:
                auroc[level]["n_cells"] = n_cells
            bar.update()
    return auroc


def _mean_of_defined(scores: np.ndarray) -> float:
    """Mean of the scores that are not NaN; NaN if all are, as in a part of one class."""
    defined = scores[scores == scores]
    return float(defined.mean()) if len(defined) else float("nan")
