"""Cells in which peaks are open by the motifs planted in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from scbasset_tl.datasets._simulate_genome import Motifs

# a peak without sites has odds of exp(_BASE) × depth / n_peaks: so about ``depth`` peaks of an average cell are open
_BASE = -1.4
# standard deviation of a cell's log depth
_DEPTH_SD = 0.8
# each further batch is this much shallower; standard deviation of what a batch adds to the effect of a motif
_BATCH_DEPTH, _BATCH_SD = 0.7, 0.5
# counts of a gene in a cell: geometric mean, standard deviations of the logs of gene and cell, factor where its motif acts
_EXPRESSION, _EXPRESSION_SD, _SIZE_SD, _FOLD = 0.5, 0.5, 0.3, 6.0


class Cells(NamedTuple):
    """Type and batch of each cell as numbers, and its depth: all its odds are proportional to that."""

    cell_type: np.ndarray
    batch: np.ndarray
    depth: np.ndarray


def draw_cells(n_obs: int, n_types: int, n_batches: int, depth: float, rng: np.random.Generator) -> Cells:
    """Types and batches of equal size in random order, log-normal depths."""
    cell_type = rng.permutation(np.arange(n_obs) % n_types)
    batch = rng.permutation(np.arange(n_obs) % n_batches)
    return Cells(cell_type, batch, depth * _BATCH_DEPTH**batch * rng.lognormal(0, _DEPTH_SD, n_obs))


def draw_batch_effect(motifs: Motifs, n_batches: int, rng: np.random.Generator) -> np.ndarray:
    """Log-odds that a site adds in each batch (m, n_batches); nothing where there is only one."""
    acts = (motifs.kind != "decoy")[:, None] & (n_batches > 1)
    return rng.normal(0, _BATCH_SD, (len(motifs.name), n_batches)) * acts


def count_sites(sites: np.ndarray, n_motifs: int) -> np.ndarray:
    """Sites of each motif in each peak (n_peaks, n_motifs)."""
    return (sites[..., :1] == np.arange(n_motifs)).sum(1)


def base_log_odds(n_peaks: int) -> float:
    """Log-odds of a peak without sites in a cell of depth 1."""
    return float(_BASE - np.log(n_peaks))


def log_odds(base: float, cells: Cells, type_effect: np.ndarray, batch_effect: np.ndarray) -> np.ndarray:
    """Log-odds (n_obs, n_peaks) from what the sites add to each peak, by type and by batch (n_peaks, ·)."""
    added = type_effect.T[cells.cell_type] + batch_effect.T[cells.batch]
    return base + np.log(cells.depth)[:, None] + added


def draw_counts(logits: np.ndarray, rng: np.random.Generator) -> sparse.csr_matrix:
    """Poisson counts, above zero with exactly the probability sigmoid(``logits``); an empty cell gets one count."""
    # 1 - exp(-softplus(z)) = sigmoid(z)
    rate = np.logaddexp(0, logits)
    counts = rng.poisson(rate)
    for cell in np.flatnonzero(counts.sum(1) == 0):
        counts[cell, rng.choice(len(rate[cell]), p=rate[cell] / rate[cell].sum())] = 1
    return sparse.csr_matrix(counts, dtype=np.float32)


def draw_expression(
    cell_type: np.ndarray, effect: np.ndarray, n_genes: int, rng: np.random.Generator
) -> sparse.csr_matrix:
    """Counts (n_obs, m + n_genes) of a TF gene per row of ``effect``, high in the types where it acts, and of others."""
    n_motifs, n_types = effect.shape
    fold = np.ones((n_types, n_motifs + n_genes))
    fold[:, :n_motifs] = np.where(effect.T != 0, _FOLD, 1)
    level = _EXPRESSION * rng.lognormal(0, _EXPRESSION_SD, n_motifs + n_genes)
    size = rng.lognormal(0, _SIZE_SD, (len(cell_type), 1))
    return sparse.csr_matrix(rng.poisson(size * level * fold[cell_type]), dtype=np.float32)
