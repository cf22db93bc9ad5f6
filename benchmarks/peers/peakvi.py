"""Train scvi-tools PEAKVI and save cell vectors, probabilities of all peaks in some cells, or generated cells.

Runs in an environment of its own (``pip install scvi-tools==1.4.2``); knows nothing of scbasset_tl. Defaults of PEAKVI but
for the number of epochs. Input: an ``.npz`` written by ``benchmarks/atac_diff.py``: the CSR of cells × peaks, ``predict``
(cells whose probabilities are saved), and ``label``, ``n_per_label``: with them the label of a cell is PEAKVI's batch, and
cells of each are generated, with z from its prior ("prior") or from the posterior of real cells of the label
("posterior"), and the depth factor of those cells. Labels are not used otherwise.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp
import scvi
import torch
from scvi.model import PEAKVI

BLOCK = 128


@torch.inference_mode()
def probabilities(model, x, label, rng, *, prior: bool, mean: bool) -> torch.Tensor:
    """Probabilities of all peaks in the cells ``x``: cell factor × region factor × decoder of z."""
    module = model.module
    batch = torch.as_tensor(label[:, None])
    found = module.inference(torch.from_numpy(x.toarray()), batch, None, None)
    z = found["qz"].loc if mean else found["qz"].loc + found["qz"].scale * normal(found["qz"].loc.shape, rng)
    z = normal(z.shape, rng) if prior else z
    y = module.generative(z, z, batch)["px"]
    return y * found["d"] * torch.sigmoid(module.region_factors)


def normal(shape, rng) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def generate(model, x, label, n_per_label, rng, *, prior: bool) -> sp.csr_matrix:
    parts = []
    for code, n in enumerate(n_per_label):
        rows = rng.choice(np.flatnonzero(label == code), n)
        for block in np.array_split(rows, -(-n // BLOCK)):
            chance = probabilities(model, x[block], label[block], rng, prior=prior, mean=False).numpy()
            parts.append(sp.csr_matrix(rng.random(chance.shape, dtype=np.float32) < chance))
    return sp.vstack(parts, format="csr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()

    torch.set_num_threads(1)
    scvi.settings.seed = a.seed
    rng = np.random.default_rng(a.seed)
    problem = np.load(a.problem)
    x = sp.csr_matrix((problem["data"], problem["indices"], problem["indptr"]), shape=problem["shape"])
    x = x.astype(np.float32)
    cells = ad.AnnData(x)
    label = problem["label"] if "label" in problem else np.zeros(len(x.indptr) - 1, dtype=np.int64)
    cells.obs["label"] = [f"{code:03d}" for code in label]
    PEAKVI.setup_anndata(cells, batch_key="label" if "label" in problem else None)
    model = PEAKVI(cells)
    started = time.perf_counter()
    model.train(max_epochs=a.epochs, accelerator="cpu", devices=1, enable_progress_bar=False, logger=False)
    model.module.eval()
    out = {"seconds": time.perf_counter() - started, "epochs": model.trainer.current_epoch}
    out["x"] = model.get_latent_representation()
    if "predict" in problem:
        rows = problem["predict"]
        blocks = np.array_split(rows, -(-len(rows) // BLOCK))
        parts = [probabilities(model, x[block], label[block], rng, prior=False, mean=True) for block in blocks]
        out["predicted"] = torch.cat(parts).numpy()
    if "n_per_label" in problem:
        for name in ("prior", "posterior"):
            made = generate(model, x, label, problem["n_per_label"], rng, prior=name == "prior")
            out |= {f"{name}_indices": made.indices, f"{name}_indptr": made.indptr}
    np.savez(a.out, **out)


if __name__ == "__main__":
    main()
