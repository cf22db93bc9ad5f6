"""The accessibility matrix with part of its signal taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from scbasset_tl._adata.matrix import open_entries_from
from scbasset_tl.stats.perturb import redraw, thin

if TYPE_CHECKING:
    from anndata import AnnData


def check_not_source(name: str, layer: str | None) -> None:
    """Refuse a result in the place of what it is made from."""
    if name == layer:
        message = f"layers[{name!r}] would be replaced by what is drawn from it: choose another key_added."
        raise ValueError(message)


def downsampled(
    adata: AnnData, layer: str | None, fraction: float, by: str, rng: np.random.Generator
) -> sparse.csr_matrix:
    """The counts (CSR, cells × peaks) with ``fraction`` of the reads or of the open entries left, drawn one by one."""
    open_entries_from(adata, layer)  # the checks of everything that is read as accessibility
    matrix, slot = (adata.X, "adata.X") if layer is None else (adata.layers[layer], f"adata.layers[{layer!r}]")
    for load in ("to_memory", "compute"):  # the first reads a file-backed matrix, the second a dask array
        matrix = getattr(matrix, load)() if hasattr(matrix, load) else matrix
    if not sparse.issparse(matrix):
        half = matrix.dtype == np.float16  # which scipy does not have
        matrix = np.asarray(matrix, dtype=np.float32 if half else None)
    counts = sparse.csr_matrix(matrix)
    if not counts.has_canonical_format:  # entries that repeat are one count
        counts = counts.copy()
        counts.sum_duplicates()
    if by == "reads":
        check_whole(counts.data, slot, " Or draw open entries: by='entries'.")
    left = thin(counts.data, fraction, rng) if by == "reads" else counts.data * (rng.random(counts.nnz) < fraction)
    thinned = sparse.csr_matrix((left, counts.indices, counts.indptr), counts.shape, copy=True)
    thinned.eliminate_zeros()
    return thinned


def check_whole(values: np.ndarray, slot: str, instead: str = "") -> None:
    """Refuse values that are no counts of reads; ``instead`` is what else the user may do."""
    if len(values) and values.max() >= 2**53:
        message = (
            f"{slot} has values up to {values.max():g}: no counts of reads. Name the layer that holds them with layer=."
        )
        raise ValueError(message)
    fractional = values != np.floor(values)
    if fractional.any():
        message = (
            f"{slot} has {int(fractional.sum())} values that are no whole numbers, e.g. {values[fractional][0]:g}: "
            f"only counts of reads can be down-sampled. Name the layer that holds them with layer=.{instead}"
        )
        raise ValueError(message)


def shuffled(adata: AnnData, layer: str | None, by: str, rng: np.random.Generator) -> sparse.csr_matrix:
    """Binary accessibility (CSR float32, cells × peaks): each cell's open peaks drawn anew, or whole peaks exchanged."""
    open_entries = open_entries_from(adata, layer)
    if by == "cell":
        indptr, indices = redraw(open_entries.cell_counts(), open_entries.n_peaks, rng)
        return sparse.csr_matrix((np.ones(len(indices), np.float32), indices, indptr), adata.shape)
    indptr, cells, _ = open_entries.rows(rng.permutation(open_entries.n_peaks))
    return sparse.csc_matrix((np.ones(len(cells), np.float32), cells, indptr), adata.shape).tocsr()
