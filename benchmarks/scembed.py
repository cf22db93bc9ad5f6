"""scEmbed: beside gensim, geniml, SnapATAC2, LSI and scBasset, its options, projected, and at size.

One call a part; each adds its figures to the JSON. One thread: set OMP_NUM_THREADS and NUMBA_NUM_THREADS to 1. Seconds
of CPU are given beside those of the clock, which a busy machine stretches.

    python benchmarks/scembed.py sets --data ../shared/data [--scbasset pseudocells=trained.h5ad ...]
    python benchmarks/scembed.py options --data ../shared/data
    python benchmarks/scembed.py projection --data ../shared/data
    python benchmarks/scembed.py power --data ../shared/data
    python benchmarks/scembed.py gensim --data ../shared/data --peer-python gensim-env/bin/python
    python benchmarks/scembed.py geniml --peer-python geniml-env/bin/python   # pip install "geniml[ml]"
    python benchmarks/scembed.py snapatac2 --data ../shared/data --peer-python snap-env/bin/python  # pip install snapatac2
    python benchmarks/scembed.py size
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import torch
from _common import AnonymousMemory
from scipy import sparse

import scbasset_tl as sb

SETS = {
    "aml": ("human/aml_corces2016_hg19.h5ad", "notes"),  # patient and kind
    "a549": ("human/a549_scicar_atac_hg19.h5ad", "time_h"),
    "pseudocells": ("worm/pseudocells_ce10.h5ad", "tissue"),
    "sim5tissues": ("worm/sim5tissues_ce10.h5ad", "tissue"),
}
K = 30


def load(folder: Path, name: str) -> ad.AnnData:
    """A set with its labels in ``obs['label']``; for a549 with principal components of the RNA of the same cells."""
    path, label = SETS[name]
    adata = ad.read_h5ad(folder / path)
    adata.obs["label"] = adata.obs[label].astype(str).astype("category")
    if name == "a549":
        from sklearn.decomposition import PCA

        counts = ad.read_h5ad(folder / "human/a549_scicar_rna.h5ad")[adata.obs_names].X.toarray()
        expression = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)
        adata.obsm["X_rna"] = PCA(30, random_state=0).fit_transform(expression).astype(np.float32)
    return adata


def score(adata: ad.AnnData, use_rep: str, seed: int = 0) -> dict[str, float]:
    """Clustering at the number of labels, label score, and, with RNA, the neighbours in common with it."""
    found = sb.metrics.clustering_scores(adata, label_key="label", use_rep=use_rep, rng=seed)
    found = {name: found[name] for name in ("ari", "ami")}
    found["label_score"] = sb.metrics.label_score(adata, label_key="label", use_rep=use_rep, k=K)
    if "X_rna" in adata.obsm:
        found["neighbor_score"] = sb.metrics.neighbor_score(adata, use_rep=use_rep, other_rep="X_rna", k=50)
    return {name: round(float(value), 4) for name, value in found.items()}


def lsi(adata: ad.AnnData, n_latent: int, seed: int, fit: np.ndarray | slice = slice(None)) -> np.ndarray:
    """TF-IDF and SVD without the first component, found on the cells ``fit`` and applied to all."""
    from sklearn.decomposition import TruncatedSVD

    x = sparse.csr_matrix(adata.X > 0, dtype=np.float32)
    idf = np.log1p(x[fit].shape[0] / np.maximum(np.asarray(x[fit].sum(0)).ravel(), 1))
    weighted = sparse.csr_matrix(sparse.diags(1 / np.maximum(np.asarray(x.sum(1)).ravel(), 1)) @ x @ sparse.diags(idf))
    weighted.data = np.log1p(weighted.data * 1e4)
    axes = TruncatedSVD(n_latent + 1, random_state=seed).fit(weighted[fit])
    return axes.transform(weighted)[:, 1:].astype(np.float32)


def timed(function: Any) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


def neighbour_overlap(one: np.ndarray, other: np.ndarray, rows: np.ndarray, k: int = 20) -> float:
    """Mean share of common cosine neighbours of region vectors."""
    from scbasset_tl.stats.neighbors import nearest, shared_fraction

    rng = np.random.default_rng(0)
    centred = [part[rows] - part[rows].mean(0) for part in (one, other)]
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in centred]
    return round(shared_fraction(*(nearest(part, k, rng=rng)[0] for part in unit)), 4)


def against_gensim(arguments: argparse.Namespace) -> dict[str, Any]:
    """The same tokens, dimension and minimum count; gensim's skip-gram of several lengths, and what geniml calls (CBOW)."""
    found: dict[str, Any] = {}
    for name in arguments.only or ["aml", "pseudocells"]:
        adata = load(arguments.data, name)
        adata = adata[np.random.default_rng(0).permutation(adata.n_obs)[: arguments.cells]].copy()
        x = sparse.csr_matrix(adata.X > 0)
        x.sort_indices()
        result = found[name] = {"n_cells": adata.n_obs, "n_tokens": int(x.nnz), "runs": {}}
        runs, vectors = result["runs"], {}
        warm = adata[:50].copy()
        sb.tl.scembed(warm, max_epochs=1, min_count=1)  # compiles
        for run, options in {"closed form": {"max_epochs": 0}, "scembed": {}}.items():
            took = timed(partial(sb.tl.scembed, adata, **options))
            vectors[run], runs[run] = adata.varm["scembed"].copy(), took | score(adata, "X_scembed")
        longest = max(arguments.epochs)
        peers = {f"gensim, {n} epochs": ["--epochs", str(n)] for n in arguments.epochs}
        peers["gensim as geniml calls it"] = ["--epochs", "10", "--cbow"]
        peers["gensim, another seed"] = ["--epochs", str(longest), "--seed", "1"]
        with tempfile.TemporaryDirectory() as folder:
            tokens, out = Path(folder) / "tokens.npz", Path(folder) / "out.npz"
            np.savez(tokens, indices=x.indices, indptr=x.indptr, n_regions=x.shape[1])
            for run, options in peers.items():
                script = Path(__file__).parent / "peers" / "gensim_region2vec.py"
                subprocess.run([arguments.peer_python, script, tokens, out, *options], check=True)
                peer = np.load(out)
                took, vectors[run] = json.loads(str(peer["took"])), peer["vectors"]
                adata.obsm["gensim"] = sb.io.RegionEmbedding(None, vectors[run]).encode(x)[0]
                runs[run] = {key: round(value, 2) for key, value in took.items()} | score(adata, "gensim")
                save(arguments.out, {"gensim": found})
        trained = np.flatnonzero(np.all([part.any(1) for part in vectors.values()], axis=0))
        trained = np.random.default_rng(0).permutation(trained)[:5000]
        for run, part in vectors.items():
            runs[run]["neighbours"] = neighbour_overlap(part, vectors[f"gensim, {longest} epochs"], trained)
        result["neighbours_by_chance"] = round(20 / len(trained), 4)
        save(arguments.out, {"gensim": found})
    return {"gensim": found}


