"""Places of the peaks in the genome, and a check that the windows of two data sets are of one genome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from scbasset_tl._adata.codes import sequence_codes
from scbasset_tl._adata.positions import region_keys
from scbasset_tl._keys import DNA_CODE
from scbasset_tl.genome.codes import N_CODE
from scbasset_tl.genome.contigs import match_contigs
from scbasset_tl.genome.regions import read_regions

if TYPE_CHECKING:
    from anndata import AnnData

    from scbasset_tl.genome.regions import Regions

_COMPARED: Final = 200
_OVERLAP: Final = 32
"""Known bases that two windows must share: so many are alike by chance in one of 10^19 cases."""


class Compared(NamedTuple):
    """How many windows could be compared, in how many of them bases differ, and the first of these."""

    number: int
    differ: int
    first: str


def compare_windows(one: AnnData, other: AnnData) -> Compared:
    """Compare the bases of windows of two data sets where they overlap, however their contigs are spelled."""
    if DNA_CODE not in other.varm:
        return Compared(0, 0, "")
    codes, others = sequence_codes(one), sequence_codes(other)
    pairs = _overlaps(one, other, codes.shape[1]) if codes.shape[1] == others.shape[1] else np.empty((0, 3), np.int64)
    if len(pairs):
        pairs = pairs[np.unique(np.linspace(0, len(pairs) - 1, _COMPARED, dtype=np.int64))]
    number, wrong = 0, []
    for row, place, shift in pairs:
        size = codes.shape[1] - abs(shift)
        ours, theirs = codes[row, max(-shift, 0) :][:size], others[place, max(shift, 0) :][:size]
        certain = (ours != N_CODE) & (theirs != N_CODE)
        if certain.sum() >= _OVERLAP:
            number += 1
            if (ours != theirs)[certain].any():
                wrong.append(str(one.var_names[row]))
    return Compared(number, len(wrong), wrong[0] if wrong else "")


def _overlaps(one: AnnData, other: AnnData, seq_len: int) -> np.ndarray:
    """Peak, the nearest peak of ``other``, and how many bases later it begins, where the windows overlap, int64 (n, 3)."""
    ours, theirs = places_of(one), places_of(other)
    nearest = [np.empty((0, 3), dtype=np.int64)]
    if ours is not None and theirs is not None:
        for name, their_name in match_contigs(ours.chrom.categories, theirs.chrom.categories).items():
            rows, places = np.flatnonzero(ours.chrom == name), np.flatnonzero(theirs.chrom == their_name)
            if len(rows) and len(places):
                nearest.append(_nearest(rows, ours.middle[rows], places, theirs.middle[places]))
    pairs = np.concatenate(nearest)
    return pairs[np.abs(pairs[:, 2]) <= seq_len - _OVERLAP]


def _nearest(rows: np.ndarray, middle: np.ndarray, places: np.ndarray, other: np.ndarray) -> np.ndarray:
    order = np.argsort(other, kind="stable")
    other, places = other[order], places[order]
    after = np.searchsorted(other, middle).clip(max=len(other) - 1)
    before = (after - 1).clip(min=0)
    nearest = np.where(np.abs(other[before] - middle) <= np.abs(other[after] - middle), before, after)
    return np.stack([rows, places[nearest], middle - other[nearest]], axis=1)


def places_of(adata: AnnData) -> Regions | None:
    """The regions of the peaks; ``None`` if ``.var`` does not name them."""
    try:
        return read_regions(adata.var, keys=region_keys(adata))
    except (KeyError, ValueError):
        return None
