"""Seconds a motif for TF activity, beside whole sequences through the same network, and scvi-tools.

Random backgrounds of 1,344 bp, one motif of 12 bp on the forward strand, the full-width network with random weights.
``edits`` is what ``tl.tf_activity`` does for several motifs in one call, divided by their number; the activations of the
backgrounds are computed once for all of them. ``one motif alone`` pays them by itself. ``whole sequences`` runs each
edited sequence through the same network, and the backgrounds once for as many motifs; the values must agree to 1e-4.
scvi-tools' ``get_tf_activity`` gets the same backgrounds and instances; its network differs in shape and weights, so
that only the time compares.

    python benchmarks/tf_activity.py --peer-python scvi-env/bin/python --out benchmarks/results/tf_activity.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH, WIDTH = 1344, 12
OURS, ALONE, WHOLE, PEER = "edits", "one motif alone", "whole sequences", "scvi-tools"


def timed(function: Callable[[], Any], repeats: int) -> tuple[list[float], Any]:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = function()
        seconds.append(round(time.perf_counter() - started, 4))
    return seconds, result


def ours(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Both ways of ours, whether they agree, and the library for the peer."""
    import torch

    from scbasset_tl.genome import decode
    from scbasset_tl.infer.motif_effects import Insertion
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.nn.insertion import mean_changes
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig

    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    trunk = Trunk(TrunkConfig(seq_len=LENGTH), torch.Generator().manual_seed(0)).eval()
    backgrounds = rng.integers(0, 4, (args.backgrounds, LENGTH), dtype=np.uint8)
    vectors = rng.normal(0, 0.3, (args.cells, trunk.config.n_latent)).astype(np.float32)
    insertion = Insertion(backgrounds, both_strands=False, copies=1, spacing=None, seed=0)
    pwms = [rng.dirichlet(np.full(4, 0.1), WIDTH) for _ in range(args.motifs)]
    edits = insertion.edits(pwms)
    edited = backgrounds.copy()
    start = int(edits[0].starts[0])
    edited[:, start : start + WIDTH] = edits[0].patches

    def by_edits(some: list[np.ndarray]) -> np.ndarray:
        return mean_changes(trunk, backgrounds, insertion.edits(some)).latent @ vectors.T

    for function in (lambda: by_edits(pwms[:1]), lambda: embed(trunk, edited)):  # the first call is slower
        function()
    together, activity = timed(lambda: by_edits(pwms), args.repeats)
    alone, _ = timed(lambda: by_edits(pwms[:1]), args.repeats)
    whole, with_motif = timed(lambda: embed(trunk, edited).numpy(), args.repeats)
    plain, without = timed(lambda: embed(trunk, backgrounds).numpy(), args.repeats)
    expected = (with_motif.mean(0) - without.mean(0)) @ vectors.T
    difference = float(np.abs(activity[0] - expected).max())
    assert difference < 1e-4, difference
    whole_library = {}
    if args.motif_file:
        from scbasset_tl.io import read_motifs

        motifs = read_motifs(args.motif_file)
        (total,), _ = timed(lambda: by_edits([motif.pwm for motif in motifs]), 1)
        whole_library = {"library": {"file": args.motif_file.name, "motifs": len(motifs), "seconds": total}}
        print(f"{len(motifs)} motifs of {args.motif_file.name}: {total:.0f} s")
    library = folder / "library"
    (library / "shuffled_peaks_motifs").mkdir(parents=True)
    for name, codes in (("shuffled_peaks.fasta", backgrounds), ("shuffled_peaks_motifs/motif.fasta", edited)):
        (library / name).write_text("".join(f">{row}\n{text}\n" for row, text in enumerate(decode(codes))))
    return whole_library | {
        "motifs_in_one_call": len(pwms),
        "largest_difference": difference,
        "largest_value": float(np.abs(expected).max()),
        OURS: [seconds / len(pwms) for seconds in together],
        ALONE: alone,
        WHOLE: [one + other / len(pwms) for one, other in zip(whole, plain, strict=True)],
    }


def peer(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The same of scvi-tools, in its own environment."""
    script, out = Path(__file__).parent / "peers" / "scvi_tf_activity.py", folder / "peer.json"
    numbers = {"cells": args.cells, "length": LENGTH, "threads": args.threads, "repeats": args.repeats}
    options = [text for name, value in numbers.items() for text in (f"--{name}", str(value))]
    subprocess.run([args.peer_python, script, folder / "library", out, *options], check=True)
    return json.loads(out.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the JSON file; without it only the table is printed")
    parser.add_argument("--peer-python", help="python of an environment with scvi-tools and biopython")
    parser.add_argument("--motif-file", type=Path, help="MEME file: how long all its motifs take in one call")
    parser.add_argument("--backgrounds", type=int, default=1000)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--motifs", type=int, default=16, help="motifs in one call of ours")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(args.threads)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = {"ours": ours(args, folder)}
        seconds = {name: median(result["ours"][name]) for name in (OURS, ALONE, WHOLE)}
        if args.peer_python:
            result[PEER] = peer(args, folder)
            seconds[PEER] = median(result[PEER]["seconds"])
    ratios = {name: round(value / seconds[OURS], 1) for name, value in seconds.items()}
    about = {
        "python": platform.python_version(),
        "torch": version("torch"),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        **{name: getattr(args, name) for name in ("backgrounds", "cells", "threads", "repeats")},
    }
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        record = {"machine": about, "seconds_a_motif": seconds, "ours_is_faster_by": ratios, **result}
        args.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"largest difference of the two ways of ours: {result['ours']['largest_difference']:.1e}")
    print("| way | s a motif | ours is faster by |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value:.3f} | {ratios[name]:.1f} |")


if __name__ == "__main__":
    main()
