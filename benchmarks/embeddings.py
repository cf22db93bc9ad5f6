"""How well do embeddings without DNA separate cell types? LSI and SnapATAC2's spectral embedding, on the sets of default_call.py.

    python benchmarks/embeddings.py --data DATA --peer-python snap-env/bin/python --out benchmarks/results/embeddings.json

``DATA`` is the folder of the real data. All peaks are used, as these embeddings hold out none; 50 neighbours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
from _common import Record, limit_threads, machine, table
from scipy import sparse

PEER = Path(__file__).parent / "peers" / "snapatac2_embedding.py"
FILES = {
    "pseudocells": ("worm/pseudocells_ce10.h5ad", None),
    "aml": ("human/aml_corces2016_hg19.h5ad", "group"),
    "a549": ("human/a549_scicar_atac_hg19.h5ad", "hours"),
}


def read(data: Path, name: str) -> ad.AnnData:
    """Counts as CSR without empty cells, and ``obs['label']``."""
    import scbasset_tl as sb

    if name.startswith("toy"):
        adata, key = sb.datasets.toy(rng=int(name[3:])), "cell_type"
    else:
        file, key = FILES[name]
        adata = ad.read_h5ad(data / file)
    if key not in adata.obs:
        key = next(column for column in adata.obs if 2 <= adata.obs[column].astype(str).nunique() <= 8)
    matrix = sparse.csr_matrix(adata.X)
    matrix.eliminate_zeros()
    kept = matrix.getnnz(axis=1) > 0
    labels = adata.obs[key].astype(str)[kept].to_numpy()
    clean = ad.AnnData(matrix[kept].astype(np.float32))
    clean.obs["label"] = labels
    return clean[:, clean.X.getnnz(axis=0) > 0].copy()


def lsi(adata: ad.AnnData) -> np.ndarray:
    import muon as mu

    again = adata.copy()
    mu.atac.pp.tfidf(again)
    mu.atac.tl.lsi(again, n_comps=31)
    vectors = again.obsm["X_lsi"][:, 1:]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def one_set(data: Path, name: str, python: str | None) -> dict[str, Any]:
    import scbasset_tl as sb

    sb.settings.verbosity = 0
    adata = read(data, name)
    start = time.perf_counter()
    found = {"LSI, unit length": {"vectors": lsi(adata), "seconds": time.perf_counter() - start}}
    if python:
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "in.h5ad", Path(folder) / "out.npz"
            adata.write_h5ad(source)
            own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            subprocess.run([python, PEER, source, out], check=True, env=own)
            peer = np.load(out)
            found[f"SnapATAC2 {peer['version']}"] = {"vectors": peer["vectors"], "seconds": float(peer["seconds"])}
    result: dict[str, Any] = {"cells": adata.n_obs, "peaks": adata.n_vars}
    for tool, made in found.items():
        adata.obsm["X"] = np.asarray(made["vectors"], dtype=np.float32)
        score = sb.metrics.label_score(adata, label_key="label", use_rep="X", k=50)
        result[tool] = {"label_score": score, "seconds": made["seconds"]}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["toy0", *FILES])
    parser.add_argument("--peer-python")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    limit_threads(1)
    record = Record(options.out, machine("anndata", "muon", "numpy", "scipy"))
    rows = []
    for name in options.sets:
        result = record.once(name, lambda name=name: one_set(options.data, name, options.peer_python))
        rows += [
            [name, result["cells"], result["peaks"], tool, found["label_score"], found["seconds"]]
            for tool, found in result.items()
            if isinstance(found, dict)
        ]
    print(table(["set", "cells", "peaks", "embedding", "label score", "seconds"], rows))


if __name__ == "__main__":
    main()
