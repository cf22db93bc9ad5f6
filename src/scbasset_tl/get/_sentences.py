"""The findings of a report in plain words."""

from __future__ import annotations

from math import ceil, isnan
from typing import TYPE_CHECKING

from scbasset_tl.stats.verdict import MIN_EPOCHS, MIN_PER_CELL, MIN_STEPS, MIN_Z

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scbasset_tl.stats.verdict import Verdict

# the original prints .982
_BIAS_IS_DEPTH = 0.9
_EMBEDDING_IS_DEPTH = 0.1
_UNMIXED = 0.2  # share of the way from mixing by chance to having no neighbour in another batch
_STOPPED = {
    "schedule": "it ran to the end of its schedule",
    "patience": "it stopped because the training auROC no longer rose",
    "max_epochs": "it stopped at max_epochs",
}


def sentences(
    numbers: Mapping[str, float], stopped: str, verdict: Verdict, lacks: str | None, rep: str
) -> dict[str, str]:
    """What to do next, and a sentence for each check.

    ``stopped`` is why the training ended, or ``"mapped"``, or empty where it is not known; ``lacks`` is why it is not over
    by the rules of the verdict; ``rep`` is the slot of the embedding.
    """
    texts = {
        "next": _next(verdict, numbers, stopped, rep),
        "per cell": _per_cell(numbers),
        "per peak": _per_peak(numbers),
        "auPR": _precision(numbers),
        "training peaks": _training(numbers),
        "intercept": _intercept(numbers["intercept_depth_r"]),
        "embedding": _embedding(numbers["depth_in_embedding"]),
        "convergence": _convergence(numbers, stopped, verdict, lacks),
    }
    if "same_batch" in numbers:
        texts["batches"] = _batches(numbers["same_batch"], numbers["same_batch_by_chance"])
    return texts


def _next(verdict: Verdict, n: Mapping[str, float], stopped: str, rep: str) -> str:
    if verdict == "usable":
        return f'sc.pp.neighbors(adata, use_rep="{rep}", metric="cosine") for clusters and a map; sb.tl.tf_activity for the factors behind them.'
    if verdict == "no sequence signal" and n["per_cell_z"] >= MIN_Z and n["per_cell"] >= MIN_PER_CELL:
        return (
            "the FASTA fits, since it tells which peaks are open; to tell cells apart takes more data. Keep more peaks "
            "(sb.pp.filter_peaks with a lower min_fraction); sb.metrics.learning_curve says whether more cells or more reads "
            "would help."
        )
    if verdict == "no sequence signal":
        return (
            "check that the FASTA is of the assembly that the peaks were called on (hg19 or hg38), that each row of "
            "varm['dna_code'] is that of its peak (sb.pp.add_sequences reads them anew), that the matrix holds counts, and "
            "that there are a few thousand peaks (sb.pp.filter_peaks with a lower min_fraction keeps more)."
        )
    if stopped == "mapped":
        return "train the reference longer, and map the cells again."
    if "epochs" not in n:
        return "train for longer, sb.tl.scbasset(adata), or with what the verdict names."
    # none are known of data without the training peaks
    by_steps = ceil(MIN_STEPS * n["epochs"] / n["steps"]) if n["steps"] else 0
    enough = max(2 * n["epochs"], MIN_EPOCHS, by_steps)
    return f"train for longer, sb.tl.scbasset(adata, ..., max_epochs={enough}), or with what the verdict names."


def _per_cell(n: Mapping[str, float]) -> str:
    gc = f", their GC content alone {n['gc_per_cell']:.3f}" if "gc_per_cell" in n else ""
    return (
        f"held-out auROC {n['per_cell']:.3f}, {n['per_cell_z']:.1f} sd above chance ({n['n_held_out']} peaks); "
        f"knowing the held-out peaks' means would give {n['peak_mean_per_cell']:.3f}{gc}."
    )


def _per_peak(n: Mapping[str, float]) -> str:
    return (
        f"held-out auROC {n['per_peak']:.3f}, {n['per_peak_z']:.1f} sd above the {n['per_peak_null']:.3f} that the model "
        f"gets with sequences swapped between peaks; depth alone gives {n['depth_only_per_peak']:.3f}."
    )


def _precision(n: Mapping[str, float]) -> str:
    return (
        f"held-out auPR per cell {n['per_cell_auprc']:.3f}, by chance {n['per_cell_open']:.3f}; per peak "
        f"{n['per_peak_auprc']:.3f}, by chance {n['per_peak_open']:.3f}."
    )


def _training(n: Mapping[str, float]) -> str:
    if isnan(n["training_per_cell"]):
        return "none are left in these data to compare with."
    training = n["training_per_cell"]
    if training < MIN_PER_CELL:
        return f"auROC per cell {training:.3f}: hardly fitted. Train longer: raise max_epochs."
    kept = (n["per_cell"] - 0.5) / (training - 0.5)
    return (
        f"auROC per cell {training:.3f}; held-out peaks retain {max(kept, 0):.0%} of the training peaks' gain over 0.5."
    )


def _intercept(r: float) -> str:
    if isnan(r):
        return "depth or intercept is the same in all cells: nothing to compare."
    comment = (
        "it takes up the depth, as it should"
        if r >= _BIAS_IS_DEPTH
        else "it does not take up the whole depth; train longer (max_epochs)"
    )
    return f"Pearson correlation with log depth {r:.3f}: {comment}."


def _embedding(share: float) -> str:
    if isnan(share):
        return "it or the depth is the same in all cells: nothing to compare."
    comment = (
        "depth leaks into it; leave out the shallowest cells (sc.pp.filter_cells), or train longer"
        if share > _EMBEDDING_IS_DEPTH
        else "it is hardly depth"
    )
    return f"log depth accounts for {share:.1%} of its variance: {comment}."


def _convergence(n: Mapping[str, float], stopped: str, verdict: Verdict, lacks: str | None) -> str:
    if stopped == "mapped":
        return "cells mapped onto a trained network: look at the course of training in the reference's report."
    if "epochs" not in n:
        return "weights from a file, so that the course of their training is not known."
    course = (
        f"{n['steps']} optimizer steps, epochs {n['epochs']}, best {n['best_epoch']}; {_STOPPED.get(stopped, stopped)}"
    )
    if not isnan(n["late_rise"]):
        speed = max(n["late_rise"], 0)
        course += f"; in its last tenth the training auROC rose {speed:.1f} times as fast as over the whole run"
    if lacks is None:
        return f"over: {course}."
    vain = ", though more would be in vain" if verdict == "no sequence signal" else ""
    return f"not over{vain}: {course}; {lacks}."


def _batches(share: float, chance: float) -> str:
    excess = (share - chance) / (1 - chance) if chance < 1 else 0
    comment = (
        "they are mixed"
        if excess < _UNMIXED
        else "they are apart; unless they hold other kinds of cells, train with a larger l2_cell"
    )
    return f"{share:.0%} of a cell's neighbours are of its batch, {chance:.0%} by chance: {comment}."
