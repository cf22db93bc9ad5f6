"""Denoised accessibility as a product of a trained model's vectors, of peaks and of sequences it never saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy import sparse

from scbasset_tl._adata.codes import fasta_codes
from scbasset_tl._adata.kinds import DENOISE
from scbasset_tl._adata.model.peak_vectors import read_vectors
from scbasset_tl._files import check_own, replacing
from scbasset_tl._log import progress
from scbasset_tl._validate import check_one_of
from scbasset_tl.genome.codes import N_CODE, encode
from scbasset_tl.stats.low_rank import LowRank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike
    from pathlib import Path

    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model
    from scbasset_tl.nn.embed import Average

DECODERS: Final = ("dna", "fitted")
_CHUNK: Final = (64, 4096)  # rows and columns of a block of the file: 1 MB, what HDF5 keeps in memory
_AGAIN: Final = "the model is damaged, run tl.scbasset again."
_FORMS: Final = f"text, a list of texts, codes 0 to {N_CODE} (n, seq_len), or names with either"


def own_peaks(
    adata: AnnData,
    model: Model,
    *,
    normalize_depth: bool,
    scale: str,
    decoder: str,
) -> LowRank:
    """Cells × the data's own peaks as a product, by the chosen decoder."""
    if check_one_of("decoder", decoder, DECODERS) == "dna":
        return low_rank(adata, model, normalize_depth=normalize_depth, scale=scale)
    from scbasset_tl._adata.model.decoder import fitted_matrix

    return fitted_matrix(adata, model, normalize_depth=normalize_depth, scale=scale)


def low_rank(
    adata: AnnData, model: Model, *, normalize_depth: bool, scale: str, peaks: np.ndarray | None = None
) -> LowRank:
    """Cells × peaks as a product; of the data's peaks, or of those with the embeddings ``peaks`` (P, K)."""
    sigmoid = check_one_of("scale", scale, ("logit", "sigmoid")) == "sigmoid"
    slots = model.entry["slots"]
    if peaks is None:
        peaks = model.require_peaks()
        _check_finite(f"varm[{slots['varm']!r}]", peaks, adata.var_names)
    elif not np.isfinite(peaks).all():
        message = f"the vectors of the peaks or sequences asked for are NaN or infinite: {_AGAIN}"
        raise ValueError(message)
    weight, bias = model.cell_embedding, np.zeros(adata.n_obs, dtype=np.float32)
    if not normalize_depth:
        weight, bias = model.raw_head(adata.obs)
    _check_finite(f"obsm[{slots['obsm']!r}]", weight, adata.obs_names)
    _check_finite(f"obs[{slots['obs']!r}]", bias, adata.obs_names)
    return LowRank(weight, peaks, bias, sigmoid)


def _check_finite(slot: str, values: np.ndarray, names: pd.Index) -> None:
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if len(bad):
        message = (
            f"{slot} is NaN or infinite in {len(bad)} of {len(names)} rows, first {str(names[bad[0]])!r}: {_AGAIN}"
        )
        raise ValueError(message)


def typed_blocks(matrix: LowRank, dtype: str) -> Iterator[tuple[slice, np.ndarray]]:
    """The blocks of the matrix in a smaller type, if it can hold them."""
    largest = np.finfo(dtype).max
    for rows, values in matrix.blocks():
        if (np.abs(values) > largest).any():
            message = f"dtype={dtype!r} holds values up to {largest:g}, the matrix has {np.abs(values).max():g}: take dtype='float32'."
            raise ValueError(message)
        yield rows, values.astype(dtype, copy=False)


def group_weights(labels: pd.Series, groups: pd.Index) -> sparse.csr_matrix:
    """Weights (groups, n) that make the mean over the cells with each label."""
    cells = [np.flatnonzero((labels == group).to_numpy(dtype=bool, na_value=False)) for group in groups]
    return averaging(np.repeat(np.arange(len(cells)), [len(row) for row in cells]), np.concatenate(cells), len(labels))


def averaging(row: np.ndarray, column: np.ndarray, n_columns: int) -> sparse.csr_matrix:
    """Weights whose product is the mean over the columns of each row, for pairs of (row, column)."""
    size = np.bincount(row)
    return sparse.csr_matrix((1 / size[row], (row, column)), shape=(len(size), n_columns))


def new_peaks(
    adata: AnnData,
    model: Model,
    *,
    regions: Any,
    sequences: Any,
    fasta: str | PathLike[str] | None,
    average: Average,
    accelerator: str,
) -> tuple[pd.Index, Callable[[], np.ndarray]]:
    """Read regions or sequences: their names, and a function that embeds them (R, K) with the network.

    Without either, the sequences are those of ``fasta``.
    """
    from scbasset_tl._adata.windows import sequence_windows, warn_blank  # torch comes with it
    from scbasset_tl.train.device import single_device

    trunk = model.trunk().to(single_device(accelerator))
    if sequences is None and regions is None and fasta is not None:
        names, codes = fasta_codes("fasta", fasta, trunk.config.seq_len)
    elif sequences is None:
        windows = sequence_windows(adata, regions, fasta=fasta, seq_len=trunk.config.seq_len)
        names, codes = windows.name, windows.codes
    else:
        names, codes = named_sequences(sequences, trunk.config.seq_len)
    warn_blank(codes, names)
    return pd.Index(names, dtype=object), lambda: read_vectors(trunk, codes, average)


