"""What is left with fewer reads, and what without any signal? Worm data, chromosome I held out.

    python benchmarks/worm_quality.py prepare DATA WORK
    python benchmarks/robustness.py WORK/pseudocells.h5ad --out benchmarks/results/robustness.json

A model each of all reads, of 80 % to 5 % of them, and of shuffled accessibility. Each is scored on the accessibility it was trained on
and on all reads, on the held-out chromosome. One thread, bf16, a narrow trunk and few epochs: the curve is what counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import torch

import scbasset_tl as sb

FRACTIONS = (0.05, 0.2, 0.8, 0.1, 0.4)


def arms(adata):
    """Name of each arm, and its layer, which is made here; those that say most come first."""
    yield "all reads", None
    for by in ("cell", "peak"):
        name, layer = f"shuffled by {by}", f"entries shuffled by {by}"
        sb.pp.shuffle_accessibility(adata, by=by, key_added=layer)
        yield name, layer
    for fraction in FRACTIONS:
        name, layer = f"{fraction:.0%} of reads", f"{fraction:.0%}"
        sb.pp.downsample_counts(adata, fraction, key_added=layer)
        yield name, layer


def run(adata, name: str, layer: str | None, width: int, epochs: int) -> dict:
    started = time.perf_counter()
    sb.tl.scbasset(adata, layer=layer, key_added=name, trunk=width, max_epochs=epochs, precision="bf16-mixed")
    seconds = time.perf_counter() - started
    matrix = adata.X if layer is None else adata.layers[layer]
    row = {"arm": name, "open": float((matrix > 0).mean()), "seconds": round(seconds)}
    for scope, scored in (("own", layer), ("all", None)):
        found = sb.metrics.accessibility_auc(adata, key=name, layer=scored)
        row |= {f"per_cell_{scope}_labels": found.mean_per_cell, f"per_peak_{scope}_labels": found.mean_per_peak}
    row["label_score"] = sb.metrics.label_score(adata, label_key="tissue", use_rep=name)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    import anndata as ad

    torch.set_num_threads(1)
    adata = ad.read_h5ad(a.data)
    result = {
        "machine": {"python": platform.python_version(), "torch": torch.__version__, "threads": 1},
        "data": {
            "cells": adata.n_obs,
            "peaks": adata.n_vars,
            "held_out_peaks": int((adata.var["split"] == "test").sum()),
        },
        "trunk": a.width,
        "epochs": a.epochs,
        "rows": [],
    }
    with sb.settings.override(verbosity=0):
        for name, layer in arms(adata):
            row = run(adata, name, layer, a.width, a.epochs)
            result["rows"].append(row)
            a.out.write_text(json.dumps(result, indent=1) + "\n")
            print(" | ".join(f"{x:.3f}" if isinstance(x, float) else str(x) for x in row.values()), flush=True)


if __name__ == "__main__":
    main()
