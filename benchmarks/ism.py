"""How long does in-silico mutagenesis of one sequence take, beside tangermeme through get.model and full forwards?

Every substitution of a random sequence by an untrained network of the paper's width, read as the embedding alone and as
2,000 cells. tangermeme computes only what an edit can change, as we do; it would skip that for short jobs, which is
turned off, and the seconds it takes to prepare count, as they are part of each call: ``--sequences 4`` spreads them.
Two batch sizes of it are shown. The tools take turns; results are compared with those of the full forwards.

    python benchmarks/ism.py --threads 1 --out benchmarks/results/ism.json     # 20 minutes
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
import warnings
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

N_LATENT, BATCH_SIZES = 32, (32, 256)


def network(width: int, seq_len: int, vectors: np.ndarray):
    """A trunk, and what get.model makes of it for cells with these vectors."""
    import anndata as ad
    import torch

    import scbasset_tl as sb
    from scbasset_tl._adata.model.store import write_model
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig

    config = TrunkConfig.of_width(width, seq_len=seq_len, n_latent=N_LATENT)
    trunk = Trunk(config, torch.Generator().manual_seed(0)).eval()
    adata = ad.AnnData(shape=(len(vectors), 1))
    head = {"cell_embedding": vectors, "cell_bias": np.zeros(len(vectors)), "peak_embedding": None}
    write_model(adata, None, trunk=trunk, **head, params={}, history={})
    return trunk, sb.get.model(adata)


def ours(trunk, codes: np.ndarray, vectors: np.ndarray | None, *, gradient: bool = False) -> np.ndarray:
    from scbasset_tl.nn.mutagenesis import gradient_attribution, mutagenesis

    delta = (gradient_attribution if gradient else mutagenesis)(trunk, codes)
    return delta if vectors is None else delta @ vectors.T


def full(trunk, codes: np.ndarray, vectors: np.ndarray | None) -> np.ndarray:
    """Every mutant as a whole sequence through the same network."""
    from scbasset_tl.nn.embed import embed

    delta = np.zeros((*codes.shape, 4, N_LATENT), dtype=np.float32)
    for row, sequence in enumerate(codes):
        positions, bases = np.nonzero(sequence[:, None] != np.arange(4))
        mutants = np.repeat(sequence[None], len(positions), axis=0)
        mutants[np.arange(len(positions)), positions] = bases
        delta[row, positions, bases] = (embed(trunk, mutants) - embed(trunk, sequence[None])).numpy()
    return delta if vectors is None else delta @ vectors.T


def theirs(model, codes: np.ndarray, batch_size: int) -> np.ndarray:
    """tangermeme with its locality; it warns where it goes without."""
    import torch
    from tangermeme import saturation_mutagenesis as tangermeme

    tangermeme._FAST_MIN_SECONDS = 0.0
    one_hot = torch.from_numpy(np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1).copy())
    before, after = tangermeme.saturation_mutagenesis(
        model, one_hot, raw_outputs=True, batch_size=batch_size, device="cpu"
    )
    return (after - before[:, None, None]).transpose(1, 2).numpy()


def contestants(width: int, codes: np.ndarray, n_cells: int) -> dict[str, dict[str, Callable[[], np.ndarray]]]:
    """The calls of each reading by the name of the tool."""
    cells = np.random.default_rng(1).normal(0, 0.25, (n_cells, N_LATENT)).astype(np.float32)
    axes = np.eye(N_LATENT, dtype=np.float32)
    calls = {}
    for reading, vectors in (("embedding", None), (f"{n_cells:,} cells", cells)):
        trunk, model = network(width, codes.shape[1], axes if vectors is None else vectors)
        calls[reading] = {
            "scbasset_tl": partial(ours, trunk, codes, vectors),
            "scbasset_tl, gradient": partial(ours, trunk, codes, vectors, gradient=True),
            "full forwards": partial(full, trunk, codes, vectors),
            **{f"tangermeme, batches of {size}": partial(theirs, model, codes, size) for size in BATCH_SIZES},
        }
    return calls


def measure(calls: dict[str, Callable[[], np.ndarray]], repeats: int) -> list[dict]:
    """Seconds of each tool, in turns, and its largest difference from the full forwards."""
    expected = calls["full forwards"]()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    error = dict.fromkeys(calls, 0.0)
    warned: dict[str, set[str]] = {name: set() for name in calls}
    calls["scbasset_tl"]()
    for _ in range(repeats):
        for name, call in calls.items():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                started = time.perf_counter()
                found = call()
                seconds[name].append(time.perf_counter() - started)
            warned[name] |= {str(warning.message) for warning in caught}
            error[name] = max(error[name], float(np.abs(found - expected).max()))
    base = median(seconds["scbasset_tl"])
    return [
        {
            "tool": name,
            "median_s": round(median(values), 3),
            "range_s": [round(min(values), 3), round(max(values), 3)],
            "times_ours": round(median(values) / base, 2),
            "largest_difference": error[name],
            "warnings": sorted(warned[name]),
        }
        for name, values in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=288, help="stem filters; 288 is the paper's network")
    parser.add_argument("--sequences", type=int, default=1)
    parser.add_argument("--length", type=int, default=1344)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    codes = np.random.default_rng(0).integers(0, 4, (arguments.sequences, arguments.length), dtype=np.uint8)
    readings = {
        reading: measure(calls, arguments.repeats)
        for reading, calls in contestants(arguments.width, codes, arguments.cells).items()
    }
    print(
        f"{arguments.sequences} × {arguments.length:,} bp, {arguments.width} stem filters, {arguments.threads} thread(s)\n"
    )
    print(
        "| read as | tool | median s | range | times ours | largest difference |\n| --- | --- | --- | --- | --- | --- |"
    )
    for reading, rows in readings.items():
        for row in rows:
            low, high = row["range_s"]
            print(
                f"| {reading} | {row['tool']} | {row['median_s']} | {low}-{high} | {row['times_ours']} "
                f"| {row['largest_difference']:.1e} |" + "".join(f"\n{text}" for text in row["warnings"])
            )
    if arguments.out:
        settings = {key: value for key, value in vars(arguments).items() if key != "out"}
        about = {
            "machine": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "versions": {name: version(name) for name in ("scbasset_tl", "torch", "tangermeme")},
        }
        arguments.out.write_text(json.dumps({**settings, **about, "readings": readings}, indent=1) + "\n")


if __name__ == "__main__":
    main()