def named_sequences(sequences: Any, seq_len: int) -> tuple[list[str], np.ndarray]:
    """Names and codes (n, seq_len) of what the user passed."""
    if isinstance(sequences, Mapping | pd.Series):
        sequences = by_name(sequences)
    if isinstance(sequences, np.ndarray):
        sequences = np.atleast_1d(sequences)
    if isinstance(sequences, str) or (isinstance(sequences, np.ndarray) and sequences.ndim == 1 and len(sequences)):
        sequences = [sequences] if isinstance(sequences, str) or sequences.dtype.kind in "ui" else list(sequences)
    if not isinstance(sequences, Mapping | list | tuple | np.ndarray) or not len(sequences):
        message = f"sequences must be {_FORMS}, got {type(sequences).__name__}."
        raise ValueError(message)
    named = sequences if isinstance(sequences, Mapping) else {f"sequence_{i + 1}": s for i, s in enumerate(sequences)}
    codes = {str(name): _codes(str(name), given) for name, given in named.items()}
    if wrong := {name: len(given) for name, given in codes.items() if len(given) != seq_len}:
        first = next(iter(wrong))
        message = (
            f"sequences: {len(wrong)} of {len(codes)} do not have the {seq_len} bp that the model reads, the first is "
            f"{first!r} with {wrong[first]} bp. Cut them to that length around what matters."
        )
        raise ValueError(message)
    return list(codes), np.stack(list(codes.values()))


def by_name(sequences: Mapping[Any, Any] | pd.Series) -> dict[str, Any]:
    """Sequences by their names as text, which must not repeat."""
    named = {str(name): sequence for name, sequence in sequences.items()}
    if len(named) < len(sequences):
        message = f"sequences: {len(sequences)} sequences have {len(named)} names: make the names unique as text."
        raise ValueError(message)
    return named


def _codes(name: str, given: Any) -> np.ndarray:
    """Codes of one sequence, text or codes already."""
    if isinstance(given, str):
        try:
            return encode(given)
        except (UnicodeEncodeError, ValueError) as error:
            message = f"sequences: {name!r} cannot be read. {error}"
            raise ValueError(message) from error
    codes = np.asarray(given)
    if (
        codes.ndim != 1
        or codes.dtype.kind not in "ui"
        or (codes.size and not 0 <= codes.min() <= codes.max() <= N_CODE)
    ):
        message = f"sequences must be {_FORMS}; {name!r} is an array of {codes.dtype} and shape {codes.shape}."
        raise ValueError(message)
    return codes.astype(np.uint8, copy=False)


def write_h5ad(adata: AnnData, matrix: LowRank, path: Path, dtype: str, entry: Mapping[str, Any]) -> None:
    """The whole matrix as ``X`` of a file, a block of cells at a time."""
    from anndata import AnnData
    from anndata.io import write_elem

    from scbasset_tl._hdf5 import safe_hdf5

    check_own(path, _is_denoised, "a file of tl.denoise")
    n_obs, n_vars = matrix.shape
    n_bytes = file_size(adata, dtype)
    with replacing(path, n_bytes=n_bytes) as temporary, safe_hdf5(temporary, "w") as (file, disk):
        try:
            write_elem(file, "/", AnnData(obs=adata.obs, var=adata.var, uns={DENOISE.default: dict(entry)}))
        except (TypeError, ValueError, NotImplementedError) as error:
            message = f"path= cannot hold {_unwritable(adata) or 'obs and var'} ({error}): convert it, e.g. to text, or drop it."
            raise ValueError(message) from error
        if "X" in file:
            del file["X"]
        chunks = (min(n_obs, _CHUNK[0]), min(n_vars, _CHUNK[1]))
        stored = file.create_dataset("X", matrix.shape, dtype, chunks=chunks)
        stored.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        with progress(n_obs, description="denoising", unit=" cells") as bar:
            for rows, values in typed_blocks(matrix, dtype):
                stored[rows] = values
                disk.check()
                bar.update(len(values))


def file_size(adata: AnnData, dtype: str) -> int:
    """Bytes of the file of :func:`write_h5ad`: whole chunks, and the tables of cells and peaks."""
    chunks = [-(-n // min(n, chunk)) * min(n, chunk) for n, chunk in zip(adata.shape, _CHUNK, strict=True) if n]
    tables = sum(int(table.memory_usage(deep=True).sum()) for table in (adata.obs, adata.var))
    return int(np.prod(chunks, dtype=np.int64)) * np.dtype(dtype).itemsize + tables + (1 << 20)


def _is_denoised(path: Path) -> bool:
    import h5py

    with h5py.File(path, "r") as file:
        return f"uns/{DENOISE.default}" in file and not any(
            len(file.get(field, ())) for field in ("obsm", "varm", "layers")
        )


def _unwritable(adata: AnnData) -> list[str]:
    """Columns of obs and var with values of several types, which files refuse."""
    return [
        f"{field}[{name!r}]"
        for field in ("obs", "var")
        for name, column in getattr(adata, field).items()
        if pd.api.types.infer_dtype(column.cat.categories if hasattr(column, "cat") else column).startswith("mixed")
    ]
