"""Train scvi-tools SCBASSET for one epoch and save when each optimizer step ended, and its memory.

Runs in an environment of its own (``pip install scvi-tools``); knows nothing of scbasset_tl.
Input: an ``.npz`` written by ``benchmarks/throughput.py`` or ``scaling.py`` (codes, the CSR of cells × peaks); needs the
folder above on ``PYTHONPATH``.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from importlib.metadata import version
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp
import torch
from _common import AnonymousMemory
from scvi.external import SCBASSET
from torch.optim.optimizer import register_optimizer_step_post_hook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("threads", type=int)
    parser.add_argument("batch_size", type=int)
    parser.add_argument("precision", nargs="?", default="32-true")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    problem = np.load(args.problem)
    counts = sp.csr_matrix((problem["data"], problem["indices"], problem["indptr"]), shape=problem["shape"])
    regions = ad.AnnData(X=sp.csr_matrix(counts.T), obsm={"dna_code": problem["codes"].astype(np.int64)})
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    ends: list[float] = []
    register_optimizer_step_post_hook(lambda *_: ends.append(time.perf_counter()))
    with AnonymousMemory() as memory:
        SCBASSET.setup_anndata(regions, dna_code_key="dna_code")
        SCBASSET(regions).train(
            max_epochs=1,
            train_size=1.0,
            batch_size=args.batch_size,
            early_stopping=False,
            accelerator="cpu",
            devices=1,
            precision=args.precision,
            enable_progress_bar=False,
            logger=False,
        )
    result = {
        "ends": ends,
        "rss_before_mb": before,
        "anonymous_before_mb": memory.before,
        "anonymous_above_mb": memory.above,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {name: version(name) for name in ("scvi-tools", "torch", "torchmetrics")},
    }
    args.out.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
