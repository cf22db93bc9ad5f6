"""From an AnnData to what the training engine learns, with every check before any work."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scbasset_tl._adata.columns import column_names, obs_column
from scbasset_tl._adata.matrix import check_informative, lines_from, slot_name
from scbasset_tl._adata.model.batches import batch_design
from scbasset_tl._adata.positions import region_keys
from scbasset_tl._adata.repeats import first_of_windows, say_repeated, warn_of_leak
from scbasset_tl._keys import SPLIT, SPLIT_LEVELS
from scbasset_tl._log import info
from scbasset_tl.stats.splits import original_split
from scbasset_tl.train.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData

    from scbasset_tl.stats.open_entries import OpenEntries


@dataclass(frozen=True)
class TrainingData:
    """Codes (P, L) and open entries of all peaks, their split, and the batch columns of the cells."""

    codes: np.ndarray
    open_entries: OpenEntries
    split: np.ndarray  # "train", "val" or "test" for each peak
    batch_columns: list[str]
    batch_categories: list[list[str]]
    design: np.ndarray | None
    checksum: str | None = None  # that an index file keeps of the open entries

    def peaks(self, level: str) -> np.ndarray:
        """Positions of the peaks of one level of the split."""
        return np.flatnonzero(self.split == level)

    def problem(self) -> Problem:
        """What the engine is given."""
        train = self.peaks("train")
        open_peaks = self.open_entries.cell_counts(train)
        n_empty = int((open_peaks == 0).sum())
        if n_empty:
            info(
                f"{n_empty} of {self.open_entries.n_cells} cells have no open peak in training: their vectors mean nothing"
            )
        n_batches = sum(len(levels) for levels in self.batch_categories)
        return Problem(self.codes, self.open_entries, train, self.peaks("val"), self.design, n_batches, open_peaks)

    def fingerprint(self) -> str:
        """Identifies sequences, accessibility, split and batches, so that a checkpoint meets only its own data."""
        digest = blake2b((self.checksum or self.open_entries.checksum()).encode(), digest_size=16)
        for part in (self.codes, self.split.astype("S5"), self.design):
            if part is not None:
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()


def training_data(
    adata: AnnData,
    codes: np.ndarray,
    *,
    layer: str | None,
    batch_key: str | Sequence[str] | None,
    seed: int,
    index_file: Path | None = None,
    verify: bool = True,
) -> TrainingData:
    """Check and collect what :func:`scbasset_tl.tl.scbasset` reads beside the sequences ``codes``.

    With ``index_file`` the open entries stay in that file, read whole first to ``verify`` it; see
    :func:`scbasset_tl._adata.index.indexed_entries`.
    """
    lines = lines_from(adata, layer)
    columns, categories = batch_columns(adata, batch_key)
    _check_sizes(adata.n_obs, columns, categories)
    design = batch_design(adata.obs, columns, categories) if columns else None
    split = _split(adata, seed)
    slot = slot_name(layer)

    def check(peak_counts: np.ndarray, cell_counts: np.ndarray) -> None:
        _check_counts(adata, peak_counts, cell_counts, slot)

    if index_file is not None:
        from scbasset_tl._adata.index import indexed_entries

        open_entries, _, checksum = indexed_entries(lines, index_file, check, slot=slot, verify=verify)
        return TrainingData(codes, open_entries, split, columns, categories, design, checksum)
    from scbasset_tl.stats.transpose import count, open_entries_of

    counts = count(lines)
    check(*counts)
    return TrainingData(codes, open_entries_of(lines, counts[0]), split, columns, categories, design)


def batch_columns(adata: AnnData, batch_key: str | Sequence[str] | None) -> tuple[list[str], list[list[str]]]:
    """The columns of ``batch_key`` and the sorted categories of each."""
    if batch_key is None:
        return [], []
    columns, categories = column_names("batch_key", batch_key), []
    for column in columns:
        values = obs_column(adata.obs, column, argument="batch_key")
        if values.isna().any():
            message = f"batch_key: obs[{column!r}] has no value for {int(values.isna().sum())} cells; fill them first."
            raise ValueError(message)
        sizes = values.astype(str).value_counts()
        levels = sorted(sizes.index)
        if len(levels) < 2:
            message = f"batch_key: obs[{column!r}] has one batch, {levels}; leave batch_key out."
            raise ValueError(message)
        if single := [level for level in levels if sizes[level] == 1]:
            info(
                f"batch_key: {len(single)} batches of obs[{column!r}] have one cell, first {single[:3]}: what is the "
                "batch's and what is the cell's cannot be told apart there"
            )
        categories.append(levels)
    return columns, categories


def _check_sizes(n_obs: int, columns: list[str], categories: list[list[str]]) -> None:
    """Refuse columns like a depth or a barcode; weights from a file may have any number of batches."""
    for column, levels in zip(columns, categories, strict=True):
        if 2 * len(levels) > n_obs:
            message = (
                f"batch_key: obs[{column!r}] has {len(levels)} batches for {n_obs} cells, {levels[:3]} and so on; their "
                "vectors would take the place of the cells'. Name a column of few categories."
            )
            raise ValueError(message)


def _check_counts(adata: AnnData, peak_counts: np.ndarray, cell_counts: np.ndarray, slot: str) -> None:
    if adata.n_obs < 2:
        message = f"data has {adata.n_obs} cell; scBasset compares cells and needs at least 2."
        raise ValueError(message)
    check_informative(adata, cell_counts, slot)
    n_empty = int((peak_counts == 0).sum())
    if n_empty:
        info(f"{n_empty} of {adata.n_vars} peaks are open in no cell; they are kept (pp.filter_peaks removes them)")


def _split(adata: AnnData, seed: int) -> np.ndarray:
    first = first_of_windows(adata, region_keys(adata))
    if SPLIT not in adata.var:
        say_repeated(first)
        return np.asarray(original_split(adata.n_vars, seed, first=first))
    values = adata.var[SPLIT]
    split = np.asarray(values.astype(object))
    unknown = sorted({str(value) for value in split if value not in SPLIT_LEVELS})
    if unknown:
        message = f"var['split'] has values {unknown[:5]}; only {list(SPLIT_LEVELS)} are known: run pp.split_peaks."
        raise ValueError(message)
    counts = pd.Series(split).value_counts()
    for level in SPLIT_LEVELS:
        n_peaks = int(counts.get(level, 0))
        if n_peaks == 1 or (n_peaks == 0 and level == "train"):
            message = f"var['split'] has {n_peaks} {level} peak(s); at least 2 are needed: run pp.split_peaks."
            raise ValueError(message)
    warn_of_leak(first, split)
    return split
