"""From ``.X`` or a layer, in whatever form it is stored, to the open entries that models and scores work on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from anndata import AnnData
from scipy import sparse

from scbasset_tl._adata.resolve import READ_PEAKS
from scbasset_tl._validate import check_name
from scbasset_tl.stats import open_entries as _open_entries
from scbasset_tl.stats.open_entries import OpenEntries, blocks_of_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scbasset_tl.stats.transpose import Lines


def open_entries_from(adata: AnnData, layer: str | None = None, *, cells: np.ndarray | None = None) -> OpenEntries:
    """The open entries (value > 0) of ``.X`` or a layer, as peaks × cells, of all cells or those at ``cells``.

    Stored zeros are not open, and repeated entries of a sparse matrix count as their sum. The matrix is read twice, in
    blocks of rows (CSR, dense) or columns (CSC), and is not changed; a file-backed one is never held whole.
    Beside the input and one block this needs 4 bytes per open entry, those of the result.
    """
    from scbasset_tl.stats.transpose import count, open_entries_of

    lines = lines_from(adata if cells is None else _part(adata, layer, cells), layer)
    return open_entries_of(lines, count(lines)[0])


def _part(adata: AnnData, layer: str | None, cells: np.ndarray) -> AnnData:
    """Some cells with this matrix alone; adata[cells] fails where adata is part of a file, or has every second peak."""
    matrix = _native(stored_matrix(adata, layer))[cells]
    tables = {"obs": adata.obs.iloc[cells][[]], "var": adata.var[[]]}
    with catch_warnings():
        simplefilter("ignore", UserWarning)  # names that repeat
        return AnnData(matrix, **tables) if layer is None else AnnData(**tables, layers={layer: matrix})


def open_peaks(adata: AnnData, layer: str | None) -> sparse.csr_matrix:
    """Open entries (value > 0) as bool CSR, indices ascending."""
    from scbasset_tl.stats.transpose import transpose

    return transpose(open_entries_from(adata, layer)).csr()


def lines_from(adata: AnnData, layer: str | None = None) -> Lines:
    """The same entries, read and checked later: peaks of each cell, or cells of each peak of a CSC matrix."""
    from scbasset_tl.stats.transpose import Lines

    stored = _stored(adata, layer)

    def blocks(first: int, last: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from map(_open, stored.blocks(first, last))

    return Lines(blocks, stored.n_lines, stored.n_across, as_rows=stored.by_peak, pointers=stored.pointers)


def counts_from(adata: AnnData, layer: str | None = None) -> sparse.csr_matrix:
    """The same entries with their values, as cells × peaks in float32, not to be changed: where they are so, as they are."""
    stored = _stored(adata, layer)
    matrix = stored.matrix
    is_csr = isinstance(matrix, sparse.csr_matrix) and matrix.dtype == np.float32 and matrix.has_canonical_format
    if is_csr and all(block.data.all() for block in stored.blocks(0, stored.n_lines)):
        return sparse.csr_matrix(matrix)  # of the same memory, and no part of a view any more
    parts = []
    for block in stored.blocks(0, stored.n_lines):
        parts.append(block.astype(np.float32))  # a copy, which may be changed
        parts[-1].eliminate_zeros()
    whole = sparse.vstack(parts, format="csr")
    return whole.T.tocsr() if stored.by_peak else whole


class _Stored(NamedTuple):
    """A matrix as it is stored: lines are peaks of a CSC matrix, cells of every other."""

    matrix: Any
    blocks: Callable[[int, int], Iterator[sparse.csr_matrix]]  # checked blocks of the lines from a first to a last
    n_lines: int
    n_across: int
    by_peak: bool
    pointers: np.ndarray | None


def _stored(adata: AnnData, layer: str | None) -> _Stored:
    matrix, slot = _native(stored_matrix(adata, layer)), slot_name(layer)
    _check_kind(adata, matrix, slot)
    by_peak = getattr(matrix, "format", None) == "csc"
    pointers = None
    if hasattr(matrix, "format"):
        pointers = matrix.indptr if sparse.issparse(matrix) else matrix.group["indptr"][:]
    n_lines, n_across = (adata.n_vars, adata.n_obs) if by_peak else (adata.n_obs, adata.n_vars)

    def blocks(first: int, last: int) -> Iterator[sparse.csr_matrix]:
        ranges = _ranges(pointers, n_across, first, last)
        yield from _checked(_blocks(matrix, ranges, by_peak=by_peak), adata, slot, by_peak=by_peak)

    return _Stored(matrix, blocks, n_lines, n_across, by_peak, pointers)


def slot_name(layer: str | None) -> str:
    """The name that errors give a matrix."""
    return "adata.X" if layer is None else f"adata.layers[{layer!r}]"


def stored_matrix(adata: AnnData, layer: str | None) -> Any:
    """``.X`` or the layer, in whatever form it is."""
    if layer is None:
        matrix = adata.X  # taken once: a view copies its part each time
        if matrix is None:
            message = "adata.X is None: there is no accessibility matrix. Store one in .X, or name a layer with layer=."
            raise ValueError(message)
        return matrix
    check_layer(adata, layer)
    return adata.layers[layer]


def _native(matrix: Any) -> Any:
    """The same matrix, in a type that scipy has if it is sparse: not of half precision nor in a foreign byte order."""
    if not sparse.issparse(matrix) or matrix.dtype == _native_type(matrix.dtype):
        return matrix
    values = matrix.data.astype(_native_type(matrix.dtype))
    return type(matrix)((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def _native_type(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.float32) if dtype.itemsize == 2 and dtype.kind == "f" else dtype.newbyteorder("=")


def check_layer(adata: AnnData, layer: str) -> None:
    """Refuse a layer that is not there, with what helps where ``.raw`` is meant."""
    if check_name("layer", layer) in adata.layers:
        return
    names = [name for name in adata.layers if name is not None]  # from anndata 0.13 on, X is layers[None]
    fix = "Pass layer=None for adata.X."
    if layer == "raw" and adata.raw is not None:
        same = adata.var_names.isin(adata.raw.var_names).all()
        way = "adata.layers['raw'] = adata.raw[:, adata.var_names].X" if same else "adata = adata.raw.to_adata()"
        fix = f"adata.raw is no layer: {way}."
    message = f"no layer {layer!r}; adata.layers has {names}. {fix}"
    raise KeyError(message)


def _check_kind(adata: AnnData, matrix: Any, slot: str) -> None:
    if adata.n_obs == 0 or adata.n_vars == 0:
        message = f"{slot} has {adata.n_obs} cells and {adata.n_vars} peaks; there must be at least one of each."
        if adata.n_vars == 0:
            message += f" {READ_PEAKS}."
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


def check_informative(adata: AnnData, cell_counts: np.ndarray, slot: str) -> None:
    """Refuse cells without an open peak, and a matrix without any that is closed."""
    empty = np.flatnonzero(cell_counts == 0)
    if len(empty):
        message = (
            f"{slot} has {len(empty)} cell{'s' * (len(empty) > 1)} without an open peak, first {list(adata.obs_names[empty[:3]])}: nothing can "
            "be learned about them. Remove them, e.g. scanpy.pp.filter_cells(adata, min_genes=1)."
        )
        raise ValueError(message)
    if cell_counts.sum() == adata.n_obs * adata.n_vars:
        message = (
            f"{slot} has no value that is 0, so that every peak would be open in every cell. It seems to be scaled, "
            "smoothed or imputed: name the layer that holds the counts with layer=."
        )
        raise ValueError(message)


def _ranges(pointers: np.ndarray | None, n_across: int, first: int, last: int) -> list[tuple[int, int]]:
    """Cut these lines into blocks that memory holds."""
    if pointers is None:
        step = max(1, _open_entries.BLOCK_ENTRIES // n_across)
        return [(start, min(start + step, last)) for start in range(first, last, step)]
    inside = pointers[first : last + 1]
    return [(first + a, first + b) for a, b in blocks_of_rows(inside - inside[0])]


def _blocks(matrix: Any, ranges: list[tuple[int, int]], *, by_peak: bool) -> Iterator[tuple[int, sparse.csr_matrix]]:
    """(First line, canonical CSR of some lines): lines are peaks of a CSC matrix, cells of every other."""
    for start, stop in ranges:
        block = matrix[:, start:stop].T if by_peak else matrix[start:stop]
        yield start, canonical(block.compute() if hasattr(block, "compute") else block)


def canonical(block: Any) -> sparse.csr_matrix:
    """A matrix in memory as CSR with indices that ascend and do not repeat, of a type that scipy has."""
    if not sparse.issparse(block):
        block = np.asarray(block)
        block = sparse.csr_matrix(block.astype(_native_type(block.dtype), copy=False))
    block = _native(block).tocsr()  # chunks of a dask array may be CSC
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
        return np.diff(block.indptr).astype(np.int64, copy=False), block.indices.astype(np.int32, copy=False)
    indptr = np.concatenate([[0], np.cumsum(keep)])[block.indptr]
    return np.diff(indptr), block.indices[keep].astype(np.int32, copy=False)
