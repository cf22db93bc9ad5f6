"""Peaks by how differently they are open between groups of cells: compared, and kept as scanpy keeps genes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from scbasset_tl._adata.matrix import open_entries_from
from scbasset_tl._adata.readout import find_groups, group_sizes, listed
from scbasset_tl._log import late_progress
from scbasset_tl.stats.open_entries import blocks_of_rows
from scbasset_tl.stats.rank_sum import rank_sum_z, rank_sums, rank_sums_of_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData

    from scbasset_tl.stats.low_rank import LowRank

REST: Final = "rest"
_TINY: Final = 1e-9  # what scanpy adds to means before it divides them
_FIELDS: Final = {
    "names": "O",
    "scores": "float32",
    "pvals": "float64",
    "pvals_adj": "float64",
    "logfoldchanges": "float32",
}


@dataclass(frozen=True)
class Grouping:
    """Which cells are compared with which."""

    names: list[str]
    code: np.ndarray  # int64 (n_obs,): number of each cell's group, -1 without one
    size: np.ndarray  # int64 (G,)
    wanted: np.ndarray  # numbers of the groups to compare
    reference: int | None  # number of the group to compare with; None: all other cells

    def pairs(self) -> Iterator[tuple[list[int], np.ndarray]]:
        """Groups that are compared within the same cells, and these cells."""
        if self.reference is None:
            yield self.wanted.tolist(), np.flatnonzero(self.code >= 0)
            return
        for group in self.wanted:
            yield [int(group)], np.flatnonzero(np.isin(self.code, [group, self.reference]))


def grouping(obs: pd.DataFrame, groupby: str, groups: Any, reference: Any) -> Grouping:
    """Check what is to be compared: at least two groups, and no group with itself."""
    sizes = group_sizes(obs, groupby)
    levels = sizes.index
    code = pd.Categorical(obs[groupby], categories=levels).codes.astype(np.int64)
    if len(levels) < 2:
        message = f"groupby: obs[{groupby!r}] has {len(levels)} group; at least 2 are needed to compare."
        raise ValueError(message)
    names = [str(level) for level in levels]
    if len(set(names)) < len(names):
        message = f"groupby: groups of obs[{groupby!r}] have the same name as text, {names[:20]}: rename them."
        raise ValueError(message)
    wanted = np.arange(len(levels)) if groups is None else find_groups(listed("groups", groups), levels, groupby)
    other = None
    if not isinstance(reference, str) or reference != REST:
        other = int(find_groups([reference], levels, groupby)[0])
        wanted = wanted[wanted != other]
        if not len(wanted):
            message = f"groups={groups!r} and reference={reference!r} leave nothing to compare: name another group."
            raise ValueError(message)
    return Grouping(names, code, sizes.to_numpy(), wanted, other)


def compare_denoised(matrix: LowRank, chosen: Grouping) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each group with its scores (P,) and log2 fold changes (P,), a block of peaks at a time."""
    for groups, cells in chosen.pairs():
        code, part = chosen.code[cells], matrix.rows(cells)
        size = np.bincount(code, minlength=len(chosen.names))
        weights = np.zeros((len(size), len(cells)))
        weights[code, np.arange(len(cells))] = 1
        z, means = np.empty((len(groups), part.shape[1])), np.empty((len(size), part.shape[1]))
        with late_progress(part.shape[1], description="comparing groups", unit=" peaks") as bar:
            for columns, values in part.column_blocks():
                sums, ties = rank_sums(values, code, len(size))
                for row, group in enumerate(groups):
                    z[row, columns] = rank_sum_z(sums[:, group], ties, size[group], len(cells))
                means[:, columns] = weights @ values.T  # sums so far
                bar.update(len(values))
        for row, group in enumerate(groups):
            one, other = _means(means, size, group)
            yield group, z[row], (one - other) / np.log(2) if not matrix.sigmoid else _fold(one, other)


def compare_raw(adata: AnnData, layer: str | None, chosen: Grouping) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The same for open or closed entries, from the number of cells of each group in which a peak is open."""
    open_entries, n_groups = open_entries_from(adata, layer), len(chosen.names)
    n_open = np.empty((open_entries.n_peaks, n_groups), dtype=np.int64)
    for first, last in blocks_of_rows(open_entries.indptr):
        part = open_entries.span(first, last)
        group = chosen.code[part.indices]
        cell = (np.repeat(np.arange(last - first), part.peak_counts()) * n_groups + group)[group >= 0]
        n_open[first:last] = np.bincount(cell, minlength=(last - first) * n_groups).reshape(-1, n_groups)
    for number in chosen.wanted.tolist():
        taken = np.arange(n_groups) if chosen.reference is None else np.array([number, chosen.reference])
        size = chosen.size[taken]
        sums, ties = rank_sums_of_open(n_open[:, taken], size)
        place = int(np.flatnonzero(taken == number)[0])
        z = rank_sum_z(sums[:, place], ties, int(size[place]), int(size.sum()))
        yield number, z, _fold(*_means(n_open[:, taken].T, size, place))


def _means(sums: np.ndarray, size: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each peak in a group and in all others, from the sums of all groups (G, P)."""
    rest = np.arange(len(size)) != group
    return sums[group] / size[group], sums[rest].sum(axis=0) / size[rest].sum()


def _fold(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.log2((one + _TINY) / (other + _TINY))


def as_scanpy(
    compared: Iterator[tuple[int, np.ndarray, np.ndarray]], chosen: Grouping, peaks: pd.Index
) -> dict[str, Any]:
    """Records of ``scanpy.tl.rank_genes_groups``: for each group the peaks, highest score first."""
    from scipy.stats import false_discovery_control, norm

    columns: dict[str, dict[str, np.ndarray]] = {field: {} for field in _FIELDS}
    names = peaks.to_numpy(dtype=object)
    for number, z, fold in compared:
        p_values = 2 * norm.sf(np.abs(z))
        order = np.argsort(-z, kind="stable")
        parts = (names, z, p_values, false_discovery_control(p_values), fold)
        for field, values in zip(_FIELDS, parts, strict=True):
            columns[field][chosen.names[number]] = values[order]
    return {
        field: pd.DataFrame(columns[field]).to_records(index=False, column_dtypes=dict.fromkeys(columns[field], dtype))
        for field, dtype in _FIELDS.items()
    }
