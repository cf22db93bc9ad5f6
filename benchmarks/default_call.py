"""Does the default call of ``tl.scbasset`` beat LSI and predict peaks never seen, and what does each ingredient give?

One call trains one model and adds a row to ``--out``; ``--change`` replaces fields of the recipe, so that each
ingredient can be switched off. ``WORK`` holds the worm sets that ``worm_quality.py prepare`` made; ``toy0``, ``toy1``
... are made on the spot; ``heme_X`` (trained on chr20, tested on chrX), ``heme_20``, ``aml`` and ``a549`` need
``--data``, the folder of the real data::

    python benchmarks/default_call.py run WORK toy0 toy1 toy2 --width 32 --out RESULTS.json
    python benchmarks/default_call.py run WORK pseudocells --width 96 --rng 0 1 2 --out RESULTS.json
    python benchmarks/default_call.py run WORK toy0 --width 32 --change svd_start=false --out RESULTS.json
    python benchmarks/default_call.py table RESULTS.json
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from recipes import problem_of

COLUMNS = ("per_cell", "per_peak", "label_score", "ari")


def human(data: Path, name: str):
    """One chromosome to learn from, the other to test on."""
    import anndata as ad
    import pandas as pd
    from scipy import sparse

    import scbasset_tl as sb

    kind, _, held_out = name.partition("_")
    held_out = f"chr{held_out or 'X'}"
    files = {"heme": "heme16", "aml": "aml_corces2016", "a549": "a549_scicar_atac"}
    adata = ad.read_h5ad(data / "human" / f"{files[kind]}_hg19_chr20_chrX.h5ad")
    adata.X = sparse.csr_matrix(adata.X)
    adata.X.eliminate_zeros()
    adata = adata[adata.X.getnnz(axis=1) > 0].copy()
    sb.pp.add_sequences(adata, data / "human" / "hg19_chr20_chrXp.fa.gz")
    chrom = adata.var["chr"].astype(str)
    split = np.where(chrom == held_out, "test", "train").astype(object)
    rest = np.flatnonzero(chrom != held_out)
    split[np.random.RandomState(0).choice(rest, round(len(rest) * 0.05), replace=False)] = "val"
    adata.var["split"] = pd.Categorical(split, categories=["train", "val", "test"])
    label_key = {"heme": None, "aml": "group", "a549": "hours"}[kind]
    if label_key is not None and label_key not in adata.obs:
        label_key = next(c for c in adata.obs if 2 <= adata.obs[c].astype(str).nunique() <= 8)
    return adata, label_key


def embedding_scores(adata, vectors: np.ndarray, label_key: str | None) -> dict[str, float]:
    import scbasset_tl as sb

    if label_key is None:
        return {}
    adata.obs["label"] = adata.obs[label_key].astype(str).astype("category")
    adata.obsm["X_now"] = vectors.astype(np.float32)
    return {
        "label_score": sb.metrics.label_score(adata, label_key="label", use_rep="X_now", k=50),
        "ari": sb.metrics.clustering_scores(adata, label_key="label", use_rep="X_now")["ari"],
    }


def lsi_scores(adata, label_key: str | None) -> dict[str, dict[str, float]]:
    """What one would use instead: TF-IDF and 30 components without the depth's, plain and at unit length."""
    from scbasset_tl._adata.matrix import open_peaks
    from scbasset_tl.stats.lsi import Lsi

    opened = open_peaks(adata, None)
    plain = Lsi.fit(opened, 30, rng=np.random.default_rng(0)).transform(opened)
    unit = plain / np.maximum(np.linalg.norm(plain, axis=1, keepdims=True), 1e-12)
    return {name: embedding_scores(adata, v, label_key) for name, v in (("lsi", plain), ("lsi_unit", unit))}


