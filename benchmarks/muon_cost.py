"""What Muon costs in a training step, and whether a cheaper Muon is as good.

``cost``: the paper's trunk, minibatches of 32 and 128, random sequences of 1,344 bp: seconds of a step and of Muon in it, sequences/s,
memory above the data, each minibatch in a process of its own. ``quality``: toy data, trunk of 32 filters, the default call with
each kind of Muon::

    python benchmarks/muon_cost.py cost --threads 1 --out benchmarks/results/muon.json
    python benchmarks/muon_cost.py quality --kinds default steps4 half --toy 0 --out benchmarks/results/muon.json
    python benchmarks/muon_cost.py table benchmarks/results/muon.json
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import AnonymousMemory, Enough, Record, in_process_of_its_own, limit_threads, machine, simulate_codes
from _common import simulate_entries as drawn
from _common import table as markdown

N_CELLS, DENSITY, N_WARM = 2000, 0.05, 2


def change(kind: str) -> None:
    """Put another Muon in the place of the package's."""
    from scbasset_tl.train import muon

    if kind.startswith("steps"):
        muon._N_ITERATIONS = int(kind.removeprefix("steps"))
    elif kind == "float32":  # as if without autocast
        muon._WORTH_BF16 = 1 << 30
    elif kind == "plain":  # products with the matrix itself in each iteration, as published
        muon.orthogonalised = published
    elif kind == "half":  # every other step
        whole = muon.Muon.step

        def step(self: Any, lr: float) -> None:
            self.count = getattr(self, "count", 0) + 1
            if self.count % 2:
                whole(self, 2 * lr)

        muon.Muon.step = step
    elif kind != "default":
        message = f"kind must be default, float32, plain, half or steps and a number, got {kind!r}."
        raise ValueError(message)


def published(matrix: Any) -> Any:
    """The iteration as Jordan et al. print it."""
    import torch

    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return x if wide else x.T


def cost(kind: str, batch_size: int, n_steps: int, threads: int, width: int, precision: str) -> dict[str, Any]:
    """Medians over ``n_steps`` steps after the first ones."""
    import torch

    from scbasset_tl import settings
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.stats.open_entries import OpenEntries
    from scbasset_tl.train import loop
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.muon import Muon
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import make_recipe

    settings.verbosity = 0
    torch.set_num_threads(threads)
    change(kind)
    n_peaks = batch_size * (N_WARM + n_steps)
    entries = OpenEntries(*drawn(n_peaks, N_CELLS, DENSITY), N_CELLS)
    problem = Problem(simulate_codes(n_peaks), entries, np.arange(n_peaks), np.empty(0, dtype=np.int64))
    spent: list[float] = []
    ends: list[float] = []
    step = Muon.step

    def timed(self: Muon, lr: float) -> None:
        started = time.perf_counter()
        step(self, lr)
        ends.append(time.perf_counter())
        spent.append(ends[-1] - started)
        if len(ends) == N_WARM + n_steps:
            raise Enough

    Muon.step = timed  # type: ignore[method-assign]
    recipe = make_recipe("fast", n_peaks, max_epochs=1, batch_size=batch_size, svd_start=False)
    with AnonymousMemory() as memory, suppress(Enough):
        loop.fit(problem, TrunkConfig.of_width(width), recipe, make_fabric("cpu", precision), seed=0)
    step_s, muon_s = median(np.diff(ends)[N_WARM - 1 :]), median(spent[N_WARM:])
    return {
        "kind": kind,
        "width": width,
        "batch_size": batch_size,
        "precision": precision,
        "threads": threads,
        "step_s": round(step_s, 3),
        "muon_s": round(muon_s, 3),
        "share": round(muon_s / step_s, 3),
        "sequences_per_s": round(batch_size / step_s, 1),
        "memory_mb": round(memory.above),
    }


def quality(kind: str, seed: int, threads: int) -> dict[str, Any]:
    """Scores of the default call on toy data, as in the README's main job."""
    import torch

    import scbasset_tl as sb

    sb.settings.verbosity = 0
    torch.set_num_threads(threads)
    change(kind)
    adata = sb.datasets.toy(rng=seed)
    sb.pp.split_peaks(adata, rng=seed)
    started = time.perf_counter()
    sb.tl.scbasset(adata, trunk=32, rng=seed)
    seconds = time.perf_counter() - started
    auc = sb.metrics.accessibility_auc(adata, split="held-out")
    return {
        "kind": kind,
        "toy": seed,
        "per_cell": round(auc.mean_per_cell, 4),
        "per_peak": round(auc.mean_per_peak, 4),
        "label_score": round(sb.metrics.label_score(adata, label_key="cell_type", k=50), 3),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("cost", "quality"):
        one = commands.add_parser(name)
        one.add_argument("--kinds", nargs="+", default=["default"])
        one.add_argument("--threads", type=int, default=1)
        one.add_argument("--out", type=Path)
        if name == "cost":
            one.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128])
            one.add_argument("--steps", type=int, default=4)
            one.add_argument("--width", type=int, default=288)
            one.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
        else:
            one.add_argument("--toy", type=int, nargs="+", default=[0])
    commands.add_parser("table").add_argument("results", type=Path)
    a = parser.parse_args()
    if a.command == "table":
        values = Record(a.results, {}).values
        for name in ("cost", "quality"):
            if rows := values.get(name):
                print(markdown(list(rows[0]), [list(row.values()) for row in rows]), end="\n\n")
        return
    limit_threads(a.threads)
    record = Record(a.out, machine("torch"))
    for kind in a.kinds:
        calls = [(quality, seed, a.threads) for seed in getattr(a, "toy", [])]
        calls += [(cost, size, a.steps, a.threads, a.width, a.precision) for size in getattr(a, "batch_sizes", [])]
        for function, *arguments in calls:
            row = in_process_of_its_own(function, kind, *arguments)
            record.values.setdefault(a.command, []).append(row)
            record.save()
            print(row, flush=True)


if __name__ == "__main__":
    main()
