"""Exact areas under the ROC and the precision–recall curve against the open entries of a matrix."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np

from scbasset_tl._kernel import kernel
from scbasset_tl.stats.transpose import transpose

if TYPE_CHECKING:
    from scbasset_tl.stats.open_entries import OpenEntries

BLOCK_SCORES = 1 << 24
"""Scores held in memory at a time; each is held twice, once sorted."""


class Areas(NamedTuple):
    """Areas of many rows, float64 (R,); NaN for rows with positives only or none."""

    roc: np.ndarray  # the Mann-Whitney statistic, ties counted half
    pr: np.ndarray  # average precision: the mean over the positives of the precision at their score


def areas_per_row(scores: np.ndarray, entries: OpenEntries) -> Areas:
    """Both areas of each row of ``scores`` (R, C) against the same row of ``entries``, on as many threads as numba is allowed."""
    scores = np.asarray(scores)
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    if scores.shape != (entries.n_peaks, entries.n_cells):
        message = (
            f"scores have shape {scores.shape}, open entries {(entries.n_peaks, entries.n_cells)}; they must agree."
        )
        raise ValueError(message)
    roc, pr = np.full((2, len(scores)), np.nan)
    # numba.get_num_threads() would start numba's OpenMP pool, which then sets the number of threads of torch too
    n_workers = min(numba.config.NUMBA_NUM_THREADS, len(scores))  # type: ignore[attr-defined]
    if scores.size == 0:
        return Areas(roc, pr)
    cuts = np.linspace(0, len(scores), n_workers + 1).astype(int)

    def work(start: int, stop: int) -> None:
        # numpy sorts with vector instructions, several times faster than any sort compiled by numba
        ordered = np.sort(scores[start:stop], axis=1)
        _check_finite(ordered, start)
        rows = slice(start, stop)
        _areas(scores[rows], ordered, entries.indptr[start : stop + 1], entries.indices, roc[rows], pr[rows])

    with ThreadPoolExecutor(n_workers) as pool:
        list(pool.map(work, cuts[:-1], cuts[1:]))  # the list raises what a thread raised
    return Areas(roc, pr)


def areas_per_column(scores: np.ndarray, entries: OpenEntries) -> Areas:
    """Both areas of each column of ``scores`` (P, C) against the same column of ``entries``."""
    by_column = transpose(entries)
    step = _rows_per_block(entries.n_peaks)
    areas = np.empty((2, entries.n_cells))
    for start in range(0, entries.n_cells, step):
        block = np.ascontiguousarray(scores[:, start : start + step].T)
        areas[:, start : start + step] = areas_per_row(block, by_column.span(start, start + step))
    return Areas(*areas)


def held_out_areas(
    peak_embedding: np.ndarray,
    cell_embedding: np.ndarray,
    cell_bias: np.ndarray,
    entries: OpenEntries,
    *,
    block: int | None = None,
) -> tuple[Areas, Areas]:
    """Areas of the logits ``peak_embedding @ cell_embedding.T + cell_bias``: per cell (n,) and per peak (P,).

    The P × n logits are never held at once: ``block`` cells (then peaks) are scored at a time, by default as many as make
    ``BLOCK_SCORES`` logits. Beside the input this takes 8 bytes for each of these and 4 bytes per open entry.
    """
    peaks, cells = (np.asarray(x, dtype=np.float32) for x in (peak_embedding, cell_embedding))
    bias = np.asarray(cell_bias, dtype=np.float32)
    # a cell's own bias is the same for all its peaks: it moves no rank and would only cost digits
    per_cell = _areas_of_products(cells, peaks, np.float32(0), transpose(entries), block)
    return per_cell, _areas_of_products(peaks, cells, bias, entries, block)


def _areas_of_products(
    rows: np.ndarray, columns: np.ndarray, offset: np.ndarray | np.float32, entries: OpenEntries, block: int | None
) -> Areas:
    step = _rows_per_block(len(columns)) if block is None else block
    areas = np.empty((2, len(rows)))
    for start in range(0, len(rows), step):
        scores = rows[start : start + step] @ columns.T
        scores += offset
        areas[:, start : start + step] = areas_per_row(scores, entries.span(start, start + step))
    return Areas(*areas)


def _rows_per_block(n_columns: int) -> int:
    return max(1, BLOCK_SCORES // max(1, n_columns))


def _check_finite(ordered: np.ndarray, start: int) -> None:
    finite = (ordered[:, 0] > -np.inf) & (ordered[:, -1] < np.inf)  # NaN sorts last and fails the comparison
    if not finite.all():
        bad = np.flatnonzero(~finite)
        message = (
            f"scores must be finite; {bad.size} rows hold NaN or infinite ones, the first is row {start + bad[0]}."
        )
        raise ValueError(message)


@kernel(nogil=True)
def _areas(
    scores: np.ndarray,
    ordered: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    roc: np.ndarray,
    pr: np.ndarray,
) -> None:
    """Fill ``roc`` and ``pr``; rows of ``ordered`` are the sorted rows of ``scores``, so ranks come from one merge."""
    n = scores.shape[1]
    for r in range(scores.shape[0]):
        positives = np.sort(scores[r][indices[indptr[r] : indptr[r + 1]]])
        m = len(positives)
        if m == 0 or m == n:
            continue
        below = through = twice = n_lower = 0
        precision = 0.0
        for number, score in enumerate(positives):
            while ordered[r, below] < score:
                below += 1
                n_lower = number  # positives with lower scores
            precision += (m - n_lower) / (n - below)
            through = max(through, below)
            while through < n and ordered[r, through] == score:
                through += 1
            twice += below + through  # twice the scores below, ties counted half
        pr[r] = precision / m
        roc[r] = (twice - m * m) / (2 * m * (n - m))  # m * m: twice what positives count against each other
