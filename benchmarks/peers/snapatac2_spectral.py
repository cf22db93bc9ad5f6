"""Spectral embedding of cells by SnapATAC2, as its tutorials call it. Knows nothing of scbasset_tl.

Runs in an environment of its own (``pip install "snapatac2>=2.9"``). Input: an ``.npz`` with the CSR of cells × peaks, written
by ``benchmarks/scembed.py snapatac2``.

    python snapatac2_spectral.py cells.npz out.npz --seed 0
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version

import anndata as ad
import numpy as np
import scipy.sparse as sp
import snapatac2 as snap

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("cells")
parser.add_argument("out")
parser.add_argument("--seed", type=int, default=0)
arguments = parser.parse_args()

saved = np.load(arguments.cells)
opened = np.ones(len(saved["indices"]), dtype=np.float64)
adata = ad.AnnData(sp.csr_matrix((opened, saved["indices"], saved["indptr"]), shape=tuple(saved["shape"])))
wall, cpu = time.perf_counter(), time.process_time()
_, vectors = snap.tl.spectral(adata, n_comps=30, features=None, random_state=arguments.seed, inplace=False)
took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
np.savez(arguments.out, vectors=vectors, took=json.dumps(took), version=version("snapatac2"))
