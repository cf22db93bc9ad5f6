"""How do time and memory of training grow with cells, with peaks and with ranks?

Random sequences of 1,344 bp, simulated accessibility, 2.3 % open, the real training loop on a CPU. Four parts:

``cells``   the paper's network, the same with a trunk of one filter (what a step takes besides the trunk) and scvi-tools
``loss``    one pass of the fused loss beside the plain one, which holds all logits and targets
``peaks``   a trunk of 96 filters, 10,000 cells, all peaks for training, stopped after a few steps
``ranks``   two processes of one thread each beside one process of one and of two threads

Every block is a fresh process; those that are compared take turns. Memory is RssAnon: its peak minus what there was when
the data were loaded, over a whole epoch, best weights included. Each block is saved when it ends: called again with
the same ``--out``, the script goes on where it was; delete the file to start afresh.

    python benchmarks/scaling.py --peer-python scvi-env/bin/python --out benchmarks/results/scaling.json  # 15 minutes
    python benchmarks/scaling.py --only loss --cells 1000 20000 --steps 2 --blocks 1                      # a try
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from _common import (
    AnonymousMemory,
    Enough,
    Record,
    in_process_of_its_own,
    limit_threads,
    machine,
    simulate_codes,
    simulate_entries,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DENSITY, N_WARM, N_VAL = 0.023, 2, 16
PEER_MAX, PEAKS_CELLS, PEAKS_WIDTH, RANKS_CELLS = 100_000, 10_000, 96, 100_000
FULL, HEAD, PEER = "paper's trunk", "trunk of one filter", "scvi-tools"
FUSED, DENSE = "fused", "plain"
ONE, BOTH, RANKS = "1 process, 1 thread", "1 process, 2 threads", "2 processes, 1 thread each"
TRUNK_MB = 1500  # what the activations of the paper's trunk may take
PARTS = ("cells", "loss", "peaks", "ranks")


def train(
    n_peaks: int, n_cells: int, *, width: int, batch_size: int, threads: int, n_steps: int, ranks: int = 1
) -> dict[str, Any]:
    """Up to ``n_steps`` steps, or one whole epoch where it has fewer; what each took, and memory."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from scbasset_tl import settings
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import make_recipe

    settings.verbosity = 0
    torch.set_num_threads(threads)
    entries = OpenEntries(*simulate_entries(n_peaks + N_VAL, n_cells, DENSITY), n_cells)
    peaks = np.arange(n_peaks + N_VAL)
    problem = Problem(simulate_codes(len(peaks)), entries, peaks[:n_peaks], peaks[n_peaks:])
    recipe = make_recipe("fast", n_peaks, max_epochs=1, batch_size=batch_size)
    fabric = make_fabric("cpu", "32-true", devices=ranks)
    ends: list[float] = []

    def after_step(*_: object) -> None:
        ends.append(time.perf_counter())
        if len(ends) == n_steps and n_steps * batch_size * ranks < n_peaks:
            raise Enough

    register_optimizer_step_post_hook(after_step)
    started = time.perf_counter()
    with AnonymousMemory() as memory, suppress(Enough):
        fit(problem, TrunkConfig.of_width(width), recipe, fabric, seed=0)
    result = measured(ends, ranks * batch_size, memory.before, memory.above)
    return result | {"until_first_step_s": round(ends[0] - started, 2), "rank": fabric.global_rank}


def measured(ends: list[float], n_in_step: int, before_mb: float, above_mb: float) -> dict[str, Any]:
    """What is kept of a run, from when each step ended."""
    seconds = np.diff(ends)[N_WARM - 1 :]
    return {
        "step_s": seconds.round(4).tolist(),
        "sequences_per_s": round(n_in_step / float(np.median(seconds)), 2),
        "data_mb": round(before_mb),
        "above_data_mb": round(above_mb, 1),
        "load_average": os.getloadavg()[0],
    }


