"""ATAC-Diff on real cells: clustering, generation, imputation, guidance, memory, each beside simpler things and PeakVI.

One call a part; figures are saved one by one, and a part that was stopped goes on where it was. One thread: set
OMP_NUM_THREADS and NUMBA_NUM_THREADS to 1.

    python benchmarks/atac_diff.py clustering --data ../shared/data --scbasset pseudocells=trained.h5ad --peer-python P
    python benchmarks/atac_diff.py generation --data ../shared/data --scbasset pseudocells=trained.h5ad --peer-python P
    python benchmarks/atac_diff.py imputation --data ../shared/data --peer-python P
    python benchmarks/atac_diff.py guidance --data ../shared/data --scbasset pseudocells=trained.h5ad
    python benchmarks/atac_diff.py memory
    python benchmarks/atac_diff.py table

The human sets have no DNA: ATAC-Diff works on LSI and on its own autoencoder there. The worm sets have a trained scBasset
model, which ``--scbasset`` names. It has seen all cells: what ``generation`` holds out there, it holds out from the
diffusion alone. ``imputation`` trains a small scBasset model on the masked matrix instead. PeakVI has its defaults, but
``--peer-epochs`` at most (its own number is 500).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _atac_diff_parts import (
    cluster_scores,
    from_type_mean,
    imputation_scores,
    lsi,
    made_of,
    mask,
    mean_cell,
    of_each_label,
    smoothed,
    split,
    type_means,
    use_memory,
)
from _common import Record, in_process_of_its_own, machine, table
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl.stats.lsi import Lsi

if TYPE_CHECKING:
    from collections.abc import Iterator

SETS = {
    "aml": ("human/aml_corces2016_hg19.h5ad", "notes", ["X_lsi", "ae"]),
    "a549": ("human/a549_scicar_atac_hg19.h5ad", "time_h", ["X_lsi", "ae"]),
    "pseudocells": ("worm/pseudocells_ce10.h5ad", "tissue", ["scbasset"]),
    "sim5tissues": ("worm/sim5tissues_ce10.h5ad", "tissue", ["scbasset", "X_lsi"]),
}
GENOME = "worm/ce10.fa.gz"
GUIDANCE = (0, 1, 2, 4)
MAX_PREDICTED = 300
OURS, PEER, ALONE = "ATAC-Diff in ", "PeakVI", "scBasset alone"


def clustering(adata: ad.AnnData, method: str, seed: int, a: argparse.Namespace) -> dict[str, Any]:
    """No method sees the labels."""
    if method.startswith("LSI"):
        x = lsi(adata, seed)
        if "unit" in method:  # as the codes of ATAC-Diff are: K-means follows the longest vectors otherwise
            x /= np.linalg.norm(x, axis=1, keepdims=True)
    elif method == "scBasset":
        x = adata.obsm["X_scbasset"]
    elif method == PEER:
        x = peakvi(adata, seed, a)["x"]
    else:
        fit(adata, method, seed, a)
        x = adata.obsm["X_atac_diff"]
    return cluster_scores(x, adata.obs["label"], seed)


def generation(adata: ad.AnnData, method: str, seed: int, a: argparse.Namespace) -> dict[str, Any]:
    """As many cells of each label as are held out, against those."""
    training, held_out = split(adata, seed)
    sizes = held_out.obs["label"].value_counts().sort_index()

    def score(made: ad.AnnData) -> dict[str, Any]:
        found = sb.metrics.compare_generated(held_out, made, training=training, label_key="label", rng=seed)
        return found[["value", "baseline"]].to_dict()

    if method == "type mean":
        return score(from_type_mean(training, sizes, seed))
    if method == PEER:
        codes = training.obs["label"].cat.codes.to_numpy().astype(np.int64)
        found = peakvi(training, seed, a, label=codes, n_per_label=sizes.to_numpy())
        shape = len(held_out), adata.n_vars
        made = {
            how: sparse.csr_matrix((np.ones_like(indices, dtype=np.float32), indices, found[f"{how}_indptr"]), shape)
            for how in ("prior", "posterior")
            for indices in [found[f"{how}_indices"]]
        }
        return {how: score(made_of([x], training, sizes)) for how, x in made.items()}
    fit(training, method, seed, a, condition_keys="label")
    ways: dict[str, dict[str, Any]] = {"": {}, "z of cells": {"z": "cells"}}
    return {way: score(of_each_label(training, sizes, seed, **options)) for way, options in ways.items()}


def imputation(full: ad.AnnData, method: str, seed: int, a: argparse.Namespace) -> dict[str, Any]:
    """All is fitted to the masked matrix; scored in at most ``MAX_PREDICTED`` cells."""
    masked = mask(full, seed)
    cells = np.sort(np.random.default_rng(seed).permutation(full.n_obs)[:MAX_PREDICTED])

    def score(predicted: Any) -> dict[str, float]:
        return imputation_scores(predicted, full, masked, cells, seed)

    if method == "mean of all cells":
        return score(np.broadcast_to(mean_cell(masked.X), (len(cells), full.n_vars)))
    if method == "mean of the type":
        means = type_means(masked)
        return score(np.stack([means[label] for label in masked.obs["label"].iloc[cells]]))
    if method == "50 neighbours in LSI":
        return score(smoothed(masked, cells, seed))
    if method == PEER:
        return score(peakvi(masked, seed, a, predict=cells)["predicted"])
    found = {}
    if method in (OURS + "scbasset", ALONE):
        sb.pp.add_sequences(masked, a.data / GENOME)
        sb.pp.split_peaks(masked)
        sb.tl.scbasset(masked, trunk=48, max_epochs=a.scbasset_epochs, rng=seed, accelerator="cpu")
        sb.tl.fit_decoder(masked, rng=seed)
        for name, decoder in (("its scBasset model", "dna"), ("its scBasset model, fitted decoder", "fitted")):
            how = {"normalize_depth": False, "scale": "sigmoid", "decoder": decoder}
            found[name] = score(sb.get.accessibility(masked, obs=cells, **how))
        if method == ALONE:
            return found
    fit(masked, method, seed, a)
    sb.tl.impute(masked, rng=seed, accelerator="cpu")
    return {"": score(sb.get.imputed(masked, obs=cells)), **found}


def guidance(adata: ad.AnnData, method: str, seed: int, a: argparse.Namespace) -> dict[str, Any]:
    """Probability that a classifier gives the label asked for: logistic regression on the LSI of the real cells."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    opened, label = sparse.csr_matrix(adata.X > 0), adata.obs["label"].astype(str)
    fitted = Lsi.fit(opened, 30, rng=np.random.default_rng(0))
    real = fitted.transform(opened)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    levels, codes = np.unique(label, return_inverse=True)

    def probability(chance: np.ndarray, asked: np.ndarray) -> float:
        return float(chance[np.arange(len(asked)), asked].mean())

    if method == "real cells, cross-validated":
        return {"all": probability(cross_val_predict(classifier, real, label, cv=5, method="predict_proba"), codes)}
    classifier.fit(real, label)
    fit(adata, method, seed, a, condition_keys="label")
    found, sizes = {}, pd.Series(100, index=levels)
    for strength in GUIDANCE:
        made = of_each_label(adata, sizes, seed, guidance=strength)
        chance = classifier.predict_proba(fitted.transform(sparse.csr_matrix(made.X > 0)))
        found[f"guidance {strength}"] = probability(chance, np.repeat(np.arange(len(levels)), 100))
    return found


