"""The numbers that a report states, collected from the slots of a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scbasset_tl._keys import DNA_CODE, HELD_OUT, SPLIT

if TYPE_CHECKING:
    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.stats.signal import Signal
    from scbasset_tl.stats.verdict import Course

# peaks and cells of the permutation test, whose cost grows with their product and the square of the smaller number
_MAX_PEAKS, _MAX_CELLS = 4096, 2000
# cells whose neighbours are looked up, and how many each
_MAX_MIXED, _NEIGHBORS = 10_000, 15


def split_peaks(adata: AnnData) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the held-out peaks (val and test) and of the training peaks."""
    if SPLIT not in adata.var:
        message = (
            f"var[{SPLIT!r}] is missing, so that no peak is known to be held out: restore the split that the model was "
            "trained with, or for weights from a file run pp.split_peaks with theirs."
        )
        raise KeyError(message)
    split = adata.var[SPLIT]
    held_out = np.flatnonzero(split.isin(HELD_OUT))
    if len(held_out) < 2:
        counts = split.value_counts().to_dict()
        message = (
            f"var[{SPLIT!r}] holds {counts}: a report needs at least 2 peaks that are 'val' or 'test'. Keep them when "
            "subsetting, or train with a split of pp.split_peaks."
        )
        raise ValueError(message)
    return held_out, np.flatnonzero(split == "train")


