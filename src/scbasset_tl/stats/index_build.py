"""One streaming transposition of a matrix to an index file, in bounded memory; a killed one goes on where it was."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._files import replacing, writing
from scbasset_tl._log import info, progress
from scbasset_tl._space import check_disk
from scbasset_tl.stats.index_file import HEADER, file_size, map_indices, pack_header, read_pointers
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.stats.transpose import collected, count, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from scbasset_tl.stats.transpose import Block, Lines

SAVE_EVERY_S = 30.0
"""Most seconds of work that a kill may cost."""
RUN, MOST_ENTRIES = 512, 1 << 26
"""Entries of a row to write in one go, on average (half a page); and most entries to hold at once, of 8 bytes each."""


def write_index(
    path: Path, lines: Lines, source: Mapping[str, Any], check: Callable[[np.ndarray, np.ndarray], None]
) -> None:
    """Build the index file ``path``, unless it exists.

    Until it is whole the file is named ``<path>.partial``, and ``<path>.progress`` tells how far it is: the next call
    with the same ``source`` goes on from there, to the same bytes. If several processes call it, one builds the file
    and the others wait.

    Parameters
    ----------
    path
        The file.
    lines
        The matrix, read twice.
    source
        What tells it from another, as JSON can hold it.
    check
        Called with the entries of each row and of each column before anything is written; raises if they will not do.
    """
    partial, saved = (path.with_name(f"{path.name}.{kind}") for kind in ("partial", "progress"))
    with _alone(path, partial) as needed:
        if not needed:
            saved.unlink(missing_ok=True)  # left by a build that was killed when all but this was done
            return
        try:
            state = _load_progress(saved, partial, source)
            if state is None:
                saved.unlink(missing_ok=True)
                row_counts, column_counts = count(_with_bar(lines, "index file: counting"))
                check(row_counts, column_counts)
                state = 0, _start(path, partial, row_counts)
            else:
                info(f"{path.name}: going on from a former call that did {state[0]} of {lines.n_lines}")
            _fill(partial, saved, lines, source, *state)
            partial.replace(path)
        except BaseException as error:
            if isinstance(error, ValueError):  # the matrix is not what it was at the start
                saved.unlink(missing_ok=True)
            if not saved.exists():
                partial.unlink(missing_ok=True)
            raise
        saved.unlink(missing_ok=True)


def _start(path: Path, partial: Path, row_counts: np.ndarray) -> np.ndarray:
    """Take all the space that the file needs and write its row pointers; returns where each row begins."""
    indptr = np.concatenate([[0], np.cumsum(row_counts)])
    os.truncate(partial, 0)  # it may hold another matrix
    size = file_size(len(row_counts), int(indptr[-1]))
    check_disk(size, path.parent, f"index_file={str(path)!r}", advice="name a file on another disk.")
    with writing("index_file", path, size), partial.open("rb+") as file:
        _reserve(file.fileno(), size)
        file.seek(HEADER)
        file.write(indptr.astype("<i8").tobytes())
    return indptr[:-1].copy()


def _reserve(file: int, size: int) -> None:
    """Really take the space: a mapped page for which the disk has no room ends the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    zeros = bytes(1 << 24)
    for start in range(0, size, len(zeros)):
        os.write(file, zeros[: size - start])


def _fill(partial: Path, saved: Path, lines: Lines, source: Mapping[str, Any], first: int, free: np.ndarray) -> None:
    """Write the entries from line ``first`` on, then the header that makes the file a whole one."""
    n_peaks = len(free)
    if not lines.as_rows:
        # blocks far apart in time would each write most pages of the file again, if memory does not hold it
        lines = collected(lines, min(RUN * n_peaks, MOST_ENTRIES))
    indptr = read_pointers(partial, n_peaks)
    mapped = map_indices(partial, n_peaks, int(indptr[-1]), writable=True)
    saved_at = -np.inf
    for done in place(_with_bar(lines, "index file: writing"), indptr, free, np.asarray(mapped), first=first):
        if time.monotonic() - saved_at >= SAVE_EVERY_S:
            _flush(mapped)
            _save_progress(saved, partial, source, done, free)
            saved_at = time.monotonic()
    _flush(mapped)
    with partial.open("rb+") as file:
        file.write(pack_header(OpenEntries(indptr, mapped, lines.n_columns), source))
        file.flush()
        os.fsync(file.fileno())


def _flush(mapped: np.ndarray) -> None:
    if isinstance(mapped, np.memmap):
        mapped.flush()


def _save_progress(saved: Path, partial: Path, source: Mapping[str, Any], done: int, free: np.ndarray) -> None:
    state = {"source": dict(source), "size": partial.stat().st_size, "done": done, "free": free.tolist()}
    with replacing(saved, name="index_file") as temporary:
        temporary.write_text(json.dumps(state))


def _load_progress(saved: Path, partial: Path, source: Mapping[str, Any]) -> tuple[int, np.ndarray] | None:
    """(Lines done, next free position of each row), if they are of this matrix."""
    try:
        state = json.loads(saved.read_text())
        if state["source"] != source or state["size"] != partial.stat().st_size:
            return None
        return state["done"], np.array(state["free"], dtype=np.int64)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _with_bar(lines: Lines, description: str) -> Lines:
    def blocks(first: int, last: int) -> Iterator[Block]:
        with progress(lines.n_lines, description=description, unit="line", initial=first) as bar:
            for block in lines.blocks(first, last):
                yield block
                bar.update(len(block[0]))

    return lines._replace(blocks=blocks)


@contextmanager
def _alone(path: Path, partial: Path) -> Iterator[bool]:
    """Hold ``partial`` against other processes; whether the file is still to be built."""
    while not path.exists():
        with writing("index_file", path):
            file = partial.open("ab")
        with file:
            try:
                _lock(file, path)
            except OSError:
                _drop_empty(file, partial)
                raise
            if path.exists():
                _drop_empty(file, partial)
            elif partial.exists() and os.path.samestat(os.fstat(file.fileno()), partial.stat()):
                yield True
                return
    yield False


def _drop_empty(file: IO[bytes], partial: Path) -> None:
    if not os.fstat(file.fileno()).st_size:  # nobody's but ours
        partial.unlink(missing_ok=True)


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows
        return
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        info(f"{path.name} is being built by another process; waiting for it")
        flock(file, LOCK_EX)
    except OSError as error:
        # two that build at once would cut off the file below each other
        message = (
            f"index_file={str(path)!r}: this file system has no locks ({os.strerror(error.errno or 0)}); name a file on a "
            "local disk."
        )
        raise OSError(error.errno, message) from error
