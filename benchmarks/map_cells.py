"""How good are cells that a model is not trained on, next to cells that it is?

A model is trained on one half of the worm pseudocells; the other half is mapped onto it: on the same peaks, and on every
second peak with a reference that has only the others. Beside it stand models trained on all cells. ``WORK`` is what
``worm_quality.py prepare`` wrote; chromosome I is held out of training and of the fit of every vector::

    python benchmarks/map_cells.py train WORK pseudocells --width 96 --epochs 12 --precision bf16-mixed
    python benchmarks/map_cells.py table WORK pseudocells --full WORK/ours_pseudocells_fast_96_12_1.h5ad \
        --out benchmarks/results/map_cells.json
    python benchmarks/map_cells.py itself WORK sim5tissues --full WORK/ours_sim5tissues_fast_96_16_0_bf16-mixed.h5ad \
        --out benchmarks/results/map_cells.json
    python benchmarks/map_cells.py speed --threads 1 --out benchmarks/results/map_cells.json
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

N_CELLS, N_PEAKS, N_LATENT = 2000, 30_000, 32
PENALTIES = (1, 3, 10, 30, 100, 300, 1000)


def halves(work: Path, name: str):
    """The cells that a model is trained on, and the others."""
    import anndata as ad

    adata = ad.read_h5ad(work / f"{name}.h5ad")
    trained_on = np.random.default_rng(0).permutation(adata.n_obs) < adata.n_obs // 2
    return adata[trained_on].copy(), adata[~trained_on].copy()


def train(work: Path, name: str, *, width: int, epochs: int, precision: str | None, threads: int) -> None:
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(threads)
    reference, _ = halves(work, name)
    sb.tl.scbasset(reference, trunk=width, max_epochs=epochs, precision=precision)
    reference.write_h5ad(work / f"half_{name}.h5ad")


def unseen(adata):
    """Which peaks no training saw."""
    return (adata.var["split"] == "test").to_numpy()


def mapped(query, reference, **arguments):
    """The query with vectors that were fitted without the unseen peaks, and the seconds that took."""
    import scbasset_tl as sb

    seen = query[:, ~unseen(query)].copy()
    started = time.perf_counter()
    sb.tl.map_cells(seen, reference[:, ~unseen(reference)].copy(), key_added="mapped", **arguments)
    seconds = time.perf_counter() - started
    out = query.copy()
    out.obsm["mapped"] = seen.obsm["mapped"]
    for column in ("bias", "se", "ood"):
        out.obs[f"mapped_{column}"] = seen.obs[f"mapped_{column}"]
    return out, seconds


def scores(adata, embedding, bias, peaks, label_key: str) -> dict[str, float]:
    """Score vectors: auROC on the unseen peaks with their vectors ``peaks``, and label score."""
    import scbasset_tl as sb
    from scbasset_tl._adata.matrix import open_entries_from
    from scbasset_tl.stats.auc import held_out_areas

    adata.obsm["X_now"] = np.asarray(embedding, dtype=np.float32)
    per_cell, per_peak = held_out_areas(
        peaks, embedding, bias, open_entries_from(adata).rows(np.flatnonzero(unseen(adata)))
    )
    return {
        "auroc_per_cell": float(np.nanmean(per_cell.roc)),
        "auroc_per_peak": float(np.nanmean(per_peak.roc)),
        "label_score_50": sb.metrics.label_score(adata, label_key=label_key, use_rep="X_now", k=50),
    }


def transfer(query, reference, use_rep: str, reference_rep: str, label_key: str) -> float:
    """Share of the query's cells that get their own label."""
    import scbasset_tl as sb

    labelled = sb.tl.annotate(
        query,
        reference,
        label_key=label_key,
        use_rep=use_rep,
        reference_rep=reference_rep,
        key_added="carried",
        copy=True,
    )
    return float((labelled.obs["carried"].astype(str) == labelled.obs[label_key].astype(str)).mean())


def odd_shares(query, reference, rng) -> dict[str, float]:
    """Cells marked as out of distribution: as they are, thinned, and with their open peaks drawn anew."""
    import scipy.sparse as sp

    import scbasset_tl as sb

    def share(counts) -> float:
        other = query.copy()
        other.X = counts
        sb.tl.map_cells(other, reference, rng=rng)
        return float(other.obs["scbasset_ood"].mean())

    opened = sp.csr_matrix(query.X > 0, dtype=np.float32)
    shares = {}
    for fraction in (1.0, 0.3, 0.1):
        thin = opened.copy()
        thin.data *= rng.random(thin.nnz) < fraction
        thin.eliminate_zeros()
        shuffled = sp.csr_matrix(rng.permuted(thin.toarray(), axis=1))
        name = f"{np.median(np.diff(thin.indptr)):.0f} open peaks"
        shares[name] = {"held-out cells": share(thin), "the same, shuffled": share(shuffled)}
    return shares


