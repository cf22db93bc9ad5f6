"""Train scvi-tools SCBASSET on a prepared problem and save what it predicts after every epoch.

Runs in an environment of its own (``pip install scvi-tools==1.4.2``); knows nothing of scbasset_tl.
Input: an ``.npz`` written by ``benchmarks/worm_quality.py`` (codes, the CSR of cells × peaks, train/val/test peaks).
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp
import torch
from lightning.pytorch.callbacks import Callback
from scvi.external import SCBASSET


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


class Recorder(Callback):
    """After each epoch: seconds so far, cell vectors and biases, embeddings of the held-out peaks."""

    def __init__(self, out: Path, codes: torch.Tensor, threads: int) -> None:
        self.out, self.codes, self.threads = out, codes, threads
        self.training, self.epochs = 0.0, []

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        self.epochs.append(time.perf_counter() - self.started)
        module = pl_module.module
        module.eval()
        with torch.inference_mode():
            parts = [module.inference(part)["region_embedding"] for part in self.codes.split(128)]
        module.train()
        np.savez(
            self.out,
            peak_embedding=torch.cat(parts).numpy(),
            cell_embedding=module.cell_embedding.detach().numpy().T,
            cell_bias=module.cell_bias.detach().numpy(),
            seconds=np.array(self.epochs),
            peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            threads=self.threads,
        )
        print(json.dumps({"epoch": len(self.epochs), "seconds": self.epochs[-1]}), flush=True)


def main() -> None:
    args = _parse()
    torch.set_num_threads(args.threads)
    problem = np.load(args.problem)
    # its windows cannot hold N: a padded base becomes A
    codes = np.where(problem["codes"] > 3, 0, problem["codes"]).astype(np.int64)
    counts = sp.csr_matrix((problem["data"], problem["indices"], problem["indptr"]), shape=problem["shape"])
    regions = ad.AnnData(X=sp.csr_matrix((counts > 0).T, dtype=np.float32), obsm={"dna_code": codes})
    SCBASSET.setup_anndata(regions, dna_code_key="dna_code")
    model = SCBASSET(regions)
    recorder = Recorder(args.out, torch.from_numpy(codes[problem["test"]]), args.threads)
    model.train(
        max_epochs=args.epochs,
        early_stopping=False,
        accelerator="cpu",
        devices=1,
        datasplitter_kwargs={"external_indexing": [problem["train"], problem["val"], problem["test"]]},
        callbacks=[recorder],
        enable_progress_bar=False,
        logger=False,
    )


if __name__ == "__main__":
    main()
