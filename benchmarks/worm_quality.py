"""How well do models trained on worm data predict a chromosome they never saw, and how good are their embeddings?

Chromosome I is held out of both sets. One call does one arm, so that arms can run side by side or be resumed::

    python benchmarks/worm_quality.py prepare DATA WORK           # problems for every arm, from the real data
    python benchmarks/worm_quality.py ours WORK pseudocells --width 96 --epochs 12
    python benchmarks/worm_quality.py peer WORK pseudocells --epochs 8 --peer-python VENV/bin/python
    python benchmarks/worm_quality.py table DATA WORK --out benchmarks/results/worm_quality.json
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SETS = ("pseudocells", "sim5tissues")
HELD_OUT = "chrI"
# ridge regression on 6-mers of 500 bp, one chromosome held out: published with the data
LINEAR = {"pseudocells": (0.641, 0.647, 0.66), "sim5tissues": (0.560, 0.591, float("nan"))}


def load(data: Path, name: str):
    """The AnnData of one set with its split: chromosome I is the test, 5 % of the other peaks the validation set."""
    import anndata as ad
    import pandas as pd

    adata = ad.read_h5ad(data / "worm" / f"{name}_ce10.h5ad")
    rest = np.flatnonzero(adata.var["chr"] != HELD_OUT)
    split = np.full(adata.n_vars, "train", dtype=object)
    split[(adata.var["chr"] == HELD_OUT).to_numpy()] = "test"
    split[np.random.RandomState(0).choice(rest, round(len(rest) * 0.05), replace=False)] = "val"
    adata.var["split"] = pd.Categorical(split, categories=["train", "val", "test"])
    return adata


def prepare(data: Path, work: Path) -> None:
    import scbasset_tl as sb

    for name in SETS:
        adata = load(data, name)
        sb.pp.add_sequences(adata, data / "worm" / "ce10.fa.gz")
        adata.write_h5ad(work / f"{name}.h5ad")
        counts = adata.X.tocsr()
        parts = {level: np.flatnonzero(adata.var["split"] == level) for level in ("train", "val", "test")}
        np.savez(
            work / f"{name}.npz",
            codes=adata.varm["dna_code"],
            data=counts.data,
            indices=counts.indices,
            indptr=counts.indptr,
            shape=counts.shape,
            **parts,
        )


def ours(
    work: Path, name: str, *, width: int, epochs: int, recipe: str, rng: int, threads: int, precision: str | None
) -> None:
    import anndata as ad
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(threads)
    adata = ad.read_h5ad(work / f"{name}.h5ad")
    test = np.flatnonzero(adata.var["split"] == "test")
    out = work / f"ours_{name}_{recipe}_{width}_{epochs}_{rng}"
    if precision:
        out = out.with_name(f"{out.name}_{precision}")
    checkpoint = out.with_suffix(".safetensors")
    started = time.perf_counter()
    sb.tl.scbasset(
        adata,
        trunk=width,
        max_epochs=epochs,
        recipe=recipe,
        rng=rng,
        precision=precision,
        checkpoint=checkpoint,
        resume=checkpoint.exists(),
    )
    history = sb.get.history(adata)
    np.savez(
        out.with_suffix(".npz"),
        peak_embedding=adata.varm["scbasset"][test],
        cell_embedding=adata.obsm["X_scbasset"],
        cell_bias=adata.obs["scbasset_bias"],
        seconds=history["seconds"],
        train_auroc=history["train_auroc"],
        val_auroc=history["val_auroc"],
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        threads=threads,
    )
    adata.write_h5ad(out.with_suffix(".h5ad"))
    print(f"{out.name}: {time.perf_counter() - started:.0f} s")


def peer(work: Path, name: str, *, epochs: int, threads: int, python: str) -> None:
    script = Path(__file__).parent / "peers" / "scvi_train.py"
    arguments = [work / f"{name}.npz", work / f"scvi_{name}.npz", "--epochs", str(epochs), "--threads", str(threads)]
    subprocess.run([python, script, *arguments], check=True)


def lsi(counts, n_components: int = 31) -> np.ndarray:
    """TF-IDF and SVD without the first component, which is depth."""
    import scipy.sparse as sp
    from sklearn.decomposition import TruncatedSVD

    open_ = sp.csr_matrix(counts > 0, dtype=np.float64)
    tf = sp.diags(1 / np.maximum(open_.sum(1).A1, 1)) @ open_
    idf = np.log1p(open_.shape[0] / np.maximum(open_.sum(0).A1, 1))
    return TruncatedSVD(n_components, random_state=0).fit_transform(tf @ sp.diags(idf))[:, 1:]


def log_ratio_r(adata, model, test: np.ndarray) -> float:
    """Pearson r of the germline to neuron log-ratio of each held-out peak, measured against predicted."""
    tissue = adata.obs["tissue"].to_numpy()
    one, other = (tissue == name for name in sorted(set(tissue)))
    opened = (adata.X[:, test] > 0).toarray()
    measured = np.log((opened[one].mean(0) + 0.01) / (opened[other].mean(0) + 0.01))
    logits = model["peak_embedding"] @ model["cell_embedding"].T
    return float(np.corrcoef(measured, logits[:, one].mean(1) - logits[:, other].mean(1))[0, 1])


def embedding_scores(adata, embedding: np.ndarray) -> dict[str, float]:
    import scbasset_tl as sb

    adata.obsm["X_now"] = np.asarray(embedding, dtype=np.float32)
    clusters = sb.metrics.clustering_scores(adata, label_key="tissue", use_rep="X_now")
    return {
        "label_score_50": sb.metrics.label_score(adata, label_key="tissue", use_rep="X_now", k=50),
        "ARI": clusters["ari"],
        "ASW": sb.metrics.cell_type_asw(adata, label_key="tissue", use_rep="X_now"),
    }


def table(data: Path, work: Path, out: Path) -> None:
    import scbasset_tl as sb
    from scbasset_tl._adata.matrix import open_entries_from
    from scbasset_tl.stats.auc import held_out_areas

    rows = []
    with sb.settings.override(verbosity=0):
        for name in SETS:
            adata = load(data, name)
            test = np.flatnonzero(adata.var["split"] == "test")
            entries = open_entries_from(adata).rows(test)
            per_cell, per_peak, ratio = LINEAR[name]
            linear = {"auroc_per_cell": per_cell, "auroc_per_peak": per_peak, "log_ratio_r": ratio}
            rows.append({"set": name, "model": "6-mer ridge (published with the data)", **linear})
            rows.append({"set": name, "model": "TF-IDF + SVD", **embedding_scores(adata, lsi(adata.X))})
            for path in sorted(work.glob(f"*_{name}*.npz")):
                model = np.load(path)
                areas = held_out_areas(model["peak_embedding"], model["cell_embedding"], model["cell_bias"], entries)
                row = {"set": name, "model": path.stem, "epochs": len(model["seconds"])}
                row |= {
                    f"auroc_per_{what}": float(np.nanmean(part.roc))
                    for what, part in zip(("cell", "peak"), areas, strict=True)
                }
                if name == "pseudocells":
                    row["log_ratio_r"] = log_ratio_r(adata, model, test)
                row |= embedding_scores(adata, model["cell_embedding"])
                row |= {"median_seconds_an_epoch": float(np.median(model["seconds"])), "threads": int(model["threads"])}
                rows.append(row)
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(rows, indent=1) + "\n")
    columns = [
        "set",
        "model",
        "epochs",
        "auroc_per_cell",
        "auroc_per_peak",
        "log_ratio_r",
        "label_score_50",
        "ARI",
        "ASW",
    ]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        print("| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, places in {
        "prepare": ["data", "work"],
        "ours": ["work"],
        "peer": ["work"],
        "table": ["data", "work"],
    }.items():
        command = commands.add_parser(name)
        for place in places:
            command.add_argument(place, type=Path)
        if name in ("ours", "peer"):
            command.add_argument("set", choices=SETS)
            command.add_argument("--epochs", type=int, required=True)
            command.add_argument("--threads", type=int, default=1)
    commands.choices["ours"].add_argument("--width", type=int, default=288)
    commands.choices["ours"].add_argument("--recipe", default="fast")
    commands.choices["ours"].add_argument("--rng", type=int, default=0)
    commands.choices["ours"].add_argument("--precision")
    commands.choices["peer"].add_argument("--peer-python", default=sys.executable)
    commands.choices["table"].add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    if a.command == "prepare":
        prepare(a.data, a.work)
    elif a.command == "ours":
        ours(
            a.work,
            a.set,
            width=a.width,
            epochs=a.epochs,
            recipe=a.recipe,
            rng=a.rng,
            threads=a.threads,
            precision=a.precision,
        )
    elif a.command == "peer":
        peer(a.work, a.set, epochs=a.epochs, threads=a.threads, python=a.peer_python)
    else:
        table(a.data, a.work, a.out)


if __name__ == "__main__":
    main()