def penalties(query, reference) -> list[dict[str, float]]:
    """Gain in log-likelihood per open peak on the unseen peaks by the penalty."""
    from scbasset_tl._adata.matrix import open_entries_from
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.stats.logistic import fit_cells
    from scbasset_tl.stats.novelty import held_out_gain

    peaks, rows = reference.varm["scbasset"], []
    entries, held_out = open_entries_from(query), np.flatnonzero(unseen(query))
    seen = np.flatnonzero(~unseen(query))
    for l2 in (1 / reference.obsm["X_scbasset"].var(), *PENALTIES):
        fit = fit_cells(peaks[seen], entries.rows(seen), l2=l2)
        per_cell, _ = held_out_areas(peaks[held_out], fit.weight, fit.bias, entries.rows(held_out))
        gain = held_out_gain(peaks, entries, l2=l2, rng=np.random.default_rng(0))
        rows.append(
            {"l2": float(l2), "gain_per_open_peak": float(gain.mean()), "auroc": float(np.nanmean(per_cell.roc))}
        )
    return rows


def table(work: Path, name: str, full_path: Path, label_key: str) -> dict:
    import anndata as ad

    import scbasset_tl as sb

    sb.settings.verbosity = 0
    reference, full = ad.read_h5ad(work / f"half_{name}.h5ad"), ad.read_h5ad(full_path)
    _, query = halves(work, name)
    test, rows = unseen(reference), {}

    whole = full[query.obs_names].copy()
    rows["trained on all cells"] = scores(
        whole, whole.obsm["X_scbasset"], whole.obs["scbasset_bias"], whole.varm["scbasset"][test], label_key
    )
    solved, _ = mapped(whole, full)
    rows["trained on all cells, solved again"] = scores(
        solved, solved.obsm["mapped"], solved.obs["mapped_bias"], whole.varm["scbasset"][test], label_key
    )
    new, seconds = mapped(query, reference)
    peaks = reference.varm["scbasset"][test]
    rows["mapped onto half"] = scores(new, new.obsm["mapped"], new.obs["mapped_bias"], peaks, label_key)
    rows["mapped onto half"]["seconds"] = seconds
    itself, _ = mapped(reference, reference)
    rows["mapped onto half"]["label_transfer"] = transfer(new, itself, "mapped", "mapped", label_key)
    rows["mapped onto half"]["label_transfer_to_trained_vectors"] = transfer(
        new, itself, "mapped", "X_scbasset", label_key
    )
    rows["the half itself, trained"] = scores(
        reference, reference.obsm["X_scbasset"], reference.obs["scbasset_bias"], peaks, label_key
    )
    rows["the half itself, solved again"] = scores(
        itself, itself.obsm["mapped"], itself.obs["mapped_bias"], peaks, label_key
    )

    even, odd = np.arange(query.n_vars) % 2 == 0, np.arange(query.n_vars) % 2 == 1
    others, seconds = mapped(query[:, odd].copy(), reference[:, even].copy())
    rows["mapped onto half, by other peaks"] = scores(
        others, others.obsm["mapped"], others.obs["mapped_bias"], reference.varm["scbasset"][odd & test], label_key
    )
    rows["mapped onto half, by other peaks"] |= {
        "seconds": seconds,
        "label_transfer": transfer(
            others, mapped(reference[:, even].copy(), reference[:, even].copy())[0], "mapped", "mapped", label_key
        ),
        "marked_as_out_of_distribution": float(others.obs["mapped_ood"].mean()),
    }
    same = mapped(query[:, odd].copy(), reference[:, odd].copy())[0]
    rows["mapped onto half, by as many of the same peaks"] = scores(
        same, same.obsm["mapped"], same.obs["mapped_bias"], reference.varm["scbasset"][odd & test], label_key
    )
    return {
        "set": name,
        "cells_peaks": list(query.shape),
        "rows": rows,
        "out_of_distribution": odd_shares(query, reference, np.random.default_rng(0)),
        "penalties": penalties(query, reference),
    }


