"""Memory of training and scoring with the matrix opened in each way that the package takes.

One matrix is written as h5ad and as zarr; each way runs in a process of its own, with an index file in all but the first.
RssAnon, memory that no file backs, is sampled throughout. Ways that need dask and xarray are left out where these are missing.

    python benchmarks/inputs.py --folder scratch --out benchmarks/results/inputs.json
"""

from __future__ import annotations

import argparse
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from _common import AnonymousMemory, Record, in_process_of_its_own, limit_threads, machine, table
from out_of_core import simulate

IN_MEMORY = "read_h5ad(path)"
WAYS = {
    IN_MEMORY: [],
    'read_h5ad(path, backed="r")': [],
    "zarr, io.sparse_dataset": [],
    "zarr, experimental.read_elem_lazy (dask)": ["dask"],
    "zarr, experimental.read_lazy": ["dask", "xarray"],
}


def opened(way: str, h5ad: Path, store: Path) -> Any:
    import anndata as ad
    import zarr

    if way == IN_MEMORY:
        return ad.read_h5ad(h5ad)
    if "backed" in way:
        return ad.read_h5ad(h5ad, backed="r")
    if way.endswith("read_lazy"):
        return ad.experimental.read_lazy(store)
    group = zarr.open_group(store, mode="r")
    read = ad.experimental.read_elem_lazy if "dask" in way else ad.io.sparse_dataset
    obs, var, codes = (ad.io.read_elem(group[name]) for name in ("obs", "var", "varm/dna_code"))
    return ad.AnnData(read(group["X"]), obs=obs, var=var, varm={"dna_code": codes})


def write_zarr(h5ad: Path, store: Path) -> None:
    import anndata as ad

    ad.read_h5ad(h5ad).write_zarr(store)


def work(way: str, h5ad: Path, store: Path) -> dict[str, Any]:
    import scbasset_tl as sb

    sb.settings.verbosity = 0
    with AnonymousMemory() as memory:
        start = time.perf_counter()
        adata = opened(way, h5ad, store)
        index = None if way == IN_MEMORY else h5ad.with_suffix(".index")
        sb.tl.scbasset(adata, trunk=2, max_epochs=1, cells_per_step=10_000, index_file=index, accelerator="cpu")
        trained = time.perf_counter()
        sb.metrics.accessibility_auc(adata, split="held-out")
        scored = time.perf_counter()
    return {
        "train_seconds": trained - start,
        "score_seconds": scored - trained,
        "above_mb": memory.peak - memory.before,
        "vector": np.asarray(adata.obsm["X_scbasset"])[0].tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=200_000)
    parser.add_argument("--peaks", type=int, default=5_000)
    parser.add_argument("--density", type=float, default=0.03)
    parser.add_argument("--folder", type=Path, default=Path(), help="where the files are made, and deleted")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    limit_threads(1)
    record = Record(options.out, machine("anndata", "dask", "numpy", "torch", "xarray", "zarr"))
    h5ad, store = options.folder / "inputs.h5ad", options.folder / "inputs.zarr"
    size = in_process_of_its_own(simulate, h5ad, options.cells, options.peaks, options.density)
    in_process_of_its_own(write_zarr, h5ad, store)
    rows = []
    try:
        for way, needs in WAYS.items():
            if all(find_spec(name) for name in needs):
                h5ad.with_suffix(".index").unlink(missing_ok=True)
                found = record.once(way, lambda way=way: size | in_process_of_its_own(work, way, h5ad, store))
                same = found["vector"] == record.once(IN_MEMORY, dict)["vector"]
                rows.append([way, found["train_seconds"], found["score_seconds"], found["above_mb"], str(same)])
    finally:
        for file in (h5ad, h5ad.with_suffix(".index")):
            file.unlink(missing_ok=True)
        shutil.rmtree(store, ignore_errors=True)
    print(table(["way", "training, s", "scoring, s", "above the start, MB", "same vectors as in memory"], rows))


if __name__ == "__main__":
    main()
