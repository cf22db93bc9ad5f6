"""Open entries of peaks × cells in a file that is mapped into memory, for data that memory does not hold.

Little endian: ``MAGIC``; JSON padded to ``HEADER`` bytes (shape, entries, which matrix, checksum); int64 row pointers;
int32 cells of each peak. :mod:`scbasset_tl.stats.index_build` writes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from scbasset_tl.stats.open_entries import OpenEntries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAGIC, HEADER, VERSION = b"SBTLIDX\n", 4096, 1
_FIELDS = {"n_peaks": int, "n_cells": int, "nnz": int, "checksum": str, "source": dict}


class IndexFile(NamedTuple):
    """Open entries mapped from a file, what tells their matrix from another, and their :meth:`OpenEntries.checksum`."""

    open_entries: OpenEntries
    source: dict[str, Any]
    checksum: str


def open_index(path: Path, *, verify: bool = False) -> IndexFile:
    """Map an index file; with ``verify`` read it once, in blocks, and compare its checksum."""
    if not path.is_file():
        message = f"index_file={str(path)!r} is not there: tl.scbasset(data, index_file=...) builds it."
        raise FileNotFoundError(message)
    header = _read_header(path)
    n_peaks, nnz = header["n_peaks"], header["nnz"]
    size, whole = path.stat().st_size, file_size(n_peaks, nnz)
    if size != whole:
        _refuse(path, f"has {size} of {whole} bytes")
    indptr = read_pointers(path, n_peaks)
    if indptr[0] != 0 or indptr[-1] != nnz or (np.diff(indptr) < 0).any():
        _refuse(path, "is damaged: its row pointers do not ascend")
    entries = OpenEntries(indptr, map_indices(path, n_peaks, nnz), header["n_cells"])
    if verify and entries.checksum() != header["checksum"]:
        _refuse(path, "is damaged: its checksum is wrong")
    return IndexFile(entries, header["source"], header["checksum"])


def pack_header(entries: OpenEntries, source: Mapping[str, Any]) -> bytes:
    """The first bytes of a finished file."""
    sizes = {"n_peaks": entries.n_peaks, "n_cells": entries.n_cells, "nnz": len(entries.indices)}
    text = json.dumps({"version": VERSION, **sizes, "checksum": entries.checksum(), "source": dict(source)})
    return MAGIC + text.encode().ljust(HEADER - len(MAGIC))


def file_size(n_peaks: int, nnz: int) -> int:
    """Bytes of a whole file."""
    return HEADER + 8 * (n_peaks + 1) + 4 * nnz


def read_pointers(path: Path, n_peaks: int) -> np.ndarray:
    """The row pointers, in memory."""
    return np.fromfile(path, dtype="<i8", count=n_peaks + 1, offset=HEADER).astype(np.int64, copy=False)


def map_indices(path: Path, n_peaks: int, nnz: int, *, writable: bool = False) -> np.ndarray:
    """The cells of all peaks, mapped from the file."""
    if nnz == 0:  # nothing to map
        return np.empty(0, dtype=np.int32)
    return np.memmap(path, "<i4", "r+" if writable else "r", offset=HEADER + 8 * (n_peaks + 1), shape=(nnz,))


def _read_header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        raw = file.read(HEADER)
    if raw[: len(MAGIC)] != MAGIC:
        message = f"index_file={str(path)!r} is no index file of scbasset_tl: name another file."
        raise ValueError(message)
    try:
        header = json.loads(raw[len(MAGIC) :])
        later = header["version"] > VERSION
        readable = later or all(isinstance(header[name], kind) for name, kind in _FIELDS.items())
    except (ValueError, KeyError, TypeError):
        readable = False
    if not readable:
        _refuse(path, "is damaged: its header cannot be read")
    if later:
        message = (
            f"index_file={str(path)!r} was written by a later scbasset_tl: update the package or name another file."
        )
        raise ValueError(message)
    return header


def _refuse(path: Path, what: str) -> NoReturn:
    message = f"index_file={str(path)!r} {what}. Delete it: tl.scbasset(data, index_file=...) builds it again."
    raise ValueError(message)