def itself(full_path: Path, label_key: str) -> dict[str, dict[str, float]]:
    """A reference mapped onto itself: label score, and cells of whose 50 neighbours most have their label."""
    import anndata as ad

    import scbasset_tl as sb
    from scbasset_tl.stats.neighbors import nearest

    sb.settings.verbosity = 0
    reference = ad.read_h5ad(full_path)
    sb.tl.map_cells(reference, reference, key_added="mapped")
    label, rows = reference.obs[label_key].to_numpy(), {}
    for name, rep in (("trained", "X_scbasset"), ("solved again", "mapped")):
        neighbors, _ = nearest(reference.obsm[rep], 50, rng=np.random.default_rng(0))
        same = (label[neighbors] == label[:, None]).mean(axis=1)
        rows[name] = {"label_score_50": float(same.mean()), "among_their_own": float((same > 0.5).mean())}
    rows["solved again"]["marked_as_out_of_distribution"] = float(reference.obs["mapped_ood"].mean())
    return rows


def speed(threads: int) -> dict[str, float]:
    """Seconds for the vectors alone and for the whole verb, on made accessibility."""
    import anndata as ad
    import scipy.sparse as sp
    import torch

    import scbasset_tl as sb
    from scbasset_tl._adata.matrix import open_entries_from
    from scbasset_tl._adata.model.store import write_model
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig
    from scbasset_tl.stats.logistic import fit_cells

    torch.set_num_threads(threads)
    sb.settings.verbosity = 0
    rng = np.random.default_rng(0)
    peaks = np.maximum(rng.normal(size=(N_PEAKS, N_LATENT)), -0.16).astype(np.float32)
    weight = rng.normal(scale=0.25, size=(N_CELLS, N_LATENT)).astype(np.float32)
    bias = (rng.normal(-4.5, 0.8, N_CELLS) - weight @ peaks.mean(axis=0)).astype(np.float32)
    counts = sp.vstack(
        [
            sp.csr_matrix(rng.random(N_PEAKS) < 1 / (1 + np.exp(-(peaks @ w + b))))
            for w, b in zip(weight, bias, strict=True)
        ]
    )
    adata = ad.AnnData(counts.astype(np.float32).tocsr())
    adata.varm["dna_code"] = rng.integers(0, 4, (N_PEAKS, 1344), dtype=np.uint8)
    trunk = Trunk(TrunkConfig.of_width(96), torch.Generator().manual_seed(0))
    reference = adata.copy()
    write_model(
        reference, None, trunk=trunk, cell_embedding=weight, cell_bias=bias, peak_embedding=peaks, params={}, history={}
    )
    entries = open_entries_from(adata)
    started, used = time.perf_counter(), time.process_time()
    fit_cells(peaks, entries, l2=16.0)
    solver, solver_cpu = time.perf_counter() - started, time.process_time() - used
    started, used = time.perf_counter(), time.process_time()
    sb.tl.map_cells(adata, reference)
    verb, verb_cpu = time.perf_counter() - started, time.process_time() - used
    return {
        "threads": threads,
        "density": counts.nnz / (N_CELLS * N_PEAKS),
        "fit_cells_seconds": solver,
        "fit_cells_cpu_seconds": solver_cpu,
        "map_cells_seconds": verb,
        "map_cells_cpu_seconds": verb_cpu,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("train", "table", "itself", "speed"):
        command = commands.add_parser(name)
        command.add_argument("--threads", type=int, default=1)
        if name != "speed":
            command.add_argument("work", type=Path)
            command.add_argument("set")
        if name != "train":
            command.add_argument("--out", type=Path, required=True)
    commands.choices["train"].add_argument("--width", type=int, default=96)
    commands.choices["train"].add_argument("--epochs", type=int, default=12)
    commands.choices["train"].add_argument("--precision")
    for name in ("table", "itself"):
        commands.choices[name].add_argument("--full", type=Path, required=True)
        commands.choices[name].add_argument("--label-key", default="tissue")
    a = parser.parse_args()
    if a.command == "train":
        train(a.work, a.set, width=a.width, epochs=a.epochs, precision=a.precision, threads=a.threads)
        return
    results = json.loads(a.out.read_text()) if a.out.exists() else {}
    if a.command == "table":
        results[a.set] = table(a.work, a.set, a.full, a.label_key)
    elif a.command == "itself":
        results[f"{a.set}, onto itself"] = itself(a.full, a.label_key)
    else:
        results[f"{N_CELLS} cells x {N_PEAKS} peaks, {a.threads} threads"] = speed(a.threads)
    a.out.parent.mkdir(exist_ok=True)
    a.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
