"""Is the verdict of get.report right? Toy data of known answer: trained, stopped after one epoch, sequences shuffled.

    python benchmarks/verdict.py            # one thread, 3 minutes on a quiet core

Prints a table and writes benchmarks/results/verdict.json.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import scbasset_tl as sb

SEEDS = range(5)
# cells, peaks, open peaks per cell, epochs
SIZES = [(200, 1200, 80, 40), (400, 2400, 80, 24)]
EXPECTED = {"trained": "usable", "one epoch": "undertrained", "shuffled": "no sequence signal"}
COLUMNS = [
    "per_cell",
    "per_cell_z",
    "per_peak",
    "per_peak_null",
    "per_peak_z",
    "training_per_cell",
    "steps",
    "late_rise",
]
RESULT = Path(__file__).parent / "results" / "verdict.json"


def run(n_obs: int, n_vars: int, depth: float, epochs: int, seed: int, condition: str) -> dict:
    adata = sb.datasets.toy(n_obs=n_obs, n_vars=n_vars, depth=depth, rng=seed)
    sb.pp.split_peaks(adata, fractions=(0.8, 0.1, 0.1), rng=seed)
    if condition == "shuffled":
        order = np.random.default_rng(seed).permutation(n_vars)
        adata.varm["dna_code"] = adata.varm["dna_code"][order]
    started = time.process_time()
    sb.tl.scbasset(adata, trunk=16, batch_size=64, max_epochs=1 if condition == "one epoch" else epochs, rng=seed)
    seconds = time.process_time() - started
    report = sb.get.report(adata)
    return {
        "n_obs": n_obs,
        "n_vars": n_vars,
        "seed": seed,
        "condition": condition,
        "verdict": report.verdict,
        "expected": EXPECTED[condition],
        "reason": report.sentences["verdict"],
        "best_auroc": adata.uns["toy"]["best_auroc"],
        **{name: value if np.isfinite(value) else None for name, value in report.numbers.items()},
        "seconds": round(seconds, 1),
    }


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'data':>11} seed condition  verdict             " + " ".join(f"{name:>17}" for name in COLUMNS))
    rows = []
    for size in SIZES:
        for condition in EXPECTED:
            for seed in SEEDS:
                with sb.settings.override(verbosity=0):
                    row = run(*size, seed, condition)
                rows.append(row)
                values = " ".join(f"{'' if row[name] is None else round(row[name], 3):>17}" for name in COLUMNS)
                mark = "" if row["verdict"] == row["expected"] else "  <- WRONG"
                label = f"{size[0]} x {size[1]}"
                print(f"{label:>11} {seed:>4} {condition:<10} {row['verdict']:<19} {values}{mark}", flush=True)
    right = sum(row["verdict"] == row["expected"] for row in rows)
    print(
        f"{right} of {len(rows)} verdicts are right; training took {sum(row['seconds'] for row in rows):.0f} CPU seconds"
    )
    RESULT.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}
    RESULT.write_text(json.dumps({"machine": machine, "right": right, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