def against_geniml(arguments: argparse.Namespace) -> dict[str, Any]:
    """What each step of the guide does in geniml as installed, and its vectors of cells beside ours of one checkpoint."""
    script = Path(__file__).parent / "peers" / "geniml_guide.py"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        adata = sb.datasets.toy(n_obs=200, n_vars=1000, depth=250)
        adata.write_h5ad(folder / "cells.h5ad")
        adata.var[["chr", "start", "end"]].to_csv(folder / "universe.bed", sep="\t", index=False, header=False)
        subprocess.run([arguments.peer_python, script, folder], check=True)
        found = json.loads((folder / "found.json").read_text())
        if (folder / "encoded.npy").is_file():
            model = sb.io.read_geniml(folder / "model", universe=folder / "universe.bed")
            cells = sb.tl.map_cells(adata, model, copy=True).obsm["X_scembed"]
            theirs = np.load(folder / "encoded.npy")
            found["largest difference of the vectors of cells"] = float(np.abs(cells - theirs).max())
            found["largest entry"] = float(np.abs(theirs).max())
    return {"geniml": found}


def against_snapatac2(arguments: argparse.Namespace) -> dict[str, Any]:
    """The spectral embedding of SnapATAC2, on the sets and by the scores of ``sets``."""
    script = Path(__file__).parent / "peers" / "snapatac2_spectral.py"
    found: dict[str, Any] = {}
    for name in arguments.only or SETS:
        adata = load(arguments.data, name)
        x = sparse.csr_matrix(adata.X > 0)
        with tempfile.TemporaryDirectory() as folder:
            cells, out = Path(folder) / "cells.npz", Path(folder) / "out.npz"
            np.savez(cells, indices=x.indices, indptr=x.indptr, shape=x.shape)
            for seed in range(arguments.seeds):
                subprocess.run([arguments.peer_python, script, cells, out, "--seed", str(seed)], check=True)
                peer = np.load(out)
                adata.obsm["run"] = peer["vectors"].astype(np.float32)
                took = {key: round(value, 2) for key, value in json.loads(str(peer["took"])).items()}
                found.setdefault(name, []).append(took | score(adata, "run", seed))
        found["version"] = str(peer["version"])
        save(arguments.out, {"snapatac2": found})
    return {"snapatac2": found}


