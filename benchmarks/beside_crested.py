"""Training step and mutagenesis beside CREsted, with the same network, one sequence format and one set of weights.

CREsted trains the original's network on random sequences, as ``throughput.py`` does ours, with its loss and optimizer,
and either its own metrics or one auROC. For mutagenesis the weights that Keras drew are read by
``tl.load_keras_weights``, and the scores of both are compared. Blocks take turns, each in a process of its own.

    python benchmarks/beside_crested.py --peer-python crested-env/bin/python --out benchmarks/results/beside_crested.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import throughput
from _common import in_process_of_its_own, limit_threads, machine, table

OURS, PEER = "scbasset_tl", "CREsted"
TRAINING = {
    f"{OURS}, float32": {"precision": "32-true"},
    f"{OURS}, bf16": {"precision": "bf16-mixed"},
    f"{PEER}, its metrics": [],
    f"{PEER}, one auROC": ["--plain-metrics"],
}


def peer(args: argparse.Namespace, what: str, problem: Path, *options: str) -> dict[str, Any]:
    out = problem.with_name(f"{what}.json")
    script = Path(__file__).parent / "peers" / "crested_speed.py"
    common = ["--threads", args.threads, "--batch-size", args.batch_size, "--width", args.width]
    command = [args.peer_python, script, what, problem, out, *common, *options]
    subprocess.run(
        [str(part) for part in command],
        check=True,
        env={**os.environ, "KERAS_BACKEND": "torch"},
        stdout=subprocess.DEVNULL,
    )
    return json.loads(out.read_text())


def ours_mutated(problem: Path, threads: int) -> dict[str, Any]:
    """Seconds of ``tl.ism`` and ``get.ism`` for one cell, and the largest difference from CREsted's scores."""
    import anndata as ad
    import torch

    import scbasset_tl as sb

    sb.settings.verbosity = 0
    torch.set_num_threads(threads)
    saved = np.load(problem)
    codes = saved["codes"][:1]
    adata = ad.AnnData(np.ones((int(saved["shape"][0]), 1), dtype=np.float32), varm={"dna_code": codes})
    adata.var_names = [f"chr1:0-{codes.shape[1]}"]
    sb.tl.load_keras_weights(adata, problem.with_name("mutate.weights.h5"))
    sb.tl.ism(adata, [0], window=10, key_added="warm")
    started = time.perf_counter()
    sb.tl.ism(adata, [0])
    scores = sb.get.ism(adata, obs=[0]).raw
    seconds = time.perf_counter() - started
    theirs = np.load(problem.with_name("mutate.mutagenesis.npy"))
    return {
        "seconds": seconds,
        "largest_difference": float(np.abs(np.asarray(scores).reshape(theirs.shape) - theirs).max()),
        "largest_score": float(np.abs(theirs).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--peer-python", required=True, help="python of an environment with crested and torch")
    parser.add_argument("--cells", type=int, default=2_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=3, help=f"measured in a block, after {throughput.N_WARM}")
    parser.add_argument("--blocks", type=int, default=3)
    args = parser.parse_args()
    args.width = 288
    limit_threads(args.threads)
    about = machine("torch", "numpy", "scbasset-tl")

    steps: dict[str, list[float]] = {name: [] for name in TRAINING}
    calls: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        problem = Path(folder) / "problem.npz"
        n_peaks = args.batch_size * (throughput.N_WARM + args.steps)
        in_process_of_its_own(throughput.simulate, problem, args.cells, n_peaks)
        for number in range(args.blocks):
            for name, options in TRAINING.items():
                if isinstance(options, dict):
                    train = partial(throughput.ours, **options)
                    block = in_process_of_its_own(train, problem, args.threads, args.batch_size)
                else:
                    block = peer(args, "train", problem, *options)
                    peers = block["versions"]
                taken = np.diff(block["ends"])[throughput.N_WARM - 1 :][: args.steps]
                steps[name] += taken.round(3).tolist()
                print(f"block {number + 1}, {name}: {taken.round(2)} s a step", flush=True)
            theirs = peer(args, "mutate", problem, "--repeats", "1")
            own = in_process_of_its_own(ours_mutated, problem, args.threads)
            print(own, theirs, flush=True)
            for name, seconds in (
                (f"{OURS} `tl.ism`", own["seconds"]),
                (f"{PEER} `mutagenesis`", theirs["mutagenesis"][0]),
                (f"{PEER} `expected_integrated_grad`, its default", theirs["expected_integrated_grad"][0]),
            ):
                calls.setdefault(name, []).append(round(seconds, 3))

    rows = []
    for what, seconds in (("training step", steps), ("scores of one sequence", calls)):
        base = median(next(iter(seconds.values())))
        rows += [[what, name, median(values), median(values) / base] for name, values in seconds.items()]
    result = {
        "machine": {**about, "threads": args.threads, "peer": peers},
        "training_step_s": steps,
        "one_sequence_s": calls,
        "largest_difference": own["largest_difference"],
        "largest_score": own["largest_score"],
    }
    if args.out:
        args.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(["what", "run", "s (median)", "times ours"], rows))


if __name__ == "__main__":
    main()
