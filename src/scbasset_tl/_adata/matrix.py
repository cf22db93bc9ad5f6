"""From ``.X`` or a layer, in whatever form it is stored, to the binary labels that models and scores work on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from scbasset_tl._validate import check_name
from scbasset_tl.stats.labels import Labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData


def labels_from(adata: AnnData, layer: str | None = None) -> Labels:
    """The open entries (value > 0) of ``.X`` or a layer, as peaks × cells.

    Stored zeros are not open, and repeated entries of a sparse matrix count as their sum. The matrix is read in blocks
    of rows (CSR, dense) or columns (CSC), each once, and is not changed; a file-backed one is never held whole.
    Beside the input and one block this needs 8 bytes per open entry, of which 4 stay, as the result.
    """
    from scbasset_tl.stats.transpose import transpose_blocks

    matrix, slot = _find(adata, layer)
    _check_kind(adata, matrix, slot)
    by_peak = getattr(matrix, "format", None) == "csc"
    blocks = [_open(block) for block in _checked(_blocks(matrix, by_peak=by_peak), adata, slot, by_peak=by_peak)]
    if not by_peak:
        return transpose_blocks(blocks, adata.n_vars)
    indptr = np.concatenate([[0], *(lengths for lengths, _ in blocks)]).cumsum()
    return Labels(indptr, np.concatenate([cells for _, cells in blocks]), adata.n_obs)


def _find(adata: AnnData, layer: str | None) -> tuple[Any, str]:
    """The stored matrix and the name that errors give it."""
    if layer is None:
        matrix = adata.X  # taken once: a view copies its part each time
        if matrix is None:
            message = "adata.X is None: there is no accessibility matrix. Store one in .X, or name a layer with layer=."
            raise ValueError(message)
        return matrix, "adata.X"
    if check_name("layer", layer) not in adata.layers:
        names = [name for name in adata.layers if name is not None]  # from anndata 0.13 on, X is layers[None]
        message = f"no layer {layer!r}; adata.layers has {names}. Pass layer=None for adata.X."
        raise KeyError(message)
    return adata.layers[layer], f"adata.layers[{layer!r}]"


def _check_kind(adata: AnnData, matrix: Any, slot: str) -> None:
    if adata.n_obs == 0 or adata.n_vars == 0:
        message = f"{slot} has {adata.n_obs} cells and {adata.n_vars} peaks; there must be at least one of each."
        raise ValueError(message)
    if adata.n_obs > np.iinfo(np.int32).max:
        message = f"{slot} has {adata.n_obs} cells; at most {np.iinfo(np.int32).max} fit. Split the data by sample."
        raise ValueError(message)
    if np.dtype(matrix.dtype).kind not in "buif":
        message = (
            f"{slot} has dtype {matrix.dtype}; it must hold real numbers (counts, fractions or bool). "
            "Convert it, e.g. with .astype('float32')."
        )
        raise ValueError(message)


def _blocks(matrix: Any, *, by_peak: bool) -> Iterator[tuple[int, sparse.csr_matrix]]:
    """(First line, canonical CSR of some lines): lines are peaks of a CSC matrix, cells of every other."""
    from scbasset_tl.stats.transpose import BLOCK_ENTRIES, blocks_of_rows

    if hasattr(matrix, "format"):
        ranges = blocks_of_rows(matrix.indptr if sparse.issparse(matrix) else matrix.group["indptr"][:])
    else:
        n_rows, step = matrix.shape[0], max(1, BLOCK_ENTRIES // matrix.shape[1])
        ranges = [(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]
    for start, stop in ranges:
        block = matrix[:, start:stop].T if by_peak else matrix[start:stop]
        yield start, _canonical(block.compute() if hasattr(block, "compute") else block)


def _canonical(block: Any) -> sparse.csr_matrix:
    if not sparse.issparse(block):
        block = np.asarray(block)
        # scipy has no half precision
        block = sparse.csr_matrix(block.astype(np.float32) if block.dtype == np.float16 else block)
    block = block.tocsr()  # chunks of a dask array may be CSC
    if block.has_canonical_format:
        return block
    block = block.copy()  # slices of an in-memory matrix share its arrays
    block.sum_duplicates()
    return block


def _checked(
    blocks: Iterator[tuple[int, sparse.csr_matrix]], adata: AnnData, slot: str, *, by_peak: bool
) -> Iterator[sparse.csr_matrix]:
    """Hand the blocks on; at the first value that is no accessibility, count the others and raise."""
    for start, block in blocks:
        bad = _bad(block.data)
        if bad.size:
            line = start + int(np.searchsorted(block.indptr, bad[0], side="right")) - 1
            position = int(block.indices[bad[0]])
            cell, peak = (position, line) if by_peak else (line, position)
            count = bad.size + sum(_bad(later.data).size for _, later in blocks)
            message = (
                f"{slot} has {count} negative, infinite or NaN values, the first is {block.data[bad[0]]} in cell "
                f"{adata.obs_names[cell]!r}, peak {adata.var_names[peak]!r}. Accessibility must be finite and at least "
                "0: name the layer that holds the counts with layer=, or set these entries to 0."
            )
            raise ValueError(message)
        yield block


def _bad(values: np.ndarray) -> np.ndarray:
    """Positions of the values that are not finite and at least 0."""
    if values.size == 0 or (values.min() >= 0 and values.max() < np.inf):  # NaN fails the first comparison
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(~(values >= 0) | (values == np.inf))


def _open(block: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """(Open entries of each line, position of each): without a copy where nothing is left out."""
    keep = block.data > 0
    if keep.all():
        return np.diff(block.indptr), block.indices.astype(np.int32, copy=False)
    indptr = np.concatenate([[0], np.cumsum(keep)])[block.indptr]
    return np.diff(indptr), block.indices[keep].astype(np.int32, copy=False)