def beside_others(arguments: argparse.Namespace) -> dict[str, Any]:
    """LSI of two sizes, the closed form, scEmbed, and scBasset where a trained file is given."""
    trained = dict(pair.split("=", 1) for pair in arguments.scbasset)
    found: dict[str, Any] = {}
    for name in arguments.only or SETS:
        adata = load(arguments.data, name)
        result = found[name] = {"shape": list(adata.shape)}
        for seed in range(arguments.seeds):
            runs: dict[str, np.ndarray] = {f"lsi {d}": lsi(adata, d, seed) for d in (30, 100)}
            runs["lsi 30, unit length"] = runs["lsi 30"] / np.linalg.norm(runs["lsi 30"], axis=1, keepdims=True)
            for run, options in (("closed form", {"max_epochs": 0}), ("scembed", {})):
                sb.tl.scembed(adata, rng=seed, min_count=arguments.min_count, **options)
                runs[run] = adata.obsm["X_scembed"].copy()
            if name in trained:
                runs["scbasset"] = ad.read_h5ad(trained[name])[adata.obs_names].obsm["X_scbasset"]
            for run, cells in runs.items():
                adata.obsm["run"] = cells
                result.setdefault(run, []).append(score(adata, "run", seed))
            save(arguments.out, {"sets" + arguments.suffix: found})
    return {"sets" + arguments.suffix: found}


OPTIONS = {
    "closed form": {"max_epochs": 0},
    "default": {},
    "30 epochs": {"max_epochs": 30},
    "min_count=5": {"min_count": 5},
    "subsample=1e-5": {"subsample": 1e-5},
    "cbow": {"objective": "cbow"},
    "random start": {"start": "random"},
}


def options(arguments: argparse.Namespace) -> dict[str, Any]:
    """One option changed at a time."""
    found: dict[str, Any] = {}
    for name in arguments.only or ["aml", "pseudocells"]:
        adata = load(arguments.data, name)
        found[name] = {}
        for run, changed in OPTIONS.items():
            took = timed(partial(sb.tl.scembed, adata, **changed))
            history = adata.uns["scembed"]["history"]
            loss = history["loss"][-1:] - history["independent"]
            found[name][run] = took | score(adata, "X_scembed") | {"loss_above_independent": loss.round(4).tolist()}
            save(arguments.out, {"options": found})
    return {"options": found}


def other_peaks(adata: ad.AnnData) -> ad.AnnData:
    """The cells with other peaks: moved by 100 bp, merged where they then lie within 500 bp of each other."""
    var = adata.var[["chr", "start", "end"]].assign(start=adata.var["start"] + 100, end=adata.var["end"] + 100)
    order = np.lexsort((var["start"], var["chr"].astype(str)))
    var = var.iloc[order]
    furthest = var.groupby("chr", observed=True)["end"].cummax().shift(fill_value=0).to_numpy()
    new = (var["chr"].astype(str) != var["chr"].astype(str).shift()).to_numpy() | (
        var["start"].to_numpy() > furthest + 500
    )
    group = np.cumsum(new) - 1
    merged = var.groupby(group).agg({"chr": "first", "start": "min", "end": "max"})
    to_group = sparse.csr_matrix((np.ones(len(group), dtype=np.float32), (order, group)))
    return ad.AnnData(
        sparse.csr_matrix(adata.X) @ to_group, obs=adata.obs[["label"]], var=merged.set_axis(merged.index.astype(str))
    )


