"""Add sequences with scvi-tools and save what it took.

Runs in an environment of its own (``pip install scvi-tools==1.4.2 genomepy``); knows nothing of scbasset_tl.
Input: an ``.npz`` with chr, start, end, written by ``benchmarks/add_sequences.py``, and a genomepy folder.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp
from scvi.data import add_dna_sequence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peaks", type=Path)
    parser.add_argument("genome_dir", type=Path)
    parser.add_argument("genome_name")
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()

    peaks = np.load(args.peaks)
    seconds = []
    for _ in range(args.repeats):
        adata = ad.AnnData(sp.csr_matrix((1, len(peaks["start"])), dtype=np.float32))
        for key in ("chr", "start", "end"):
            adata.var[key] = peaks[key]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        add_dna_sequence(adata, genome_name=args.genome_name, genome_dir=args.genome_dir, install_genome=False)
        seconds.append(time.perf_counter() - started)
    np.savez(
        args.out,
        codes=adata.varm["dna_code"].to_numpy(),
        seconds=seconds,
        # letters are shared objects: a pointer each is what a peak adds
        bytes_kept=sum(adata.varm[key].memory_usage(index=False).sum() for key in adata.varm),
        rss_before_mb=before / 1024,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


if __name__ == "__main__":
    main()
