"""scEmbed: against gensim's skip-gram on the same tokens, beside LSI and scBasset, projected, and at size.

One call a part; each adds its figures to the JSON. One thread: set OMP_NUM_THREADS and NUMBA_NUM_THREADS to 1.

    python benchmarks/scembed.py gensim --data ../shared/data --peer-python gensim-env/bin/python
    python benchmarks/scembed.py sets --data ../shared/data [--scbasset tissue=trained.h5ad ...]
    python benchmarks/scembed.py projection --data ../shared/data
    python benchmarks/scembed.py size
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import torch
from scipy import sparse

import scbasset_tl as sb

SETS = {
    "aml": ("human/aml_corces2016_hg19.h5ad", "cell_type"),
    "a549": ("human/a549_scicar_atac_hg19.h5ad", "time_h"),
    "pseudocells": ("worm/pseudocells_ce10.h5ad", "tissue"),
    "sim5tissues": ("worm/sim5tissues_ce10.h5ad", "tissue"),
}
K = 30


def load(folder: Path, name: str) -> ad.AnnData:
    """A set with its labels in ``obs['label']``."""
    path, label = SETS[name]
    adata = ad.read_h5ad(folder / path)
    adata.obs["label"] = adata.obs[label].astype(str).astype("category")
    return adata


def score(adata: ad.AnnData, use_rep: str, seed: int = 0) -> dict[str, float]:
    """Label score, and clustering at the number of labels."""
    found = sb.metrics.clustering_scores(adata, label_key="label", use_rep=use_rep, rng=seed)
    found["label_score"] = sb.metrics.label_score(adata, label_key="label", use_rep=use_rep, k=K)
    return {name: round(float(value), 4) for name, value in found.items() if np.ndim(value) == 0}


def lsi(adata: ad.AnnData, n_latent: int, seed: int) -> np.ndarray:
    """TF-IDF and SVD without the first component."""
    from sklearn.decomposition import TruncatedSVD

    x = sparse.csr_matrix(adata.X > 0, dtype=np.float32)
    tf = sparse.diags(1 / np.maximum(x.sum(1).A1 if hasattr(x.sum(1), "A1") else x.sum(1), 1)) @ x
    weighted = sparse.csr_matrix(tf @ sparse.diags(np.log1p(x.shape[0] / np.maximum(np.asarray(x.sum(0)).ravel(), 1))))
    weighted.data = np.log1p(weighted.data * 1e4)
    return TruncatedSVD(n_latent + 1, random_state=seed).fit_transform(weighted)[:, 1:].astype(np.float32)


def timed(function: Any) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


def neighbour_overlap(one: np.ndarray, other: np.ndarray, rows: np.ndarray, k: int = 20) -> float:
    """Mean share of common cosine neighbours of region vectors."""
    from scbasset_tl.stats.neighbors import nearest, shared_fraction

    rng = np.random.default_rng(0)
    unit = [part[rows] / np.linalg.norm(part[rows], axis=1, keepdims=True) for part in (one, other)]
    return round(shared_fraction(*(nearest(part, k, rng=rng)[0] for part in unit)), 4)


def against_gensim(arguments: argparse.Namespace) -> dict[str, Any]:
    """The same tokens, dimension and minimum count; ours from both starts."""
    found: dict[str, Any] = {}
    for name in arguments.only or ["aml", "pseudocells"]:
        adata = load(arguments.data, name)
        adata = adata[np.random.default_rng(0).permutation(adata.n_obs)[: arguments.cells]].copy()
        x = sparse.csr_matrix(adata.X > 0)
        result = found[name] = {"n_cells": adata.n_obs, "n_tokens": int(x.nnz), "gensim_epochs": arguments.epochs}
        vectors, again = {}, {}
        warm = adata[:50].copy()
        sb.tl.scembed(warm, max_epochs=1, min_count=1)  # compiles
        runs = {"closed form": {"max_epochs": 0}, "svd start": {}, "random start": {"start": "random"}}
        for run, options in runs.items():
            result[run] = timed(partial(sb.tl.scembed, adata, **options))
            vectors[run] = adata.varm["scembed"].copy()
            result[run] |= score(adata, "X_scembed")
        with tempfile.TemporaryDirectory() as folder:
            tokens = Path(folder) / "tokens.npz"
            np.savez(tokens, indices=x.indices, indptr=x.indptr, n_regions=x.shape[1])
            for run, seed in (("gensim", 0), ("gensim, another seed", 1))[: arguments.gensim_seeds]:
                out = Path(folder) / "out.npz"
                script = Path(__file__).parent / "peers" / "gensim_region2vec.py"
                call = [
                    arguments.peer_python,
                    script,
                    tokens,
                    out,
                    "--epochs",
                    str(arguments.epochs),
                    "--seed",
                    str(seed),
                ]
                subprocess.run(call, check=True)
                peer = np.load(out)
                vectors[run] = peer["vectors"]
                adata.obsm["gensim"] = sb.io.RegionEmbedding(None, vectors[run]).encode(x)[0]
                result[run] = {k: round(v, 2) for k, v in json.loads(str(peer["took"])).items()} | score(
                    adata, "gensim"
                )
        trained = np.flatnonzero(np.all([part.any(1) for part in vectors.values()], axis=0))
        trained = np.random.default_rng(0).permutation(trained)[:5000]
        for run, part in vectors.items():
            again[run] = neighbour_overlap(part, vectors["gensim"], trained)
        result["region neighbours shared with gensim"] = again
        save(arguments.out, {"gensim": found})
    return {"gensim": found}


def beside_others(arguments: argparse.Namespace) -> dict[str, Any]:
    """LSI of two sizes, the closed form, scEmbed, and scBasset where a trained file is given."""
    trained = dict(pair.split("=", 1) for pair in arguments.scbasset)
    found: dict[str, Any] = {}
    for name in arguments.only or SETS:
        adata = load(arguments.data, name)
        result = found[name] = {"shape": list(adata.shape)}
        for seed in range(arguments.seeds):
            runs: dict[str, np.ndarray] = {f"lsi {d}": lsi(adata, d, seed) for d in (30, 100)}
            for run, options in (("closed form", {"max_epochs": 0}), ("scembed", {})):
                sb.tl.scembed(adata, rng=seed, **options)
                runs[run] = adata.obsm["X_scembed"].copy()
            if name in trained:
                runs["scbasset"] = ad.read_h5ad(trained[name]).obsm["X_scbasset"]
            for run, cells in runs.items():
                adata.obsm["run"] = cells
                result.setdefault(run, []).append(score(adata, "run", seed))
            save(arguments.out, {"sets": found})
    return {"sets": found}


def projection(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train on half the cells, embed the other half whose peaks are shifted by 100 bp and merged where they touch."""
    found: dict[str, Any] = {}
    for name in arguments.only or ["aml", "pseudocells", "sim5tissues"]:
        adata = load(arguments.data, name)
        half = np.random.default_rng(0).permutation(adata.n_obs) < adata.n_obs // 2
        reference, query = adata[half].copy(), adata[~half].copy()
        query.var = query.var[["chr", "start", "end"]].assign(
            start=query.var["start"] + 100, end=query.var["end"] + 100
        )
        query.var_names = [f"shifted{number}" for number in range(query.n_vars)]
        query = query[:, np.random.default_rng(1).permutation(query.n_vars)].copy()
        sb.tl.scembed(reference)
        took = timed(partial(sb.tl.project_cells, query, reference))
        own = sb.tl.scembed(adata, copy=True)
        adata.obsm["X_scembed"] = own.obsm["X_scembed"]
        result = found[name] = {"project": took, "mapped_open": query.uns["scembed"]["mapped_open"]}
        for run, part in (("projected", query), ("trained on all cells", adata[~half].copy())):
            source = reference if run == "projected" else adata[half].copy()
            sb.tl.annotate(part, source, label_key="label", use_rep="X_scembed")
            label = part.obs["cell_type"].astype(str).to_numpy()
            known = label != "Unknown"
            truth = part.obs["label"].astype(str).to_numpy()
            result[run] = {
                "accuracy": round(float((label == truth).mean()), 4),
                "accuracy of the known": round(float((label == truth)[known].mean()), 4),
                "unknown": round(float((~known).mean()), 4),
            }
        save(arguments.out, {"projection": found})
    return {"projection": found}


