"""How long ``pp.add_sequences`` takes, and what it keeps, beside scvi-tools' ``add_dna_sequence``.

Random positions of the worm genome; one thread; median of the repeats; peak memory in a process of its own. scvi-tools
runs on the first of the same peaks in its own environment, and its codes are held against ours: its windows begin one
base further left.

    python benchmarks/add_sequences.py --peer-python scvi-env/bin/python --out benchmarks/results/add_sequences.json
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

DATA = Path(os.environ.get("SCBASSET_TL_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
SEQ_LEN = 1344


def draw_peaks(fasta: Path, n_peaks: int, path: Path) -> None:
    """Regions of 500 bp far enough from the contigs' ends for scvi-tools, which fails there."""
    from scbasset_tl.genome import Fasta

    rng = np.random.default_rng(0)
    with Fasta(fasta) as genome:
        names, lengths = np.array(list(genome.lengths)), np.array(list(genome.lengths.values()))
    contig = rng.choice(len(names), n_peaks, p=lengths / lengths.sum())
    start = rng.integers(SEQ_LEN, lengths[contig] - SEQ_LEN)
    np.savez(path, chr=names[contig], start=start, end=start + 500)


def ours(fasta: Path, peaks: Path, n_peaks: int, repeats: int) -> dict[str, Any]:
    """Seconds of each repeat, bytes kept a peak, peak memory."""
    import anndata as ad
    import pyfaidx  # noqa: F401  # so that its loading is not timed
    import scipy.sparse as sp

    import scbasset_tl as sb

    table = {key: values[:n_peaks] for key, values in np.load(peaks).items()}
    seconds = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(repeats):
        adata = ad.AnnData(sp.csr_matrix((1, n_peaks), dtype=np.float32))
        for key, values in table.items():
            adata.var[key] = values
        started = time.perf_counter()
        with sb.settings.override(verbosity=0):
            sb.pp.add_sequences(adata, fasta, seq_len=SEQ_LEN)
        seconds.append(time.perf_counter() - started)
    return {
        "n_peaks": n_peaks,
        "seconds": [round(value, 3) for value in seconds],
        "ms_per_peak": round(1000 * median(seconds) / n_peaks, 4),
        "bytes_per_peak": adata.varm["dna_code"].nbytes / n_peaks,
        "rss_before_mb": round(before / 1024),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def peer(python: str, fasta: Path, peaks: Path, n_peaks: int, repeats: int) -> dict[str, Any]:
    """The same of scvi-tools, and how many of its windows are ours, one base further left."""
    from scbasset_tl.genome import Fasta

    with tempfile.TemporaryDirectory() as folder:
        few, out = Path(folder, "few.npz"), Path(folder, "out.npz")
        table = {key: values[:n_peaks] for key, values in np.load(peaks).items()}
        np.savez(few, **table)
        script = Path(__file__).parent / "peers" / "scvi_add_dna_sequence.py"
        # genomepy wants <folder>/<name>/<name>.fa
        arguments = [few, fasta.parent.parent, fasta.stem, out, "--repeats", repeats]
        subprocess.run([python, script, *map(str, arguments)], check=True)
        result = dict(np.load(out))
    with Fasta(fasta) as genome:
        codes = genome.windows(table["chr"], (table["start"] + table["end"]) // 2 - 1, SEQ_LEN)
    return {
        "n_peaks": n_peaks,
        "seconds": [round(float(value), 3) for value in result["seconds"]],
        "ms_per_peak": round(1000 * float(np.median(result["seconds"])) / n_peaks, 4),
        "bytes_per_peak": float(result["bytes_kept"]) / n_peaks,
        "rss_before_mb": round(float(result["rss_before_mb"])),
        "peak_rss_mb": round(float(result["peak_rss_mb"])),
        "windows_equal_one_base_left": int((codes == result["codes"]).all(axis=1).sum()),
    }


def in_process_of_its_own(function: Any, *arguments: Any) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def index_seconds(fasta: Path) -> float:
    """Seconds to build the index, which is done once."""
    from scbasset_tl.genome import Fasta

    started = time.perf_counter()
    Fasta(fasta).close()
    return round(time.perf_counter() - started, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--peer-python", help="python of an environment with scvi-tools and genomepy")
    parser.add_argument("--n-peaks", type=int, default=100_000)
    parser.add_argument("--n-peer", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"

    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        peaks, plain = Path(folder, "peaks.npz"), Path(folder, "ce10", "ce10.fa")
        plain.parent.mkdir()
        bgzip = Path(shutil.copy(args.data / "worm" / "ce10.fa.gz", folder))
        with gzip.open(bgzip) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target)
        results["index_seconds"] = {"plain": index_seconds(plain), "bgzip": index_seconds(bgzip)}
        draw_peaks(plain, args.n_peaks, peaks)
        for name, fasta in (("scbasset_tl, plain", plain), ("scbasset_tl, bgzip", bgzip)):
            results[name] = in_process_of_its_own(ours, fasta, peaks, args.n_peaks, args.repeats)
        if args.peer_python:
            results["scbasset_tl, plain, few"] = in_process_of_its_own(ours, plain, peaks, args.n_peer, args.repeats)
            results["scvi-tools, plain, few"] = peer(args.peer_python, plain, peaks, args.n_peer, args.repeats)

    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=1) + "\n")
    print(
        "| run | peaks | seconds | ms a peak | bytes a peak | peak RSS, MB (before the call) |\n|---|---|---|---|---|---|"
    )
    for name, row in results.items():
        if "n_peaks" in row:
            print(
                f"| {name} | {row['n_peaks']:,} | {median(row['seconds']):.2f} | {row['ms_per_peak']:.4f} "
                f"| {row['bytes_per_peak']:,.0f} | {row['peak_rss_mb']:,} ({row['rss_before_mb']:,}) |"
            )


if __name__ == "__main__":
    main()