def peer(python: str, n_peaks: int, n_cells: int, *, batch_size: int, threads: int) -> dict[str, Any]:
    """The same of scvi-tools, in its own environment."""
    from scipy import sparse

    indptr, indices = simulate_entries(n_peaks, n_cells, DENSITY)
    shape = (n_peaks, n_cells)
    x = sparse.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=shape).T.tocsr()
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        problem, out = Path(folder, "problem.npz"), Path(folder, "out.json")
        parts = {"data": x.data, "indices": x.indices, "indptr": x.indptr, "shape": x.shape}
        np.savez(problem, codes=simulate_codes(n_peaks), **parts)
        command = [python, here / "peers" / "scvi_throughput.py", problem, out, str(threads), str(batch_size)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(here)})
        result = json.loads(out.read_text())
    memory = result["anonymous_before_mb"], result["anonymous_above_mb"]
    return measured(result["ends"], batch_size, *memory) | {"versions": result["versions"]}


def loss_pass(kind: str, n_cells: int, *, batch_size: int, threads: int) -> dict[str, Any]:
    """Forward and backward of the loss for one minibatch: median seconds of three, and memory above the inputs."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from scbasset_tl.nn.loss import fused_linear_bce
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train.batches import PeakBatches

    torch.set_num_threads(threads)
    entries = OpenEntries(*simulate_entries(batch_size, n_cells, DENSITY), n_cells)
    batches = PeakBatches(simulate_codes(batch_size, 8), entries, np.arange(batch_size), torch.device("cpu"))
    peaks, generator = torch.arange(batch_size), torch.Generator().manual_seed(0)
    rows = torch.arange(batch_size).repeat_interleave(torch.from_numpy(entries.peak_counts()))
    columns = torch.from_numpy(entries.indices).long()

    def fused() -> torch.Tensor:
        return fused_linear_bce(h, weight, bias, batches.positives(peaks))

    def plain() -> torch.Tensor:
        target = torch.zeros(batch_size, n_cells)
        target[rows, columns] = 1
        return binary_cross_entropy_with_logits(torch.addmm(bias, h, weight.T), target)

    h, weight, bias = (
        torch.randn(*shape, generator=generator).mul_(0.3).requires_grad_()
        for shape in ((batch_size, 32), (n_cells, 32), (n_cells,))
    )
    seconds = []
    with AnonymousMemory() as memory:
        for _ in range(3):
            h.grad = weight.grad = bias.grad = None
            started = time.perf_counter()
            value = (fused if kind == FUSED else plain)()
            value.backward()
            seconds.append(time.perf_counter() - started)
    return {"s": round(median(seconds), 4), "extra_mb": round(memory.above, 1), "loss": round(value.item(), 6)}


def in_ranks(**arguments: Any) -> dict[str, Any]:
    """:func:`train` in two processes over gloo; what the first one gives."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "rank.json")
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        command = [*launcher, __file__, "--worker", json.dumps(arguments), "--out", out]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
        return json.loads(out.read_text())


def runs(part: str, args: argparse.Namespace) -> dict[str, dict[str, Callable[[], dict[str, Any]]]]:
    """What to do in one part: by size, the runs that take turns."""
    common = {"batch_size": args.batch_size, "threads": args.threads}
    n_steps = N_WARM + args.steps
    n_peaks = args.batch_size * n_steps
    alone = partial(in_process_of_its_own, train, **common, n_steps=n_steps)
    sizes: dict[str, dict[str, Callable[[], dict[str, Any]]]] = {}
    if part == "cells":
        for n_cells in args.cells:
            sizes[str(n_cells)] = {
                FULL: partial(alone, n_peaks, n_cells, width=args.width),
                HEAD: partial(alone, n_peaks, n_cells, width=1),
            }
            if args.peer_python and n_cells <= PEER_MAX:
                sizes[str(n_cells)][PEER] = partial(peer, args.peer_python, n_peaks, n_cells, **common)
    elif part == "loss":
        for n_cells in args.cells:
            sizes[str(n_cells)] = {
                kind: partial(in_process_of_its_own, loss_pass, kind, n_cells, **common) for kind in (FUSED, DENSE)
            }
    elif part == "peaks":
        width = min(PEAKS_WIDTH, args.width)
        for size in args.peaks:
            sizes[str(size)] = {f"{width} filters": partial(alone, size, PEAKS_CELLS, width=width)}
    else:
        n_cells = min(RANKS_CELLS, max(args.cells))
        common = {"width": args.width, "batch_size": args.batch_size, "n_steps": n_steps}
        single = partial(in_process_of_its_own, train, n_peaks, n_cells, **common)
        sizes[str(n_cells)] = {
            BOTH: partial(single, threads=2),
            RANKS: partial(in_ranks, n_peaks=2 * n_peaks, n_cells=n_cells, threads=1, ranks=2, **common),
            ONE: partial(single, threads=1),
        }
    return sizes


