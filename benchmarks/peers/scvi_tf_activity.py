"""TF activity of one motif by scvi-tools' SCBASSET, untrained, several times.

Runs in an environment of its own (``pip install scvi-tools==1.4.2 biopython``); knows nothing of scbasset_tl.
Input: the folder of its motif library, written by ``benchmarks/tf_activity.py``, and how many cells there are.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp
import torch
from scvi.external import SCBASSET


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cells", type=int, required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--repeats", type=int, required=True)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    opened = sp.csr_matrix((rng.random((16, args.cells)) < 0.05).astype(np.float32))
    codes = rng.integers(0, 4, (16, args.length))
    regions = ad.AnnData(opened, obsm={"dna_code": codes})
    SCBASSET.setup_anndata(regions, dna_code_key="dna_code")
    model = SCBASSET(regions)
    model.is_trained_ = True
    model.module.eval()
    seconds = []
    for _ in range(args.repeats):
        started = time.perf_counter()
        score = model.get_tf_activity("motif", motif_dir=str(args.library))
        seconds.append(time.perf_counter() - started)
    assert score.shape == (args.cells,)
    versions = {name: version(name) for name in ("scvi-tools", "torch", "pandas")}
    args.out.write_text(json.dumps({"seconds": seconds, "versions": versions}))


if __name__ == "__main__":
    main()
