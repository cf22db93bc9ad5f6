"""The open entries of an AnnData through an index file: built once, then only opened."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._files import check_target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scbasset_tl.stats.index_file import IndexFile
    from scbasset_tl.stats.transpose import Lines

N_SAMPLES, SAMPLE_ENTRIES = 32, 1 << 16
"""Places of the present matrix, and entries in each, that are compared with the file."""

_DIFFERENCES = {
    "shape": "{} cells × peaks there, {} here",
    "form": "{} there, {} here",
    "stored": "{} stored entries there, {} here",
    "indptr": "another indptr",
    "sample": "other open entries",
}


def indexed_entries(
    lines: Lines, path: Path, check: Callable[[np.ndarray, np.ndarray], None], *, slot: str, verify: bool = True
) -> IndexFile:
    """The open entries of the matrix in ``slot``, read as ``lines``, mapped from the index file ``path``.

    If there is none it is built in bounded memory: the matrix is read twice, and ``check`` is called with the open
    entries of each peak and each cell before anything is written. If there is one it must be of this matrix: of the
    same shape and layout, with as many stored entries in each cell (or peak, of a CSC matrix), and the same open ones
    in ``N_SAMPLES`` places spread over it. A change elsewhere that keeps the number of stored entries is not seen.
    With ``verify`` its checksum is compared too, for which all of it is read.
    """
    from scbasset_tl.stats.index_build import write_index
    from scbasset_tl.stats.index_file import open_index

    check_target("index_file", path)
    source = _identity(lines)
    existed = path.exists()
    write_index(path, lines, source, check)  # or wait for another process, which may have another matrix
    verify = verify and existed
    index = open_index(path)
    # the number of cells is in none of the checks of the file itself
    shape = f"{index.open_entries.n_cells} × {index.open_entries.n_peaks}"
    _check_same(path, slot, index.source | {"shape": shape}, source)
    return open_index(path, verify=True) if verify else index


def _identity(lines: Lines) -> dict[str, Any]:
    """What tells this matrix from another."""
    n_peaks = lines.n_lines if lines.as_rows else lines.n_across
    identity = {"shape": f"{lines.n_columns} × {n_peaks}", "form": "dense", "sample": _digest(*_sample(lines))}
    if lines.pointers is None:
        return identity
    stored = {"stored": int(lines.pointers[-1]), "indptr": _digest(lines.pointers.astype("<i8", copy=False))}
    return {**identity, "form": "CSC" if lines.as_rows else "CSR", **stored}


def _sample(lines: Lines) -> list[np.ndarray]:
    """The open entries of some lines in evenly spread places, the first and the last among them."""
    n_entries = lines.n_lines * lines.n_across if lines.pointers is None else int(lines.pointers[-1])
    n_taken = max(1, SAMPLE_ENTRIES * lines.n_lines // max(1, n_entries))
    firsts = np.unique(np.linspace(0, max(0, lines.n_lines - n_taken), N_SAMPLES).astype(int)).tolist()
    lasts = [min(first + n_taken, lines.n_lines) for first in firsts]
    return [part for places in zip(firsts, lasts, strict=True) for block in lines.blocks(*places) for part in block]


def _digest(*parts: np.ndarray) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _check_same(path: Path, slot: str, stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, words in _DIFFERENCES.items():
        if stored.get(name) != wanted.get(name):
            message = (
                f"index_file={str(path)!r} is of another matrix than {slot}: "
                f"{words.format(stored.get(name), wanted.get(name))}. Delete it, or name another file: the same call "
                "then builds that of this matrix."
            )
            raise ValueError(message)
