"""Training throughput and peak memory beside scvi-tools' SCBASSET, on one machine in one run.

Random sequences of 1,344 bp, peaks open in a cell with probability 0.05, the full-width network on both sides, the real
training code of both with its own auROC, in float32; both with bf16 autocast are variants at the first size. Every block is
a fresh process; blocks of all contestants take turns, so that a drift
of the machine hits all of them. A step is the time from one optimizer step to the next.

    python benchmarks/throughput.py --peer-python scvi-env/bin/python --out benchmarks/results/throughput.json
    python benchmarks/throughput.py --profile
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
from statistics import median
from typing import Any

import numpy as np
from _common import in_process_of_its_own, limit_threads, machine

SEQ_LEN, DENSITY, N_WARM = 1344, 0.05, 2
OURS, PEER = "scbasset_tl", "scvi-tools"
# run at the first size only: the number of cells changes nothing in the trunk
VARIANTS: dict[str, dict[str, Any]] = {
    f"{OURS}, torch's own layers": {"own_layers": True},
    f"{OURS}, bf16-mixed": {"precision": "bf16-mixed"},  # what the default call does where the processor has bf16
}


def simulate(path: Path, n_cells: int, n_peaks: int) -> None:
    """Codes (n_peaks, SEQ_LEN) and the CSR of cells × peaks, in the format of the other peers."""
    from scipy import sparse

    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (n_peaks, SEQ_LEN), dtype=np.uint8)
    opened = rng.random((n_cells, n_peaks), dtype=np.float32) < DENSITY
    opened[~opened.any(axis=1), 0] = True  # a cell without an open peak is refused; only short runs have any
    x = sparse.csr_matrix(opened, dtype=np.float32)
    np.savez(path, codes=codes, data=x.data, indices=x.indices, indptr=x.indptr, shape=x.shape)


def ours(
    problem: Path,
    threads: int,
    batch_size: int,
    *,
    own_layers: bool = False,
    precision: str = "32-true",
    profiler: Any = None,
) -> dict[str, Any]:
    """Train one epoch; seconds of each step, and memory."""
    import anndata as ad
    import torch
    from scipy import sparse
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from scbasset_tl import settings
    from scbasset_tl._adata.model.problem import training_data
    from scbasset_tl.nn import norm_pool, trunk
    from scbasset_tl.train import loop
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.recipe import make_recipe

    settings.verbosity = 0
    torch.set_num_threads(threads)
    if own_layers:
        norm_pool.train_blocks = _one_after_the_other
    saved = np.load(problem)
    counts = sparse.csr_matrix((saved["data"], saved["indices"], saved["indptr"]), shape=saved["shape"])
    adata, codes = ad.AnnData(counts), saved["codes"]
    adata.var["split"] = "train"
    before = _rss_mb()
    ends: list[float] = []
    register_optimizer_step_post_hook(lambda *_: ends.append(time.perf_counter()))
    if profiler is not None:
        register_optimizer_step_post_hook(lambda *_: profiler.step())

    data = training_data(adata, codes, layer=None, batch_key=None, seed=0)
    recipe = make_recipe("fast", adata.n_vars, max_epochs=1, batch_size=batch_size)
    loop.fit(data.problem(), trunk.TrunkConfig(), recipe, make_fabric("cpu", precision), seed=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"ends": ends, "rss_before_mb": before, "peak_rss_mb": peak, "auroc_per_epoch_s": _auroc_seconds()}


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def _one_after_the_other(blocks: Any, x: Any) -> Any:
    """The blocks of our trunk as torch runs them, without the fused passes over memory that training on a CPU has."""
    from scbasset_tl.nn.conv_block import gelu

    for block in blocks:
        x = block(x)
    return gelu(x)


def _auroc_seconds() -> float:
    """Seconds of our auROC at the full size of its sample; paid once an epoch, hence no part of a step."""
    import torch

    from scbasset_tl.nn.head import Head
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train.monitor import MAX_CELLS, MAX_PEAKS, AucSample

    rng = np.random.default_rng(0)
    opened = rng.random((MAX_PEAKS, MAX_CELLS), dtype=np.float32) < DENSITY
    indptr = np.concatenate([[0], opened.sum(1).cumsum()])
    entries = OpenEntries(indptr, opened.nonzero()[1].astype(np.int32), MAX_CELLS)
    sample = AucSample(entries, np.arange(MAX_PEAKS), slice(0, MAX_CELLS), rng, torch.device("cpu"))
    sample.update(torch.arange(MAX_PEAKS), torch.randn(MAX_PEAKS, 2), Head(MAX_CELLS, 2))
    sample.score()  # compiles
    started = time.perf_counter()
    sample.score()
    return time.perf_counter() - started


def peer(python: str, problem: Path, threads: int, batch_size: int, *, precision: str = "32-true") -> dict[str, Any]:
    """The same of scvi-tools, in its own environment."""
    script = Path(__file__).parent / "peers" / "scvi_throughput.py"
    out = problem.with_suffix(".json")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [python, script, problem, out, str(threads), str(batch_size), precision]
    subprocess.run(command, check=True, env=environment)
    return json.loads(out.read_text())


def measure(args: argparse.Namespace, n_cells: int, folder: Path) -> dict[str, Any]:
    """All blocks at one size, by contestant."""
    problem = folder / f"{n_cells}.npz"
    common = (problem, args.threads, args.batch_size)
    in_process_of_its_own(simulate, problem, n_cells, args.batch_size * (N_WARM + args.steps))
    contestants = {OURS: partial(in_process_of_its_own, ours, *common)}
    if args.peer_python:
        contestants[PEER] = partial(peer, args.peer_python, *common)
    if n_cells == args.cells[0]:
        for name, changes in VARIANTS.items():
            contestants[name] = partial(in_process_of_its_own, partial(ours, **changes), *common)
        if args.peer_python:
            contestants[f"{PEER}, bf16-mixed"] = partial(peer, args.peer_python, *common, precision="bf16-mixed")
    blocks: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for number in range(args.blocks):
        for name, run in contestants.items():
            block = run()
            block["load_average"] = os.getloadavg()[0]
            block["step_s"] = np.diff(block.pop("ends"))[N_WARM - 1 :].round(4).tolist()
            blocks[name].append({key: _rounded(value) for key, value in block.items()})
            print(f"{n_cells} cells, block {number + 1}, {name}: {block['step_s']} s a step", flush=True)
    return {name: summarise(blocks[name], blocks[OURS], args.batch_size) for name in contestants}


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


def summarise(blocks: list[dict[str, Any]], reference: list[dict[str, Any]], batch_size: int) -> dict[str, Any]:
    """Medians over all blocks, and how many times slower than ``reference``, with the range over pairs of blocks."""

    def step(some: list[dict[str, Any]]) -> float:
        return median(seconds for block in some for seconds in block["step_s"])

    pairs = [step([block]) / step([other]) for block, other in zip(blocks, reference, strict=True)]
    peak = median(block["peak_rss_mb"] for block in blocks)
    return {
        "step_s": round(step(blocks), 3),
        "sequences_per_s": round(batch_size / step(blocks), 1),
        "ours_is_faster_by": round(step(blocks) / step(reference), 2),
        "range_of_blocks": [round(min(pairs), 2), round(max(pairs), 2)],
        "peak_rss_mb": round(peak),
        "above_data_mb": round(median(block["peak_rss_mb"] - block["rss_before_mb"] for block in blocks)),
        "blocks": blocks,
    }


def print_table(results: dict[str, dict[str, Any]]) -> None:
    print("| cells | run | s a step | sequences/s | ours is faster by (blocks) | peak RSS, MB | above the data, MB |")
    print("|---|---|---|---|---|---|---|")
    for n_cells, rows in results.items():
        for name, row in rows.items():
            low, high = row["range_of_blocks"]
            print(
                f"| {int(n_cells):,} | {name} | {row['step_s']:.2f} | {row['sequences_per_s']:.1f} "
                f"| {row['ours_is_faster_by']:.2f} ({low:.2f} to {high:.2f}) "
                f"| {row['peak_rss_mb']:,} | {row['above_data_mb']:,} |"
            )


def profile(args: argparse.Namespace, folder: Path) -> None:
    """Print where one step of ours goes, by operation."""
    from torch.profiler import ProfilerActivity, schedule
    from torch.profiler import profile as torch_profile

    problem = folder / "profile.npz"
    simulate(problem, args.cells[0], args.batch_size * (N_WARM + 2))
    one_step = schedule(wait=N_WARM - 1, warmup=1, active=1, repeat=1)
    with torch_profile(activities=[ProfilerActivity.CPU], schedule=one_step) as profiler:
        ours(problem, args.threads, args.batch_size, profiler=profiler)
    print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the JSON file; without it only the table is printed")
    parser.add_argument("--peer-python", help="python of an environment with scvi-tools")
    parser.add_argument("--cells", type=int, nargs="+", default=[2_000, 100_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=3, help=f"measured in a block, after {N_WARM} to warm up")
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="print where a step goes, and stop")
    args = parser.parse_args()
    limit_threads(args.threads)

    with tempfile.TemporaryDirectory() as folder:
        if args.profile:
            profile(args, Path(folder))
            return
        versions = machine("torch", "numpy", "scbasset-tl")
        about = {**versions, "threads": args.threads, "batch_size": args.batch_size, "density": DENSITY}
        results = {str(n_cells): measure(args, n_cells, Path(folder)) for n_cells in args.cells}
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"machine": about, "cells": results}, indent=1) + "\n")
    print_table(results)


if __name__ == "__main__":
    main()
