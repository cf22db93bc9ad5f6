"""Are the vectors of 200,000 cells trained as well as those of 2,000? Adam's eps decides.

The loss is a mean over cells, so that the gradient of one cell's vector shrinks like 1 / cells while Adam's eps, 1e-7 in
Keras, stays: beyond some 50,000 cells it takes over and the vectors hardly move. ``head_eps=1e-12`` for the cells alone is
what ``recipe="fast"`` does about it. Toy data with planted motifs and five cell types; the 2,000 cells are the first of the
200,000; the same peaks, trunk of 32 filters and number of steps everywhere. Scores are of the same 2,000 cells: label score
with 50 neighbours, auROC per cell over held-out peaks, and how far an entry of a cell's vector moves in a step, in units
of the learning rate (mean over cells and the steps looked at).

    python benchmarks/adam_eps.py --out benchmarks/results/adam_eps.json  # 5 minutes a seed, one thread
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _common import Record, limit_threads, machine, table

N_FEW, LOOK_EVERY, CELLS_AT_ONCE = 2000, 10, 10_000
KERAS, OURS = 1e-7, 1e-12


def simulate(n_cells: int, n_peaks: int) -> tuple[Any, Any]:
    """Toy peaks with 2,000 cells, and ``n_cells`` new cells of the same programmes drawn in blocks."""
    from scipy import sparse

    from scbasset_tl.datasets import _simulate_cells as kernels
    from scbasset_tl.datasets import toy

    adata = toy(n_obs=N_FEW, n_vars=n_peaks)
    base, effect = adata.uns["toy"]["base"], adata.varm["toy_effect"]
    rng = np.random.default_rng(1)
    cells = kernels.draw_cells(n_cells, effect.shape[1], 1, 50, rng)
    blocks = []
    for first in range(0, n_cells, CELLS_AT_ONCE):
        some = kernels.Cells(*(part[first : first + CELLS_AT_ONCE] for part in cells))
        logits = kernels.log_odds(base, some, effect, np.zeros((n_peaks, 1)))
        blocks.append(kernels.draw_counts(logits, rng))
    adata.obs["type"] = cells.cell_type[:N_FEW]
    return adata, sparse.vstack(blocks, format="csr")


def train(
    adata: Any, counts: Any, head_eps: float, *, seed: int, epochs: int, width: int, batch_size: int
) -> dict[str, Any]:
    """Train on all cells of ``counts``; scores of its first 2,000."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    import scbasset_tl as sb
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import make_recipe

    codes, (n_cells, n_peaks) = adata.varm["dna_code"], counts.shape
    by_peak = counts.T.tocsr()
    entries = OpenEntries(by_peak.indptr.astype(np.int64), by_peak.indices.astype(np.int32), n_cells)
    order = np.random.default_rng(0).permutation(n_peaks)
    test, peaks = np.sort(order[: n_peaks // 4]), np.sort(order[n_peaks // 4 :])
    recipe = make_recipe("fast", len(peaks), max_epochs=epochs, batch_size=batch_size)
    recipe = replace(recipe, head_eps=head_eps)
    moved: list[float] = []
    before: dict[str, torch.Tensor] = {}
    n_steps = 0

    def vectors(optimizer: torch.optim.Optimizer) -> tuple[torch.Tensor, float]:
        return next(
            (weight.detach(), group["lr"])
            for group in optimizer.param_groups
            for weight in group["params"]
            if len(weight) == n_cells and weight.dim() == 2
        )

    def look(optimizer: torch.optim.Optimizer, *_: object) -> None:
        if n_steps % LOOK_EVERY == 0:
            before["weight"] = vectors(optimizer)[0].clone()

    def compare(optimizer: torch.optim.Optimizer, *_: object) -> None:
        nonlocal n_steps
        if n_steps % LOOK_EVERY == 0:
            weight, lr = vectors(optimizer)
            moved.append(float((weight - before["weight"]).abs().mean()) / lr)
        n_steps += 1

    hooks = register_optimizer_step_pre_hook(look), register_optimizer_step_post_hook(compare)
    problem = Problem(codes, entries, peaks, test[:2])
    config = TrunkConfig.of_width(width, seq_len=codes.shape[1])
    started = time.perf_counter()
    with sb.settings.override(verbosity=0):
        result = fit(problem, config, recipe, make_fabric("cpu", "32-true"), seed=seed)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        weight, bias = (part[:N_FEW].numpy() for part in result.head())
    few = OpenEntries(*_first_cells(entries.rows(test)), N_FEW)
    per_cell, _ = held_out_areas(embed(result.trunk, codes[test]).numpy(), weight, bias, few)
    adata.obsm["X_now"] = weight
    return {
        "cells": n_cells,
        "head_eps": head_eps,
        "steps": n_steps,
        "loss": result.history["loss"][-1],
        "label_score": sb.metrics.label_score(adata, label_key="type", use_rep="X_now"),
        "auroc_per_cell": float(np.nanmean(per_cell.roc)),
        "step_in_lr": float(np.mean(moved)),
        "spread": float(weight.std(0).mean()),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _first_cells(entries: Any) -> tuple[np.ndarray, np.ndarray]:
    """``indptr`` and ``indices`` of the first 2,000 cells."""
    kept = entries.indices < N_FEW
    return np.concatenate([[0], np.cumsum(kept)])[entries.indptr], entries.indices[kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the JSON file; without it only the table is printed")
    parser.add_argument("--cells", type=int, default=200_000)
    parser.add_argument("--peaks", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    limit_threads(args.threads)
    import torch

    torch.set_num_threads(args.threads)
    record = Record(args.out, machine("torch", "numpy", "scbasset-tl"))
    adata, counts = simulate(args.cells, args.peaks)
    options = {name: getattr(args, name) for name in ("epochs", "width", "batch_size")}
    rows = []
    for seed in range(args.seeds):
        for some in (counts[:N_FEW], counts):
            for eps in (KERAS, OURS):
                one = partial(train, adata, some, eps, seed=seed, **options)
                row = record.once(f"{some.shape[0]} cells, {eps:g}, seed {seed}", one)
                few = record.values[f"{N_FEW} cells, {KERAS:g}, seed {seed}"]
                rows.append([seed, *row.values(), row["step_in_lr"] / few["step_in_lr"]])
                print(row, flush=True)
    print(table(["seed", *row, "step / that of 2,000 cells"], rows))


if __name__ == "__main__":
    main()
