"""SnapATAC2's spectral embedding of cells × peaks, with its defaults: writes the vectors and the seconds as ``.npz``.

Runs in an environment of its own (``pip install snapatac2``); knows nothing of scbasset_tl.

    snap-env/bin/python benchmarks/peers/snapatac2_embedding.py IN.h5ad OUT.npz
"""

from __future__ import annotations

import sys
import time

import anndata as ad
import numpy as np
import snapatac2 as snap
from scipy import sparse


def main() -> None:
    source, out = sys.argv[1:]
    adata = ad.read_h5ad(source)
    adata.X = sparse.csr_matrix(adata.X)
    start = time.perf_counter()
    snap.pp.select_features(adata, n_features=adata.n_vars)
    snap.tl.spectral(adata, n_comps=30)
    np.savez(out, vectors=adata.obsm["X_spectral"], seconds=time.perf_counter() - start, version=snap.__version__)


if __name__ == "__main__":
    main()