def projection(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train on half the cells, embed the other half with other peaks; its labels, beside what all cells together give."""
    found: dict[str, Any] = {}
    for name in arguments.only or ["aml", "a549", "pseudocells", "sim5tissues"]:
        adata = load(arguments.data, name)
        result = found[name] = {}
        for seed in range(arguments.seeds):
            half = np.random.default_rng(seed).permutation(adata.n_obs) < adata.n_obs // 2
            reference, query = adata[half].copy(), other_peaks(adata[~half])
            sb.tl.scembed(reference, rng=seed, min_count=arguments.min_count)
            took = timed(partial(sb.tl.map_cells, query, reference))
            parts = {"projected": (query.obsm["X_scembed"], reference.obsm["X_scembed"])}
            together = sb.tl.scembed(adata, rng=seed, min_count=arguments.min_count, copy=True).obsm["X_scembed"]
            # these have the same peaks in all cells
            others = {"lsi 30 of the half": lsi(adata, 30, seed, half), "lsi 30 of all cells": lsi(adata, 30, seed)}
            for run, cells in {"scembed of all cells": together, **others}.items():
                parts[run] = cells[~half], cells[half]
            for run, (new, known) in parts.items():
                for metric in ("euclidean", "cosine"):
                    scores = _annotation(new, known, adata.obs["label"][~half], adata.obs["label"][half], metric)
                    result.setdefault(f"{run}, {metric}", []).append(scores)
            result["projected, cosine"][-1] |= {
                **took,
                "n_peaks": query.n_vars,
                "mapped_open": query.uns["scembed"]["mapped_open"],
            }
            save(arguments.out, {"projection" + arguments.suffix: found})
    return {"projection" + arguments.suffix: found}


POWERS = (1.0, 0.75, 0.5, 0.25, 0.0)


def _of_power(
    adata: ad.AnnData, half: np.ndarray, whole: np.ndarray, new: np.ndarray, known: np.ndarray, seed: int
) -> dict[str, float]:
    """Scores of an embedding of all cells, and of the labels that the cells ``~half`` get from the others."""
    adata.obsm["run"] = whole
    scores, label = score(adata, "run", seed), adata.obs["label"]
    for metric in ("cosine", "euclidean"):
        annotated = _annotation(new, known, label[~half], label[half], metric)
        scores |= {f"{name}, {metric}": value for name, value in annotated.items()}
    return scores


def power(arguments: argparse.Namespace) -> dict[str, Any]:
    """Axes weighted by their singular value to several powers, in each set and projected onto cells held out."""
    found: dict[str, Any] = {}
    for name in arguments.only or SETS:
        adata = load(arguments.data, name)
        result = found[name] = {}
        for seed in range(arguments.seeds):
            half = np.random.default_rng(seed).permutation(adata.n_obs) < adata.n_obs // 2
            reference, query = adata[half].copy(), other_peaks(adata[~half])
            lsi_half = lsi(adata, 30, seed, half)
            whole = lsi(adata, 30, seed)
            scores = _of_power(adata, half, whole, lsi_half[~half], lsi_half[half], seed)
            result.setdefault("lsi 30", []).append(scores)
            for start, options in {"closed form": {"max_epochs": 0}, "scembed": {}}.items():
                options |= {"rng": seed, "min_count": arguments.min_count, "axis_power": 1}
                for data in (adata, reference):
                    sb.tl.scembed(data, **options)
                for p in POWERS:
                    cells = [_weighed(data, p) for data in (adata, reference)]
                    sb.tl.map_cells(query, reference)
                    new, known = query.obsm["X_scembed"], cells[1]
                    scores = _of_power(adata, half, cells[0], new, known, seed)
                    result.setdefault(f"{start}, {p}", []).append(scores)
            save(arguments.out, {"power" + arguments.suffix: found})
    return {"power" + arguments.suffix: found}


def _weighed(data: ad.AnnData, p: float) -> np.ndarray:
    """Cell vectors with the axes of trained vectors weighted anew; the vectors in varm are replaced."""
    from scbasset_tl.stats.correspondence import weigh_axes

    opened = sparse.csr_matrix(data.X > 0)
    if p == POWERS[0]:  # as they were trained
        data.uns["trained"] = data.varm["scembed"].copy()
    vectors = data.uns["trained"]
    counts = np.bincount(opened.indices, minlength=len(vectors)) * vectors.any(1)
    data.varm["scembed"] = weigh_axes(vectors, counts / counts.sum(), p)
    return sb.io.RegionEmbedding(None, data.varm["scembed"]).encode(opened)[0]


def _annotation(
    new: np.ndarray, known: np.ndarray, truth: pd.Series, labels: pd.Series, metric: str
) -> dict[str, float]:
    """How right ``tl.annotate`` is."""
    query, reference = (
        ad.AnnData(obs=pd.DataFrame(index=part.index), obsm={"X": cells})
        for part, cells in ((truth, new), (labels, known))
    )
    reference.obs["label"] = labels
    sb.tl.annotate(query, reference, label_key="label", use_rep="X", metric=metric, key_added="found")
    found = query.obs["found"].astype(str).to_numpy()
    right, is_known = found == truth.astype(str).to_numpy(), found != "Unknown"
    scores = {"accuracy": right.mean(), "accuracy of the known": right[is_known].mean(), "unknown": 1 - is_known.mean()}
    return {name: round(float(value), 4) for name, value in scores.items()}


def size(arguments: argparse.Namespace) -> dict[str, Any]:
    """Encode 100,000 cells × 200,000 regions, simulated, 1,000 open regions a cell."""
    from scbasset_tl._adata.scembed.store import encode

    n_cells, n_regions, per_cell = 100_000, 200_000, 1_000
    rng = np.random.default_rng(0)
    indices = np.sort(rng.integers(0, n_regions, (n_cells, per_cell), dtype=np.int32), axis=1).ravel()
    indptr = np.arange(0, n_cells * per_cell + 1, per_cell, dtype=np.int64)
    tokens = sparse.csr_matrix((np.ones(len(indices), dtype=bool), indices, indptr), shape=(n_cells, n_regions))
    vectors = rng.standard_normal((n_regions, 100), dtype=np.float32)
    with AnonymousMemory() as memory:
        took = timed(partial(encode, tokens, vectors))
    return {
        "size": {
            "n_tokens": int(tokens.nnz),
            "encode": took,
            "mb_before": round(memory.before),
            "mb_added": round(memory.above),
        }
    }


def save(path: Path, part: dict[str, Any]) -> None:
    """Add a part to the JSON."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    for name, value in part.items():
        stored[name] = {**stored.get(name, {}), **value}
    stored["load_average"] = [round(value, 1) for value in os.getloadavg()]
    path.write_text(json.dumps(stored, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {
        "sets": beside_others,
        "options": options,
        "projection": projection,
        "power": power,
        "gensim": against_gensim,
        "geniml": against_geniml,
        "snapatac2": against_snapatac2,
        "size": size,
    }
    parser.add_argument("part", choices=parts)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scbasset", nargs="*", default=[])
    parser.add_argument("--peer-python")
    parser.add_argument("--cells", type=int, help="so many random cells only")
    parser.add_argument("--epochs", type=int, nargs="*", default=[10, 20, 30], help="of gensim")
    parser.add_argument("--min-count", type=int, default=10, help="of sets, projection and power")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "scembed.json")
    sb.settings.verbosity = 1
    torch.set_num_threads(1)
    parsed = parser.parse_args()
    parsed.suffix = "" if parsed.min_count == 10 else f", min_count={parsed.min_count}"
    save(parsed.out, parts[parsed.part](parsed))


if __name__ == "__main__":
    main()