def size(arguments: argparse.Namespace) -> dict[str, Any]:
    """Encode 100,000 cells × 200,000 regions, simulated, 1,000 open regions a cell."""
    from scbasset_tl._adata.scembed import encode

    n_cells, n_regions, per_cell = 100_000, 200_000, 1_000
    rng = np.random.default_rng(0)
    indices = np.sort(rng.integers(0, n_regions, (n_cells, per_cell), dtype=np.int32), axis=1).ravel()
    indptr = np.arange(0, n_cells * per_cell + 1, per_cell, dtype=np.int64)
    tokens = sparse.csr_matrix((np.ones(len(indices), dtype=bool), indices, indptr), shape=(n_cells, n_regions))
    vectors = rng.standard_normal((n_regions, 100), dtype=np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    took = timed(partial(encode, tokens, vectors))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {
        "size": {
            "n_tokens": int(tokens.nnz),
            "encode": took,
            "rss_before_mb": round(before),
            "rss_peak_mb": round(after),
        }
    }


def save(path: Path, part: dict[str, Any]) -> None:
    """Add a part to the JSON."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    for name, value in part.items():
        stored[name] = {**stored.get(name, {}), **value}
    stored["load_average"] = [round(value, 1) for value in os.getloadavg()]
    path.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"gensim": against_gensim, "sets": beside_others, "projection": projection, "size": size}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scbasset", nargs="*", default=[])
    parser.add_argument("--peer-python")
    parser.add_argument("--cells", type=int, help="so many random cells only")
    parser.add_argument("--epochs", type=int, default=10, help="of gensim")
    parser.add_argument("--gensim-seeds", type=int, default=2, help="the second shows how well gensim repeats itself")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "scembed.json")
    sb.settings.verbosity = 1
    torch.set_num_threads(1)
    parsed = parser.parse_args()
    save(parsed.out, parts[parsed.part](parsed))