SIMPLE = {
    clustering: ["LSI", "LSI, unit length", "scBasset"],
    generation: ["type mean"],
    imputation: ["mean of all cells", "mean of the type", "50 neighbours in LSI", ALONE],
    guidance: ["real cells, cross-validated"],
}


def fit(adata: ad.AnnData, method: str, seed: int, a: argparse.Namespace, **options: Any) -> None:
    """ATAC-Diff of the cells as they are; the autoencoder is kept small."""
    space = method.removeprefix(OURS)
    if space == "X_lsi":
        adata.obsm["X_lsi"] = lsi(adata, seed)
    hidden = {"hidden": a.hidden} if space == "ae" else {}
    sb.tl.atac_diff(adata, space=space, rng=seed, accelerator="cpu", max_steps=a.steps, **hidden, **options)


def peakvi(adata: ad.AnnData, seed: int, a: argparse.Namespace, **more: np.ndarray) -> dict[str, np.ndarray]:
    """What the peer script returns."""
    with tempfile.TemporaryDirectory() as folder:
        problem, out = Path(folder) / "problem.npz", Path(folder) / "out.npz"
        x = adata.X
        np.savez(problem, data=x.data, indices=x.indices, indptr=x.indptr, shape=x.shape, **more)
        script = Path(__file__).parent / "peers" / "peakvi.py"
        call = [
            a.peer_python,
            "-W",
            "ignore",
            script,
            problem,
            out,
            "--epochs",
            str(a.peer_epochs),
            "--seed",
            str(seed),
        ]
        subprocess.run(call, check=True)
        with np.load(out) as found:
            return dict(found)


