"""The accessibility matrix with part of its signal taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from scbasset_tl._adata.matrix import canonical, open_entries_from, slot_name, stored_matrix
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
    matrix = stored_matrix(adata, layer)
    for load in ("to_memory", "compute"):  # the first reads a file-backed matrix, the second a dask array
        matrix = getattr(matrix, load)() if hasattr(matrix, load) else matrix
    counts = canonical(matrix)
    if by == "entries":
        return _with_values(counts, counts.data * (rng.random(counts.nnz) < fraction))
    check_whole(counts.data, slot_name(layer), " Or draw open entries: by='entries'.")
    return thinned_reads(counts, fraction, rng)


def thinned_reads(counts: sparse.csr_matrix, fraction: float, rng: np.random.Generator) -> sparse.csr_matrix:
    """Counts of reads of which each stays with probability ``fraction``."""
    return _with_values(counts, thin(counts.data, fraction, rng))


def _with_values(counts: sparse.csr_matrix, values: np.ndarray) -> sparse.csr_matrix:
    """The same matrix with other values at its stored entries, of which zeros are dropped."""
    changed = sparse.csr_matrix((values, counts.indices, counts.indptr), counts.shape, copy=True)
    changed.eliminate_zeros()
    return changed


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
