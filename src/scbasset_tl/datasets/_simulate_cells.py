"""Cells that open peaks by the motifs planted in them (numpy and scipy only)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scbasset_tl.datasets._simulate_genome import Motifs

# log-odds of a peak without sites in a cell of depth 1
_BASE = -3.6
_DEPTH_SD = 0.5
# standard deviation of what a batch adds to a motif's effect, and how much shallower each further batch is
_BATCH_SD, _BATCH_DEPTH = 0.5, 0.6


class Cells(NamedTuple):
    """Type and batch of each cell as numbers, and the factor by which its depth multiplies every odds."""

    cell_type: np.ndarray
    batch: np.ndarray
    depth: np.ndarray


def draw_cells(n_obs: int, n_types: int, n_batches: int, depth: float, rng: np.random.Generator) -> Cells:
    """Types of equal size in random order, batches at random, log-normal depths."""
    cell_type = rng.permutation(np.arange(n_obs) % n_types)
    batch = rng.permutation(np.arange(n_obs) % n_batches)
    return Cells(cell_type, batch, depth * _BATCH_DEPTH**batch * rng.lognormal(0, _DEPTH_SD, n_obs))


def draw_batch_effect(motifs: Motifs, n_batches: int, rng: np.random.Generator) -> np.ndarray:
    """Log-odds that a site adds in each batch (m, n_batches); decoys add nothing."""
    effect = rng.normal(0, _BATCH_SD, (len(motifs.name), n_batches))
    return effect * (motifs.kind != "decoy")[:, None]


def count_sites(sites: np.ndarray, n_motifs: int) -> np.ndarray:
    """Sites of each motif in each peak (n_peaks, n_motifs)."""
    return (sites[..., :1] == np.arange(n_motifs)).sum(1)


def log_odds(cells: Cells, type_effect: np.ndarray, batch_effect: np.ndarray | None = None) -> np.ndarray:
    """True log-odds (n_obs, n_peaks) from what the motifs add in each type and batch (n_peaks, ·)."""
    logits = _BASE + np.log(cells.depth)[:, None] + type_effect.T[cells.cell_type]
    return logits if batch_effect is None else logits + batch_effect.T[cells.batch]


def draw_counts(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts that are above zero with exactly the probability that ``logits`` state."""
    # 1 - exp(-softplus(z)) = sigmoid(z)
    return rng.poisson(np.logaddexp(0, logits))


def mean_auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Exact auROC of each row, ties counted half, averaged over the rows that hold both classes."""
    from scipy.stats import rankdata

    n_open = labels.sum(1)
    n_closed = labels.shape[1] - n_open
    rank_sum = (rankdata(scores, axis=1) * labels).sum(1)
    both = (n_open > 0) & (n_closed > 0)
    area = (rank_sum - n_open * (n_open + 1) / 2)[both] / (n_open * n_closed)[both]
    return float(area.mean())
