"""Memory of training from an h5ad that is larger than memory should be, beside the same data held in memory.

Makes files of cells × peaks open at random (never held whole), then, each in a process of its own: builds the index
file, trains one epoch of a narrow network from it and writes the model back into the h5ad; and, for the sizes that
memory holds, trains from the AnnData read whole. RssAnon, memory that no file backs, is sampled throughout.

    python benchmarks/out_of_core.py --folder scratch --out benchmarks/results/out_of_core.json
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from _common import AnonymousMemory, Record, in_process_of_its_own, limit_threads, machine, simulate_entries, table

SEQ_LEN, TRUNK, N_LATENT = 1344, 8, 32
CELLS_AT_ONCE = 10_000


def simulate(path: Path, n_cells: int, n_peaks: int, density: float) -> dict[str, Any]:
    """An h5ad with float32 values, int32 positions and random sequences, cells written block after block."""
    import anndata as ad
    import h5py
    import pandas as pd
    from scipy import sparse

    rng = np.random.default_rng(0)
    obs = pd.DataFrame(index=[f"cell{number}" for number in range(n_cells)])
    var = pd.DataFrame(index=[f"chr1:{2000 * number}-{2000 * number + 500}" for number in range(n_peaks)])
    codes = rng.integers(0, 4, (n_peaks, SEQ_LEN), dtype=np.uint8)
    ad.AnnData(obs=obs, var=var, varm={"dna_code": codes}).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        for first in range(0, n_cells, CELLS_AT_ONCE):
            n = min(CELLS_AT_ONCE, n_cells - first)
            indptr, indices = simulate_entries(n, n_peaks, density, seed=first)
            block = sparse.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=(n, n_peaks))
            if first == 0:
                ad.io.write_elem(file, "X", block)
            else:
                ad.io.sparse_dataset(file["X"]).append(block)
        entries = file["X/indices"].shape[0]
    return {"cells": n_cells, "peaks": n_peaks, "entries": entries, "file_bytes": path.stat().st_size}


def measured(work: Any, *arguments: Any) -> dict[str, Any]:
    import scbasset_tl as sb

    sb.settings.verbosity = 0
    with AnonymousMemory() as memory:
        start = time.perf_counter()
        seconds = work(sb, *arguments)
        total = time.perf_counter() - start
    return {"seconds": total, **(seconds or {}), "before_mb": memory.before, "peak_mb": memory.peak}


def build(sb: Any, path: Path, index: Path) -> None:
    """Only the index file."""
    import anndata as ad

    from scbasset_tl._adata.model.problem import training_data

    adata = ad.read_h5ad(path, backed="r")
    training_data(adata, adata.varm["dna_code"], layer=None, batch_key=None, seed=0, index_file=index)


def train(sb: Any, path: Path, index: Path | None, cells_per_step: int | None) -> dict[str, float]:
    import anndata as ad

    adata = ad.read_h5ad(path, backed="r" if index else None)
    small = {"trunk": TRUNK, "n_latent": N_LATENT, "max_epochs": 1, "accelerator": "cpu"}
    sb.tl.scbasset(adata, **small, index_file=index, cells_per_step=cells_per_step)
    if index:
        sb.io.write_model(adata, path)
    return {"epoch_seconds": float(sb.get.history(adata)["seconds"].iloc[0])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[200_000, 1_000_000])
    parser.add_argument("--peaks", type=int, default=20_000)
    parser.add_argument("--density", type=float, default=0.03)
    parser.add_argument("--in-memory", type=int, default=200_000, help="the largest number of cells that memory holds")
    parser.add_argument("--cells-per-step", type=int, default=200_000, help="of larger data, to save time")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(), help="where the large files are made, and deleted")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    limit_threads(options.threads)
    about = machine("anndata", "h5py", "numpy", "torch") | {"threads": options.threads, "trunk": TRUNK}
    record = Record(options.out, about)
    rows = []
    for n_cells in options.cells:
        key = f"{n_cells} x {options.peaks} at {options.density}"
        result = record.once(key, lambda n_cells=n_cells: one_size(options, n_cells))
        for name in ("build", "from file", "in memory"):
            if name in result:
                part = result[name]
                rows.append([result["cells"], result["peaks"], result["file_bytes"] / 2**30,
                             result["index_bytes"] / 2**30, name, part["seconds"], part.get("epoch_seconds"),
                             part["peak_mb"] / 1024])  # fmt: skip
    print(table(["cells", "peaks", "h5ad, GiB", "index file, GiB", "what", "s", "epoch, s", "peak RssAnon, GiB"], rows))


def one_size(options: argparse.Namespace, n_cells: int) -> dict[str, Any]:
    path, index = (options.folder / f"out_of_core_{n_cells}.{kind}" for kind in ("h5ad", "index"))
    subset = options.cells_per_step if options.cells_per_step < n_cells else None
    try:
        result = in_process_of_its_own(simulate, path, n_cells, options.peaks, options.density)
        result["build"] = in_process_of_its_own(measured, build, path, index)
        result["index_bytes"] = index.stat().st_size
        result["from file"] = in_process_of_its_own(measured, train, path, index, subset)
        if n_cells <= options.in_memory:
            result["in memory"] = in_process_of_its_own(measured, train, path, None, subset)
        return result
    finally:
        for file in (path, index):
            file.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
