"""From rows of cells to rows of peaks, for matrices of which only the indices are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scbasset_tl._kernel import kernel
from scbasset_tl.stats.open_entries import OpenEntries, blocks_of_rows
from scbasset_tl.stats.tiles import add_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Block = tuple[np.ndarray, np.ndarray]  # (entries of each line, position of each entry), int64 and int32


class Lines(NamedTuple):
    """The open entries of a matrix that is read line by line, as often as need be, and never held.

    ``blocks(first, last)`` gives these lines in blocks that stand one below the other; a position occurs once in a
    line, and ascending if ``as_rows``.
    """

    blocks: Callable[[int, int], Iterator[Block]]
    n_lines: int
    n_across: int
    as_rows: bool  # lines are the rows (peaks) of the result; otherwise its columns
    pointers: np.ndarray | None = None  # where each line of a sparse matrix begins among its stored entries

    @property
    def n_columns(self) -> int:
        """Columns (cells) of the result."""
        return self.n_across if self.as_rows else self.n_lines


def count(lines: Lines) -> tuple[np.ndarray, np.ndarray]:
    """Count the open entries of each row and of each column of the result, int64."""
    along, across = [np.empty(0, dtype=np.int64)], np.zeros(lines.n_across, dtype=np.int64)
    for lengths, positions in lines.blocks(0, lines.n_lines):
        along.append(lengths)
        _add_counts_of(positions, across)
    return (np.concatenate(along), across) if lines.as_rows else (across, np.concatenate(along))


def place(lines: Lines, indptr: np.ndarray, free: np.ndarray, indices: np.ndarray, *, first: int = 0) -> Iterator[int]:
    """Write the entries of the lines from ``first`` on to ``indices``; yields the lines done after each block.

    ``free`` is the position of each row's next entry, at the start ``indptr[:-1]``, and moves on. With a copy of it
    and the number of lines done a block can be written again. The entries of each row in a block are written together.
    """
    done = first
    for lengths, positions in lines.blocks(first, lines.n_lines):
        last = done + len(lengths)
        rows, more = slice(done, last), lengths
        if not lines.as_rows:
            rows, more = slice(None), np.zeros(lines.n_across, dtype=np.int64)
            _add_counts_of(positions, more)
        if (free[rows] + more > indptr[1:][rows]).any():
            raise_changed()
        if lines.as_rows:
            indices[free[done] : free[done] + len(positions)] = positions
        else:
            _copy_rows(_sorted(lengths, positions, done, more), more, free, indices)
        free[rows] += more
        done = last
        yield done
    if (free != indptr[1:]).any():
        raise_changed()


def raise_changed() -> None:
    """The matrix is in a file that somebody writes to."""
    message = "the matrix changed while it was read: repeat the call when nothing writes to it."
    raise ValueError(message)


def open_entries_of(lines: Lines, row_counts: np.ndarray) -> OpenEntries:
    """Collect the open entries in memory: beside a block of the matrix this takes 4 bytes per entry, those of the result."""
    indptr = np.concatenate([[0], np.cumsum(row_counts)])
    indices = np.empty(indptr[-1], dtype=np.int32)
    for _ in place(lines, indptr, indptr[:-1].copy(), indices):
        pass
    return OpenEntries(indptr, indices, lines.n_columns)


def transpose(entries: OpenEntries) -> OpenEntries:
    """Cells × peaks instead of peaks × cells: row c lists the peaks open in cell c, ascending."""
    lengths, indptr = entries.peak_counts(), entries.indptr

    def blocks(first: int, last: int) -> Iterator[Block]:
        for a, b in blocks_of_rows(indptr[first : last + 1]):
            yield lengths[first + a : first + b], entries.indices[indptr[first + a] : indptr[first + b]]

    lines = Lines(blocks, entries.n_peaks, entries.n_cells, as_rows=False)
    return open_entries_of(lines, count(lines)[0])


def collected(lines: Lines, n_entries: int) -> Lines:
    """The same lines in blocks of at least ``n_entries``, as far as there are so many."""

    def blocks(first: int, last: int) -> Iterator[Block]:
        parts: list[Block] = []
        for block in lines.blocks(first, last):
            parts.append(block)
            if sum(len(positions) for _, positions in parts) >= n_entries:
                yield _joined(parts)
        if parts:
            yield _joined(parts)

    return lines._replace(blocks=blocks)


def _joined(parts: list[Block]) -> Block:
    """The blocks as one; they are let go."""
    lengths, positions = map(np.concatenate, zip(*parts, strict=True))
    parts.clear()
    return lengths, positions


def _add_counts_of(positions: np.ndarray, counts: np.ndarray) -> None:
    add_counts(positions, np.array([[0], [len(positions)]]), counts)


@kernel()
def _sorted(lengths: np.ndarray, rows: np.ndarray, first: int, counts: np.ndarray) -> np.ndarray:
    """The line of each entry, row after row; lines come in order, so that they ascend in every row."""
    free = np.cumsum(counts) - counts
    lines = np.empty(len(rows), dtype=np.int32)
    entry = 0
    for i in range(len(lengths)):
        for _ in range(lengths[i]):
            row = rows[entry]
            lines[free[row]] = first + i
            free[row] += 1
            entry += 1
    return lines


@kernel()
def _copy_rows(lines: np.ndarray, counts: np.ndarray, free: np.ndarray, indices: np.ndarray) -> None:
    """Append each row's part of ``lines`` to what it has in ``indices``."""
    entry = 0
    for row in range(len(counts)):
        for place in range(free[row], free[row] + counts[row]):
            indices[place] = lines[entry]
            entry += 1
