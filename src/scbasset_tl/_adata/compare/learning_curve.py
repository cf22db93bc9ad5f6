"""Models of a part of the cells or of the reads, scored on the same cells and held-out peaks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.cells import labelled_cells
from scbasset_tl._adata.codes import sequence_codes
from scbasset_tl._adata.matrix import counts_from, slot_name
from scbasset_tl._adata.model.network import trunk_config
from scbasset_tl._adata.model.problem import training_data
from scbasset_tl._adata.perturb import check_whole, thinned_reads
from scbasset_tl._keys import HELD_OUT, SPLIT_LEVELS
from scbasset_tl._log import info
from scbasset_tl.stats.open_entries import OpenEntries

if TYPE_CHECKING:
    from anndata import AnnData
    from lightning_fabric import Fabric
    from scipy import sparse

    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.train.recipe import Recipe

_MOST_SCORED = 2000


@dataclass(frozen=True)
class Experiment:
    """What stays the same from one model to the next."""

    codes: np.ndarray
    counts: sparse.csr_matrix  # cells × peaks, all reads
    peaks: dict[str, np.ndarray]  # positions of the peaks of each level of the split
    held_out: np.ndarray  # positions of the validation and test peaks
    order: np.ndarray  # cells in random order: a smaller part is the start of a larger one
    scored: np.ndarray  # positions in ``order`` of the cells that every model is scored on
    groups: np.ndarray | None  # codes of their labels, -1 without one
    config: TrunkConfig
    recipe: Recipe


def plan(
    adata: AnnData,
    *,
    layer: str | None,
    label_key: str | None,
    fewest: int,
    thinned: bool,
    trunk: Any,
    n_latent: int,
    max_epochs: int | None,
    batch_size: int | None,
    rng: np.random.Generator,
) -> Experiment:
    """Check the data and draw the order of the cells; the first ``fewest`` of them are in every model, and scored."""
    from scbasset_tl.train.recipe import make_recipe

    codes = sequence_codes(adata)
    config = trunk_config(trunk, None, seq_len=codes.shape[1], n_latent=n_latent)
    groups = None
    if label_key is not None:
        cells, (codes_of_label,) = labelled_cells(adata, label_key)
        groups = np.full(adata.n_obs, -1)
        groups[cells] = codes_of_label
    training = training_data(adata, codes, layer=layer, batch_key=None, seed=0)
    peaks = {level: training.peaks(level) for level in SPLIT_LEVELS}
    held_out = np.concatenate([peaks[level] for level in HELD_OUT])
    if len(held_out) < 2:
        message = (
            "var['split'] holds out fewer than 2 peaks, on which models could be compared: run pp.split_peaks(data)."
        )
        raise ValueError(message)
    counts = counts_from(adata, layer)
    if thinned:
        check_whole(counts.data, slot_name(layer))
    recipe = make_recipe("fast", len(peaks["train"]), max_epochs=max_epochs, batch_size=batch_size)
    order, scored = rng.permutation(adata.n_obs), np.arange(min(fewest, _MOST_SCORED))
    of_scored = None if groups is None else groups[order[scored]]
    return Experiment(codes, counts, peaks, held_out, order, scored, of_scored, config, recipe)


def score_part(
    experiment: Experiment, fabric: Fabric, n_cells: int, share: float, rng: np.random.Generator, *, seed: int
) -> dict[str, float]:
    """Train on the first ``n_cells`` and ``share`` of their reads; scores on all reads of the cells that every model has."""
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.stats.neighbors import nearest
    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.exact import exact_cells
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import peak_average

    started = time.perf_counter()
    whole = experiment.counts[experiment.order[:n_cells]]
    part = whole if share == 1 else thinned_reads(whole, share, rng)
    kept = np.flatnonzero(part.getnnz(axis=1))
    if len(kept) < n_cells:
        info(
            f"{n_cells - len(kept)} of {n_cells} cells have no read left at {share:.0%} of the reads; they are left out"
        )
    open_entries, train = _open_entries(part[kept]), experiment.peaks["train"]
    problem = Problem(
        experiment.codes, open_entries, train, experiment.peaks["val"], open_peaks=open_entries.cell_counts(train)
    )
    result = fit(problem, experiment.config, experiment.recipe, fabric, seed=seed)
    vectors = embed(result.trunk, experiment.codes, average=peak_average("fast", None)).cpu().numpy()
    exact_cells(result, vectors, open_entries, train, Ranks.of(fabric))
    weight, bias = (values.detach().cpu().numpy() for values in result.head())
    rows = np.flatnonzero(np.isin(kept, experiment.scored))
    held_out = experiment.held_out
    truth = _open_entries(whole[kept[rows]]).rows(held_out)
    per_cell, per_peak = held_out_areas(vectors[held_out], weight[rows], bias[rows], truth)
    scores = {"auroc_per_cell": _mean(per_cell.roc), "auroc_per_peak": _mean(per_peak.roc)}
    if experiment.groups is not None:
        groups = experiment.groups[kept[rows]]
        labelled = groups >= 0
        scores["label_score"] = float("nan")
        if labelled.sum() > 1:
            k = int(max(1, min(50, labelled.sum() // 10)))
            neighbors, _ = nearest(weight[rows][labelled], k, rng=rng)
            scores["label_score"] = float((groups[labelled][neighbors] == groups[labelled][:, None]).mean())
    depth = float(np.median(part[kept].getnnz(axis=1)))
    return {"n_cells": len(kept), "depth": depth, **scores, "seconds": time.perf_counter() - started}


def _open_entries(counts: sparse.csr_matrix) -> OpenEntries:
    return OpenEntries.from_csr(counts.T.tocsr())


def _mean(scores: np.ndarray) -> float:
    defined = scores[np.isfinite(scores)]
    return float(defined.mean()) if len(defined) else float("nan")


def sizes(argument: str, given: Any, whole: float, *, whole_numbers: bool) -> list[float]:
    """Sizes in ascending order, without repeats: numbers of cells, or shares of the reads."""
    values = list(given) if pd.api.types.is_list_like(given) else [given]
    what = (
        f"whole numbers from 10 to the {whole:,} cells of the data" if whole_numbers else "shares above 0 and at most 1"
    )
    numbers: list[float] = []
    for value in values:
        number = value if isinstance(value, int | float | np.number) and not isinstance(value, bool) else np.nan
        fits = 10 <= number <= whole and number == int(number) if whole_numbers else 0 < number <= 1
        if not fits:
            message = f"{argument} must be {what}, got {value!r}."
            raise ValueError(message)
        numbers.append(int(number) if whole_numbers else float(number))
    if not numbers:
        message = f"{argument} is empty: leave it out, or pass {what}."
        raise ValueError(message)
    return sorted(set(numbers))