def run(a: argparse.Namespace, name: str, rng: int) -> dict:
    import torch

    import scbasset_tl as sb
    from scbasset_tl._adata.codes import sequence_codes
    from scbasset_tl._adata.model.problem import training_data
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.exact import exact_cells
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.recipe import make_recipe

    torch.set_num_threads(a.threads)
    sb.settings.verbosity = 0
    adata, label_key = human(a.data, name) if name.startswith(("heme", "aml", "a549")) else problem_of(a.work, name)
    codes = sequence_codes(adata)
    data = training_data(adata, codes, layer=None, batch_key=None, seed=rng)
    changes = {key: json.loads(value) for key, value in (change.split("=") for change in a.change)}
    train, test = data.peaks("train"), data.peaks("test")
    recipe = make_recipe(a.recipe, len(train), **changes)
    entries = data.open_entries.rows(test)
    config = TrunkConfig.of_width(a.width, seq_len=codes.shape[1])
    started, cpu = time.perf_counter(), time.process_time()
    result = fit(data.problem(), config, recipe, make_fabric("cpu", a.precision), seed=rng)
    row = {"set": name, "recipe": a.recipe, "changes": changes, "width": a.width, "rng": rng}
    row |= {"epochs": result.best_epoch, "batch_size": recipe.batch_size, "sequences": recipe.max_epochs * len(train)}
    row |= {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu, "threads": a.threads}
    vectors = embed(result.trunk, codes).cpu().numpy()

    def scores() -> dict[str, float]:
        weight, bias = (part.detach().cpu().numpy() for part in result.head())
        areas = held_out_areas(vectors[test], weight, bias, entries)
        means = dict(zip(("per_cell", "per_peak"), (float(np.nanmean(part.roc)) for part in areas), strict=True))
        return means | embedding_scores(adata, weight, label_key)

    row["trained"] = scores()
    trained = [part.detach().clone() for part in (result.head.weight, result.head.bias)]
    # the exact vectors on one reading of each peak, and on means over several
    for average, column in (("none", "exact"), ("strands", "strands"), ("strands_shifts", "strands_shifts")):
        started = time.perf_counter()
        vectors = embed(result.trunk, codes, average=average).cpu().numpy()
        row[f"{column}_embed_seconds"] = time.perf_counter() - started
        with torch.no_grad():
            result.head.weight.copy_(trained[0])
            result.head.bias.copy_(trained[1])
        started = time.perf_counter()
        exact_cells(result, vectors, data.open_entries, train, Ranks(), l2_cell=recipe.l2_cell)
        row["exact_seconds"] = time.perf_counter() - started
        row[column] = scores()
    if a.lsi:
        row |= lsi_scores(adata, label_key)
    return row


def table(results: Path) -> None:
    rows = json.loads(results.read_text())
    print(
        "| set | width | recipe, changes | seed | sequences | cpu s | trained | exact | strands | and shifts | LSI | LSI unit |"
    )
    print("|" + "---|" * 12)
    for row in rows:
        shown = [
            " / ".join(f"{row[part][what]:.3f}" for what in COLUMNS if what in row[part]) if part in row else ""
            for part in ("trained", "exact", "strands", "strands_shifts", "lsi", "lsi_unit")
        ]
        changes = " ".join([row["recipe"], *(f"{key}={value}" for key, value in row["changes"].items())])
        about = [row["set"], row["width"], changes, row["rng"], row["sequences"], round(row["cpu_seconds"])]
        print("|", *(f"{cell} |" for cell in [*about, *shown]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run")
    one.add_argument("work", type=Path)
    one.add_argument("sets", nargs="+")
    one.add_argument("--data", type=Path)
    one.add_argument("--recipe", choices=["paper", "fast"], default="fast")
    one.add_argument("--width", type=int, default=96)
    one.add_argument("--rng", type=int, nargs="+", default=[0])
    one.add_argument("--change", nargs="*", default=[], help="name=JSON, fields of the recipe")
    one.add_argument("--precision")
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--lsi", action="store_true")
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
