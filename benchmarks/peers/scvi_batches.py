"""Train scvi-tools SCBASSET with batches at one strength of its L2 penalty, and save the cells' vectors.

Runs in an environment of its own (``pip install scvi-tools==1.4.2``); knows nothing of scbasset_tl.
Input: an ``.npz`` written by ``benchmarks/compare_models.py`` (codes, the CSR of cells × peaks, batch of each cell).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp
import torch
from scvi.external import SCBASSET


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--l2", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    a = parser.parse_args()

    torch.set_num_threads(1)
    problem = np.load(a.problem)
    counts = sp.csr_matrix((problem["data"], problem["indices"], problem["indptr"]), shape=problem["shape"])
    regions = ad.AnnData(
        X=sp.csr_matrix((counts > 0).T, dtype=np.float32), obsm={"dna_code": problem["codes"].astype(np.int64)}
    )
    regions.var["batch"] = problem["batch"].astype(str)
    SCBASSET.setup_anndata(regions, dna_code_key="dna_code", batch_key="batch")
    model = SCBASSET(regions, l2_reg_cell_embedding=a.l2, n_filters_init=a.width)
    started = time.perf_counter()
    model.train(
        max_epochs=a.epochs,
        batch_size=a.batch_size,
        early_stopping=False,
        accelerator="cpu",
        devices=1,
        enable_progress_bar=False,
        logger=False,
    )
    np.savez(a.out, x=model.get_latent_representation(), epochs=a.epochs, seconds=time.perf_counter() - started)


if __name__ == "__main__":
    main()
