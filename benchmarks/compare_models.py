"""Does mixing rise and the label score hold along λ? Toy data of two batches, beside scvi-tools and Harmony.

One call does one arm, and the table collects what is there::

    python benchmarks/compare_models.py ours WORK                 # no batches, then l2_cell from 0 to 1e-4
    python benchmarks/compare_models.py peer WORK --l2 1e-6 --peer-python VENV/bin/python
    python benchmarks/compare_models.py table WORK --out benchmarks/results/compare_models.json   # Harmony where installed

scvi-tools' penalty is the mean of squares, ours and the original's the sum: 32 n times as much at the same number. Its
windows have 1,344 bp of which the toy's sites fill the middle; ours have 192.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

STRENGTHS = (0.0, 1e-7, 1e-6, 1e-5, 1e-4)
WIDTH, BATCH_SIZE = 32, 32


def data(seq_len: int):
    import scbasset_tl as sb

    adata = sb.datasets.toy(n_batches=2, seq_len=seq_len)
    sb.pp.split_peaks(adata)
    return adata


def ours(work: Path) -> None:
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(1)
    adata = data(192)
    calls = {"none": {}} | {f"{l2:g}": {"batch_key": "batch", "l2_cell": l2} for l2 in STRENGTHS}
    for name, call in calls.items():
        out = work / f"ours_{name}.npz"
        if out.exists():
            continue
        started = time.perf_counter()
        sb.tl.scbasset(adata, key_added=name, trunk=WIDTH, batch_size=BATCH_SIZE, **call)
        seconds = time.perf_counter() - started
        auroc = sb.metrics.accessibility_auc(adata, key=name, split="held-out").mean_per_cell
        epochs = len(sb.get.history(adata, key=name))
        np.savez(out, x=adata.obsm[name], epochs=epochs, seconds=seconds, auroc=auroc)
        print(f"{out.name}: {seconds:.0f} s", flush=True)


def peer(work: Path, l2: float, epochs: int, python: str) -> None:
    problem = work / "problem.npz"
    if not problem.exists():
        adata = data(1344)
        counts = adata.X.tocsr()
        np.savez(
            problem,
            codes=np.where(adata.varm["dna_code"] > 3, 0, adata.varm["dna_code"]),
            data=counts.data,
            indices=counts.indices,
            indptr=counts.indptr,
            shape=counts.shape,
            batch=adata.obs["batch"].cat.codes,
        )
    script = Path(__file__).parent / "peers" / "scvi_batches.py"
    arguments = ["--l2", l2, "--epochs", epochs, "--width", WIDTH, "--batch-size", BATCH_SIZE]
    subprocess.run([python, script, problem, work / f"scvi_{l2:g}.npz", *map(str, arguments)], check=True)


def harmony(adata, key: str) -> str | None:
    """Harmony on the embedding ``key``; nothing where harmonypy (2 or later) is not installed."""
    try:
        import harmonypy
    except ImportError:
        return None
    adata.obsm["harmony"] = harmonypy.run_harmony(
        adata.obsm[key].astype(float), adata.obs, "batch", verbose=False
    ).Z_corr
    return "harmony"


def _strength(path: Path) -> tuple[str, float]:
    who, l2 = path.stem.split("_")
    return who, -1.0 if l2 == "none" else float(l2)


def table(work: Path, out: Path) -> None:
    import scbasset_tl as sb

    adata, notes = data(192), {}
    for path in sorted(work.glob("*_*.npz"), key=_strength):
        with np.load(path) as arm:
            adata.obsm[path.stem] = arm["x"].astype(np.float32)
            notes[path.stem] = {
                name: round(float(arm[name]), 4) for name in ("epochs", "seconds", "auroc") if name in arm
            }
    keys = [key for key in (harmony(adata, "ours_none"), *notes) if key]
    found = sb.metrics.compare_models(adata, keys, batch_key="batch", label_key="cell_type").drop(
        columns=["l2_cell", "l2_batch"]
    )
    rows = [{"key": key, **row.to_dict(), **notes.get(key, {})} for key, row in found.iterrows()]
    out.write_text(json.dumps(rows, indent=1) + "\n")
    print(found.round(3).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["ours", "peer", "table"])
    parser.add_argument("work", type=Path)
    parser.add_argument("--l2", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=34, help="of the peer; ours trains as many")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    if a.command == "ours":
        ours(a.work)
    elif a.command == "peer":
        peer(a.work, a.l2, a.epochs, a.peer_python)
    else:
        table(a.work, a.out)


if __name__ == "__main__":
    main()
