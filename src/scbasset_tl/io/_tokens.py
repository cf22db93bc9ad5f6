"""Tokenized cells as Parquet files, one list of region numbers a cell."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path, check_own, replacing
from scbasset_tl._reading import reading
from scbasset_tl.io._parquet_footer import check_footer

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from mudata import MuData
    from scipy import sparse

_COLUMN: Final = "tokens"
_CHECKSUM: Final = "scbasset_tl checksum"


@doc_params
def write_tokens(
    data: AnnData | MuData, path: str | PathLike[str], *, tokens_key: str | None = None, mod: str = "atac"
) -> None:
    """Write each cell's regions as a Parquet file with an int32-list column ``tokens``, as geniml does.

    Needs pyarrow, the extra ``tokens``.

    Parameters
    ----------
    {data}
    path
        File to write; an existing one is replaced in one step.
    tokens_key
        Entry of ``.uns`` by :func:`scbasset_tl.pp.tokenize_regions`; ``None`` is ``'tokens'`` if it is there, else the
        data's own peaks.
    {mod}

    Raises
    ------
    ImportError
        Without pyarrow.
    KeyError
        If there are no such tokens.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.io.write_tokens(adata, "tokens.parquet")
    """
    import numpy as np

    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.scembed.tokens import read_tokens

    pyarrow, parquet = _pyarrow()
    tokens = read_tokens(resolve(data, mod), tokens_key).open
    column = pyarrow.LargeListArray.from_arrays(
        pyarrow.array(tokens.indptr.astype(np.int64)), pyarrow.array(tokens.indices.astype(np.int32))
    )
    path = as_path("path", path)
    check_own(path, _has_tokens, "a Parquet file of tokens")
    table = pyarrow.table({_COLUMN: column}).replace_schema_metadata(
        {_CHECKSUM: _digest(tokens.indptr, tokens.indices)}
    )
    with replacing(path, n_bytes=column.nbytes) as temporary:
        parquet.write_table(table, temporary, write_page_checksum=True)


def read_tokens(path: str | PathLike[str], *, n_regions: int) -> sparse.csr_matrix:
    """Read tokens that :func:`scbasset_tl.io.write_tokens` or geniml wrote.

    Needs pyarrow, the extra ``tokens``.

    Parameters
    ----------
    path
        Parquet file with a column ``tokens`` of lists of whole numbers.
    n_regions
        Regions of the universe that they number. geniml's special tokens, from this number on, are left out.

    Returns
    -------
    Bool CSR (n_cells, n_regions), to be stored in ``.obsm``; a region that a cell lists twice counts once.

    Raises
    ------
    ImportError
        Without pyarrow.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or has no such column.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.io.write_tokens(adata, "tokens.parquet")
    >>> sb.io.read_tokens("tokens.parquet", n_regions=200).shape
    (60, 200)
    """
    import numpy as np
    from scipy import sparse

    from scbasset_tl._validate import check_positive_int

    path, n_regions = as_path("path", path), check_positive_int("n_regions", n_regions)
    lists, stored = _read_column(path)
    indptr = lists.offsets.to_numpy().astype(np.int64)
    indices = lists.values.to_numpy(zero_copy_only=False)[indptr[0] : indptr[-1]]
    if indices.dtype.kind not in "iu" or (len(indices) and indices.min() < 0):
        message = f"path={str(path)!r}: the column {_COLUMN!r} must hold lists of whole numbers from 0."
        raise ValueError(message)
    if stored not in (None, _digest(indptr - indptr[0], indices).encode()):  # earlier versions and geniml wrote none
        message = (
            f"path={str(path)!r} is damaged: the checksum of its tokens is wrong. Write it again with io.write_tokens."
        )
        raise ValueError(message)
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    kept = indices < n_regions
    ones = np.ones(int(kept.sum()), dtype=bool)
    return sparse.csr_matrix((ones, (rows[kept], indices[kept])), shape=(len(indptr) - 1, n_regions))


def _has_tokens(path: Path) -> bool:
    check_footer(path)
    return _COLUMN in _pyarrow()[1].read_schema(path).names


def _digest(indptr: np.ndarray, indices: np.ndarray) -> str:
    digest = blake2b(digest_size=16)
    for part, kind in ((indptr, "<i8"), (indices, "<i4")):
        digest.update(part.astype(kind).data)
    return digest.hexdigest()


def _read_column(path: Path) -> tuple[Any, bytes | None]:
    """The lists, and the checksum that was written with them."""
    _, parquet = _pyarrow()
    if not path.is_file():
        message = f"path={str(path)!r}: there is no such file."
        raise FileNotFoundError(message)
    with reading(path, f"Parquet file with a column {_COLUMN!r}", advice="Write it again with io.write_tokens."):
        check_footer(path)
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(columns=[_COLUMN])
        column = table.column(_COLUMN).combine_chunks()
    if not hasattr(column, "offsets"):
        message = f"path={str(path)!r}: the column {_COLUMN!r} must hold lists of whole numbers, it has {column.type}."
        raise ValueError(message)
    return column, (table.schema.metadata or {}).get(_CHECKSUM.encode())


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        message = "Parquet files need pyarrow: pip install pyarrow."
        raise ImportError(message) from error
    return pyarrow, parquet
