"""Peaks that have the same window, which must not lie on both sides of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._log import info, warning
from scbasset_tl.genome.regions import first_of_window, read_regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


def first_of_windows(adata: AnnData, region_keys: Sequence[str] | None = None) -> np.ndarray | None:
    """For each peak the first one with the same window, int64 (n_vars,).

    ``None`` if no window repeats, or if ``.var`` has no regions and ``region_keys`` are not given.
    """
    try:
        first = first_of_window(read_regions(adata.var, keys=region_keys))
    except (KeyError, ValueError):
        if region_keys is None:
            return None
        raise
    return first if n_repeated(first) else None


def n_repeated(first: np.ndarray) -> int:
    """Number of peaks whose window is that of an earlier one."""
    return int(np.count_nonzero(first != np.arange(len(first))))


def say_repeated(first: np.ndarray | None) -> None:
    """Tell how many windows repeat."""
    if first is not None and (n := n_repeated(first)):
        info(
            f"{n:,} of {len(first):,} peaks have the window of an earlier one (contig in any spelling, and middle): each "
            "window is kept in one part of the split"
        )


def warn_of_leak(first: np.ndarray | None, split: np.ndarray) -> None:
    """Warn of held-out windows that are in training as well."""
    if first is None:
        return
    held_out = split != "train"
    seen = np.isin(first, first[~held_out]) & held_out
    if seen.any():
        warning(
            f"{seen.sum():,} of {held_out.sum():,} held-out peaks have the window of a training peak, so that held-out scores "
            "are too good: delete var['split'] and run pp.split_peaks, which keeps each window in one part"
        )
