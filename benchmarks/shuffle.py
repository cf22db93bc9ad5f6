"""How long do dinucleotide shuffles take, beside tangermeme and seqpro?

Random sequences; each tool gets them as it holds them (codes, one-hot, bytes), compiled and warm, in turns; the median
of the repeats. The dinucleotides of every shuffle are counted.

    python benchmarks/shuffle.py --threads 2 --out benchmarks/results/shuffle.json     # seconds
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np


def pairs(codes: np.ndarray) -> np.ndarray:
    """Counts of the 16 dinucleotides of each row."""
    kinds = 4 * codes[:, :-1].astype(np.int64) + codes[:, 1:] + 16 * np.arange(len(codes))[:, None]
    return np.bincount(kinds.ravel(), minlength=16 * len(codes)).reshape(-1, 16)


def tools(codes: np.ndarray, n_threads: int) -> dict:
    """A call of each tool, and how its result becomes codes."""
    import torch
    from tangermeme.ersatz import dinucleotide_shuffle as tangermeme

    from scbasset_tl.genome import dinucleotide_shuffle as ours

    torch.set_num_threads(n_threads)
    one_hot = torch.from_numpy(np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1).copy())
    letters = np.frombuffer(b"ACGT", dtype="S1")[codes]
    from_letters = np.zeros(256, dtype=np.uint8)
    from_letters[list(b"ACGT")] = range(4)
    found = {
        "scbasset_tl": (lambda: ours(codes), lambda made: made[:, 0]),
        "tangermeme": (
            lambda: tangermeme(one_hot, n=1, random_state=0, n_jobs=n_threads),
            lambda made: made[:, 0].numpy().argmax(axis=1),
        ),
    }
    if find_spec("seqpro"):
        import seqpro

        found["seqpro"] = (
            lambda: seqpro.k_shuffle(letters, 2, seqpro.DNA, length_axis=1, seed=0),
            lambda made: from_letters[made.view(np.uint8)].reshape(codes.shape),
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--length", type=int, default=1344)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)

    codes = np.random.default_rng(0).integers(0, 4, (arguments.sequences, arguments.length), dtype=np.uint8)
    calls = tools(codes, arguments.threads)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    exact = {name: bool((pairs(read(call())) == pairs(codes)).all()) for name, (call, read) in calls.items()}
    for _ in range(arguments.repeats):
        for name, (call, _) in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)

    ours = median(seconds["scbasset_tl"])
    rows = [
        {
            "tool": name,
            "version": version(name),
            "median_ms": round(1000 * median(values), 2),
            "range_ms": [round(1000 * min(values), 2), round(1000 * max(values), 2)],
            "times_ours": round(median(values) / ours, 2),
            "dinucleotides_exact": exact[name],
        }
        for name, values in seconds.items()
    ]
    print(f"{arguments.sequences:,} × {arguments.length:,}, {arguments.threads} thread(s)\n")
    print("| tool | median ms | range | times ours | dinucleotides exact |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        low, high = row["range_ms"]
        print(
            f"| {row['tool']} {row['version']} | {row['median_ms']} | {low}-{high} | {row['times_ours']} "
            f"| {row['dinucleotides_exact']} |"
        )
    if arguments.out:
        settings = {key: value for key, value in vars(arguments).items() if key != "out"}
        about = {
            "machine": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
        }
        arguments.out.write_text(json.dumps({**settings, **about, "tools": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