def middle(blocks: list[dict[str, Any]], number: str) -> float:
    return median(block[number] for block in blocks)


def paired(blocks: list[dict[str, Any]], others: list[dict[str, Any]], number: str) -> str:
    """Median over blocks of the ratio to the other run's, with its range."""
    pairs = [(block[number], other[number]) for block, other in zip(blocks, others, strict=False)]
    ratios = [one / other if other else float("nan") for one, other in pairs]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def rows_of(part: str, size: str, by_run: dict[str, list[dict[str, Any]]]) -> list[list[Any]]:
    """The lines of one size in the table of its part."""
    reference = next(iter(by_run.values()))
    rows = []
    for run, blocks in by_run.items():
        others = None if blocks is reference else (reference, blocks)
        if part == "loss":
            numbers = "s", "extra_mb"
            row = [middle(blocks, number) for number in numbers]
            row += [others and paired(blocks, reference, number) for number in numbers]
        else:
            speed, above = middle(blocks, "sequences_per_s"), middle(blocks, "above_data_mb")
            row = [speed, others and paired(reference, blocks, "sequences_per_s"), middle(blocks, "data_mb"), above]
        if part == "cells":
            share = speed / middle(by_run[HEAD], "sequences_per_s") if run == FULL and HEAD in by_run else None
            row += [share, max(0, above - TRUNK_MB) * 1e6 / int(size) if run == FULL else None]
        elif part == "peaks":
            row += [middle(blocks, "until_first_step_s"), above * 1e6 / int(size)]
        rows.append([int(size), run, *row])
    return rows


def report(values: dict[str, Any]) -> str:
    """A table for each part that has results."""
    common = ["run", "sequences/s", "the first is faster by", "data, MB", "above the data, MB"]
    heads = {
        "cells": ["cells", *common, "share of the step outside the trunk", "B a cell beyond 1.5 GB"],
        "loss": ["cells", "loss", "s a pass", "extra MB", "times the first, s", "times the first, MB"],
        "peaks": ["peaks", *common, "s until the first step ends", "B a peak"],
        "ranks": ["cells", *common],
    }
    sizes: dict[str, dict[str, Any]] = {}
    for key, blocks in values.items():
        if "/" in key and blocks:
            size, _, run = key.rpartition("/")
            sizes.setdefault(size, {})[run] = blocks
    tables = []
    for part, head in heads.items():
        rows = [
            row for key in sizes if key.startswith(f"{part}/") for row in rows_of(part, key.split("/")[1], sizes[key])
        ]
        if rows:
            tables.append(f"{part}\n\n{table(head, rows)}")
    return "\n\n".join(tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the JSON file; without it only the tables are printed")
    parser.add_argument("--peer-python", help="python of an environment with scvi-tools")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cells", type=int, nargs="+", default=[2_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--peaks", type=int, nargs="+", default=[2_000, 20_000, 118_043])
    parser.add_argument("--width", type=int, default=288, help="stem filters of the trunk")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=3, help=f"measured in a block, after {N_WARM} to warm up")
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--worker", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        result = train(**args.worker)
        if result["rank"] == 0:
            args.out.write_text(json.dumps(result))
        return
    limit_threads(args.threads)

    settings = {name: getattr(args, name) for name in ("width", "threads", "batch_size", "steps")}
    record = Record(args.out, {**machine("torch", "numpy", "scbasset-tl"), **settings, "density": DENSITY})
    for part in args.only:
        for size, contestants in runs(part, args).items():
            for block in range(args.blocks):
                for name, run in contestants.items():
                    result = record.block(f"{part}/{size}/{name}", block, run)
                    print(part, size, name, block + 1, result, flush=True)
    print(report(record.values))


if __name__ == "__main__":
    main()