def load(name: str, a: argparse.Namespace) -> ad.AnnData:
    """A set, binary, with its labels in ``obs['label']``; with its scBasset model where one is given."""
    trained = dict(pair.split("=", 1) for pair in a.scbasset)
    path, label, _ = SETS[name]
    adata = ad.read_h5ad(trained.get(name, a.data / path))
    adata.X = sparse.csr_matrix(adata.X > 0, dtype=np.float32)
    adata.obs["label"] = adata.obs[label].astype(str).astype("category")
    return adata


def run(part: Any, record: Record, a: argparse.Namespace) -> None:
    """Every set, method and seed that is not there yet."""
    for name in a.only or SETS:
        spaces = SETS[name][2]
        peer = [PEER] if a.peer_python and part is not guidance else []
        for method in [*SIMPLE[part], *(OURS + space for space in spaces), *peer]:
            if (a.methods and method not in a.methods) or (method.startswith("scBasset") and "scbasset" not in spaces):
                continue
            for seed in range(a.seeds):
                key = f"{part.__name__}/{name}/{method}/{seed}"
                if key not in record.values:
                    print(key, flush=True)
                    record.once(key, partial(measure, part, name, method, seed, a))


def measure(part: Any, name: str, method: str, seed: int, a: argparse.Namespace) -> Any:
    return rounded(part(load(name, a), method, seed, a))


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return None if np.isnan(value) else round(float(value), 4)


def memory(record: Record, a: argparse.Namespace) -> None:
    """Simulated accessibility, 2 % open."""
    for space, kind in (("X", "an embedding"), ("ae", "ae")):
        key = f"memory/{a.cells:,} × {a.peaks:,}/{OURS}{kind}/0"
        record.once(key, partial(in_process_of_its_own, use_memory, space, a.memory_steps, a.cells, a.peaks, 0.02))


def show(record: Record) -> None:
    """Mean and standard deviation over the seeds; scores of single labels are in the file only."""
    rows = []
    for key, value in record.values.items():
        part, _, rest = key.partition("/")
        if rest:
            name, method, seed = rest.split("/")
            rows += [(part, name, *row, seed) for row in flat(method, value)]
    long = pd.DataFrame(rows, columns=["part", "set", "method", "score", "value", "seed"])
    for (part, name), group in long.groupby(["part", "set"], sort=False):
        stats = group.groupby(["method", "score"], sort=False)["value"].agg(["mean", "std", "count"])
        texts = [f"{m:.3g}" + (f" ± {s:.2g}" if n > 1 else "") for m, s, n in stats.itertuples(index=False)]
        wide = pd.Series(texts, index=stats.index).unstack(sort=False).fillna("")
        print(f"\n{part}, {name}\n")
        print(table(["", *wide.columns], [[method, *row] for method, row in wide.iterrows()]))


def flat(method: str, value: dict[str, Any]) -> Iterator[tuple[str, str, float]]:
    """(method, score, value) of a result, however deep."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            names = {"value": method, "": method, "baseline": "real cells"}
            yield from flat(names.get(name, f"{method}, {name}"), inner)
        elif inner is not None and "[" not in name:
            yield method, name, inner


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {part.__name__: part for part in SIMPLE}
    parser.add_argument("part", choices=[*parts, "memory", "table"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="*", choices=SETS)
    parser.add_argument("--methods", nargs="*", help="names as in the table; by default all of the part and set")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10_000, help="of the diffusion, at most")
    parser.add_argument("--hidden", type=int, default=128, help="width of the autoencoder's layers")
    parser.add_argument("--scbasset", nargs="*", default=[], metavar="SET=FILE")
    parser.add_argument("--scbasset-epochs", type=int, default=8, help="on the masked matrix")
    parser.add_argument("--peer-python")
    parser.add_argument("--peer-epochs", type=int, default=100)
    parser.add_argument("--cells", type=int, default=20_000, help="of the memory part")
    parser.add_argument("--peaks", type=int, default=50_000, help="of the memory part")
    parser.add_argument("--memory-steps", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "atac_diff.json")
    a = parser.parse_args()
    sb.settings.verbosity = 1
    torch.set_num_threads(1)
    record = Record(a.out, machine("torch", "anndata", "scikit-learn"))
    if a.part == "memory":
        memory(record, a)
    elif a.part != "table":
        run(parts[a.part], record, a)
    show(record)


if __name__ == "__main__":
    main()