def accuracy(
    adata: AnnData, model: Model, open_entries: OpenEntries, held_out: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the cells (auroc, auprc, open, log10_depth, intercept) and of the held-out peaks (auroc, auprc, open, depth_only)."""
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.stats.signal import auc_of_one_score

    weight, bias = model.raw_head(adata.obs)
    scored = open_entries.rows(held_out)
    per_cell, per_peak = held_out_areas(model.require_peaks()[held_out], weight, bias, scored)
    if np.isnan(per_cell.roc).all():
        message = f"all {len(held_out)} held-out peaks are open in every cell or in none: there is nothing to score."
        raise ValueError(message)
    depth = open_entries.cell_counts()
    elsewhere = depth - scored.cell_counts()  # a peak must not predict itself
    depth_only = auc_of_one_score(elsewhere if elsewhere.any() else depth, scored)
    with np.errstate(divide="ignore"):
        log_depth = np.where(depth > 0, np.log10(depth), np.nan)
    share = scored.cell_counts() / len(held_out), scored.peak_counts() / adata.n_obs
    columns = [
        {"auroc": areas.roc, "auprc": areas.pr, "open": np.where(np.isnan(areas.roc), np.nan, of_open)}
        for areas, of_open in zip((per_cell, per_peak), share, strict=True)
    ]
    cells = pd.DataFrame({**columns[0], "log10_depth": log_depth, "intercept": bias}, index=adata.obs_names)
    peaks = pd.DataFrame({**columns[1], "depth_only": depth_only}, index=adata.var_names[held_out])
    return cells, peaks


def signals(
    adata: AnnData,
    model: Model,
    open_entries: OpenEntries,
    held_out: np.ndarray,
    training: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, Signal]:
    """Held-out signal per cell and per peak, and that of training peaks, on samples of peaks and cells."""
    from scbasset_tl.stats.signal import signal_per_cell, signal_per_peak

    weight, bias = model.raw_head(adata.obs)
    cells = _sample(np.arange(adata.n_obs), _MAX_CELLS, rng)

    def block(peaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        peaks = _sample(peaks, _MAX_PEAKS, rng)
        return model.require_peaks()[peaks] @ weight[cells].T + bias[cells], open_entries.rows(peaks).csr()[
            :, cells
        ].toarray()

    held = block(held_out)
    return {
        "per_cell": signal_per_cell(*held),
        "per_peak": signal_per_peak(*held),
        "training": signal_per_cell(*block(training)),
    }


def auroc_numbers(cells: pd.DataFrame, peaks: pd.DataFrame, signal_of: dict[str, Signal]) -> dict[str, float]:
    """Means of the exact auROC and auPR, and the values by chance and by depth alone."""
    return {
        "n_held_out": len(peaks),
        "per_cell": float(cells["auroc"].mean()),
        "per_cell_z": signal_of["per_cell"].z,
        "per_peak": float(peaks["auroc"].mean()),
        "per_peak_null": signal_of["per_peak"].null,
        "per_peak_z": signal_of["per_peak"].z,
        "per_cell_auprc": float(cells["auprc"].mean()),
        "per_cell_open": float(cells["open"].mean()),
        "per_peak_auprc": float(peaks["auprc"].mean()),
        "per_peak_open": float(peaks["open"].mean()),
        "depth_only_per_peak": float(peaks["depth_only"].mean()),
        "training_per_cell": signal_of["training"].auroc,
        "training_per_cell_z": signal_of["training"].z,
        "one_class_cells": int(cells["auroc"].isna().sum()),
        "one_class_peaks": int(peaks["auroc"].isna().sum()),
    }


def baselines(adata: AnnData, open_entries: OpenEntries, held_out: np.ndarray) -> dict[str, float]:
    """Mean auROC per cell of the held-out peaks' own mean accessibility, and of their GC content."""
    from scbasset_tl.genome.codes import gc_share
    from scbasset_tl.stats.signal import auc_of_one_score
    from scbasset_tl.stats.transpose import transpose

    scored = open_entries.rows(held_out)
    by_cell = transpose(scored)
    scores = {"peak_mean_per_cell": float(np.nanmean(auc_of_one_score(scored.peak_counts(), by_cell)))}
    if DNA_CODE in adata.varm:
        codes = np.asarray(adata.varm[DNA_CODE])[held_out]
        auroc = float(np.nanmean(auc_of_one_score(gc_share(codes), by_cell)))
        scores["gc_per_cell"] = max(auroc, 1 - auroc)
    return scores


def depth_numbers(model: Model, cells: pd.DataFrame) -> dict[str, float]:
    """Pearson correlation of intercept and log depth, and the share of the embedding that log depth explains."""
    from scbasset_tl.stats.leakage import explained_share

    measured = cells["log10_depth"].notna().to_numpy()
    depth, intercept = (cells[name].to_numpy(dtype=np.float64)[measured] for name in ("log10_depth", "intercept"))
    varies = len(depth) > 1 and np.ptp(depth) > 0 and np.ptp(intercept) > 0
    return {
        "intercept_depth_r": float(np.corrcoef(intercept, depth)[0, 1]) if varies else float("nan"),
        "depth_in_embedding": explained_share(model.cell_embedding[measured], depth),
    }


def mixing(adata: AnnData, model: Model, rng: np.random.Generator) -> dict[str, float]:
    """Share of a cell's neighbours in the embedding that are of its batch, and that expected by chance."""
    if model.batches is None:
        return {}
    from scbasset_tl.stats.leakage import same_group
    from scbasset_tl.stats.neighbors import nearest

    cells = _sample(np.arange(adata.n_obs), _MAX_MIXED, rng)
    if len(cells) < 3:
        return {}
    batch = np.unique(model.batches.design(adata.obs), axis=0, return_inverse=True)[1].ravel()[cells]
    neighbors, _ = nearest(model.cell_embedding[cells], min(_NEIGHBORS, len(cells) - 1), rng=rng)
    return dict(zip(("same_batch", "same_batch_by_chance"), same_group(neighbors, batch), strict=True))


def course(model: Model, history: pd.DataFrame, n_train: int) -> Course:
    """The part of a training history that the verdict uses, for a run on ``n_train`` peaks."""
    from scbasset_tl.stats.verdict import Course, late_rise

    params = model.entry["params"]
    together = int(params["recipe"]["batch_size"]) * int(params.get("devices", 1)) * int(params.get("num_nodes", 1))
    return Course(
        epochs=len(history),
        best_epoch=int(model.entry["history"]["best_epoch"]),
        steps=len(history) * -(-n_train // together),
        late_rise=late_rise(history["train_auroc"].to_numpy()),
    )


def _sample(positions: np.ndarray, at_most: int, rng: np.random.Generator) -> np.ndarray:
    return positions if len(positions) <= at_most else np.sort(rng.choice(positions, at_most, replace=False))
