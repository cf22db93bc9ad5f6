"""Does the embedding of the default call separate cells as LSI does, on every data set at hand?

The default call and nothing else: ``pp.split_peaks``, then ``tl.scbasset`` with the width named. Beside it what one
would use instead, on all peaks: ``tl.lsi``, and the same without scaling cells to unit length. One call adds a
row for each set and seed::

    python benchmarks/default_embedding.py run DATA toy0 toy1 toy2 --width 32 --rng 0 1 2 --out RESULTS.json
    python benchmarks/default_embedding.py run DATA pseudocells sim5tissues aml a549 --width 48 --out RESULTS.json
    python benchmarks/default_embedding.py table RESULTS.json
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

FILES = {
    "pseudocells": ("worm/pseudocells_ce10.h5ad", "worm/ce10.fa.gz", "tissue"),
    "sim5tissues": ("worm/sim5tissues_ce10.h5ad", "worm/ce10.fa.gz", "tissue"),
    "aml": ("human/aml_corces2016_hg19_chr20_chrX.h5ad", "human/hg19_chr20_chrXp.fa.gz", "notes"),
    "a549": ("human/a549_scicar_atac_hg19_chr20_chrX.h5ad", "human/hg19_chr20_chrXp.fa.gz", "time_h"),
}
SCORES = ("label_score", "ari")


def load(data: Path, name: str):
    """Cells with any open peak, with sequences, and the column of their labels."""
    import anndata as ad

    import scbasset_tl as sb

    if name.startswith("toy"):
        return sb.datasets.toy(rng=int(name[3:])), "cell_type"
    file, fasta, label_key = FILES[name]
    adata = ad.read_h5ad(data / file)
    adata = adata[np.asarray(adata.X.sum(axis=1)).ravel() > 0].copy()
    adata.obs[label_key] = adata.obs[label_key].astype(str).astype("category")
    sb.pp.add_sequences(adata, data / fasta)
    return adata, label_key


def scores(adata, label_key: str, use_rep: str) -> dict[str, float]:
    import scbasset_tl as sb

    k = min(50, adata.obs[label_key].value_counts().min() - 1)
    return {
        "label_score": sb.metrics.label_score(adata, label_key=label_key, use_rep=use_rep, k=k),
        "ari": sb.metrics.clustering_scores(adata, label_key=label_key, use_rep=use_rep)["ari"],
    }


def lsi_scores(adata, label_key: str) -> dict[str, dict[str, float]]:
    """``tl.lsi``, which scales cells to unit length, and the same components without that."""
    import scbasset_tl as sb
    from scbasset_tl._adata.matrix import open_peaks
    from scbasset_tl.stats.lsi import Lsi

    sb.tl.lsi(adata, rng=0)
    opened = open_peaks(adata, None)
    adata.obsm["X_lsi_plain"] = Lsi.fit(opened, 30, rng=np.random.default_rng(0)).transform(opened)
    return {name: scores(adata, label_key, f"X_{name}") for name in ("lsi", "lsi_plain")}


def run(a: argparse.Namespace, name: str, rng: int) -> dict:
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(a.threads)
    sb.settings.verbosity = 0
    adata, label_key = load(a.data, name)
    sb.pp.split_peaks(adata, rng=rng)
    changes = {key: json.loads(value) for key, value in (change.split("=") for change in a.change)}
    started, cpu = time.perf_counter(), time.process_time()
    sb.tl.scbasset(adata, trunk=a.width, rng=rng, **changes)
    row = {"set": name, "width": a.width, "rng": rng, "changes": changes, "n_obs": adata.n_obs, "n_vars": adata.n_vars}
    row |= {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu, "threads": a.threads}
    held_out = sb.metrics.accessibility_auc(adata, split="test")
    row["held_out"] = {"per_cell": held_out.mean_per_cell, "per_peak": held_out.mean_per_peak}
    row["scbasset"] = scores(adata, label_key, "X_scbasset")
    vectors = adata.obsm["X_scbasset"]
    adata.obsm["X_unit"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    row["scbasset_unit"] = scores(adata, label_key, "X_unit")
    row |= lsi_scores(adata, label_key)
    counts = adata.obs[label_key].value_counts(normalize=True)
    return row | {"chance": float((counts**2).sum())}


def table(results: Path) -> None:
    rows = json.loads(results.read_text())
    print("| set | width | seeds | CPU s | held-out auROC | scBasset | scBasset, unit length | LSI | LSI, not scaled |")
    print("|" + "---|" * 9)
    for key in dict.fromkeys((row["set"], row["width"], str(row["changes"])) for row in rows):
        same = [row for row in rows if (row["set"], row["width"], str(row["changes"])) == key]

        def shown(part: str, names: tuple[str, ...], same: list[dict] = same) -> str:
            measured = [row[part] for row in same if part in row]
            return " / ".join(f"{np.mean([row[name] for row in measured]):.3f}" for name in names) if measured else ""

        seconds = f"{np.mean([row['cpu_seconds'] for row in same]):.0f}"
        parts = [
            shown("held_out", ("per_cell", "per_peak")),
            *(shown(p, SCORES) for p in ("scbasset", "scbasset_unit", "lsi", "lsi_plain")),
        ]
        print("|", " | ".join([key[0], str(key[1]), str(len(same)), seconds, *parts]), "|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run")
    one.add_argument("data", type=Path)
    one.add_argument("sets", nargs="+")
    one.add_argument("--width", type=int, default=48)
    one.add_argument("--rng", type=int, nargs="+", default=[0])
    one.add_argument("--change", nargs="*", default=[], help="name=JSON, arguments of tl.scbasset")
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--out", type=Path, required=True)
    shown = commands.add_parser("table")
    shown.add_argument("results", type=Path)
    a = parser.parse_args()
    if a.command == "table":
        table(a.results)
        return
    for name in a.sets:
        for rng in a.rng:
            row = run(a, name, rng)
            rows = json.loads(a.out.read_text()) if a.out.exists() else []
            a.out.write_text(json.dumps([*rows, row], indent=1) + "\n")
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
