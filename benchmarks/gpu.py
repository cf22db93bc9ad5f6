"""What a GPU makes of training: one command, at most ten minutes, results saved after each part.

``ceilings``  what the device can do: a large bf16 product, a large copy; versions, and packages that are missing
``oracle``    the fused loss against the plain one in float64, values and gradients, and the time of each
``epoch``     whole epochs of 118,043 peaks with 1,114,621 and with 10,000 cells, 2.3 % open: seconds, memory of the
              device and of the host with and without the open entries, shares of the ceilings; larger minibatches for 60 steps
``trunk``     a training step of the paper's trunk in each precision, compiled, as a CUDA graph, with padded channels
``parity``    embeddings and edits on the device beside the CPU, without TF32
``profile``   the operations that a step spends most time in
``recipes``   with ``--work``: both recipes at full width on the worm pseudocells (made by ``worm_quality.py prepare``); the default call
              to its end, with exact cell vectors

Each part is a process of its own with a limit, so that one that fails leaves the others. From a bare checkout, with what
README.md lists installed:

    PYTHONPATH=src python benchmarks/gpu.py --out results/gpu.json --work WORK
    python benchmarks/gpu.py --device cpu --tiny     # a try without a GPU
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _common import Record, machine, table

# seconds that a part may take, and the module that it is in
LIMITS = {"ceilings": 60, "oracle": 60, "epoch": 260, "trunk": 200, "parity": 60, "profile": 60, "recipes": 150}
TRAINING = ("epoch", "profile", "recipes")
NEEDED = ("numba", "numpy", "torch", "triton", "lightning_fabric", "safetensors", "tqdm", "scipy", "pandas")


def run_part(part: str, args: argparse.Namespace, ceilings: dict[str, Any], limit: float) -> dict[str, Any]:
    """The part in a process of its own; an error is a result."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "part.json")
        options = {"device": args.device, "tiny": args.tiny, "work": args.work and str(args.work), "limit": limit}
        command = [sys.executable, __file__, "--worker", part, json.dumps(options | {"ceilings": ceilings}), out]
        try:
            done = subprocess.run(command, timeout=limit, stderr=subprocess.PIPE, text=True, check=False)
            failed = f"exit status {done.returncode}: {done.stderr[-2000:]}" if done.returncode else None
        except subprocess.TimeoutExpired:
            failed = f"stopped after {limit:.0f} s"
        # a part writes what it has as it goes
        result = json.loads(out.read_text()) if out.exists() else {}
    if failed:
        result["error"] = failed
    return result | {"seconds": round(time.perf_counter() - started, 1)}


def work(part: str, options: str, out: str) -> None:
    """Do one part, in this process."""
    from _gpu_part import Part

    module = import_module("gpu_training" if part in TRAINING else "gpu_kernels")
    getattr(module, part)(Part(json.loads(options), Path(out)))


def show(part: str, result: dict[str, Any]) -> str:
    """Rows as a table, everything else as lines."""
    lines = [f"\n## {part} ({result['seconds']} s)"]
    for name, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            columns = list(dict.fromkeys(key for row in value for key in row))
            lines.append(table(columns, [[row.get(column) for column in columns] for row in value]))
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the JSON file, written after each part")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--work", type=Path, help="folder with pseudocells.npz")
    parser.add_argument("--only", nargs="+", choices=list(LIMITS), default=list(LIMITS))
    parser.add_argument("--limit", type=float, default=570, help="seconds for everything")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(*args.worker)
        return

    end = time.perf_counter() + args.limit
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; parts that import them will fail")
    about = machine("torch", "triton", "numpy", "numba", "lightning-fabric", "pytorch-lightning")
    record = Record(args.out, {**about, "not_installed": missing, "tiny": args.tiny})
    for part in args.only:
        limit = min(LIMITS[part], end - time.perf_counter() - 3)
        if limit < 10 or (part == "recipes" and args.work is None):
            print(f"\n## {part}: left out")
            continue
        ceilings = record.values.get("ceilings", {})
        result = run_part(part, args, ceilings, limit)
        record.values[part] = result
        record.save()
        print(show(part, result), flush=True)


if __name__ == "__main__":
    main()
