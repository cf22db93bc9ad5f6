"""From a table of peaks to genomic intervals, 0-based and half-open, with every check that needs no sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._keys import CHROM, END, START
from scbasset_tl._log import info
from scbasset_tl.genome.contigs import contig_names, one_spelling, respell
from scbasset_tl.genome.region_slots import FORMS, describe, find_columns, find_whole, split_regions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHOWN, _NAMED = 3, 8  # peaks and contigs in errors
_PARTS: Final = ("contig", "start", "end")


class Regions(NamedTuple):
    """Intervals [start, end) of contigs, int64 (n,); the names are for errors."""

    chrom: pd.Categorical
    start: np.ndarray
    end: np.ndarray
    name: pd.Index

    def __repr__(self) -> str:
        return f"Regions({len(self.start):,} on {self.chrom.categories.size:,} contigs)"

    @property
    def middle(self) -> np.ndarray:
        """The position that windows are cut around, int64 (n,)."""
        return (self.start + self.end) // 2


def read_regions(var: pd.DataFrame, *, keys: Sequence[str] | None = None, obs: pd.DataFrame | None = None) -> Regions:
    """The region of each row of ``adata.var``, from its columns or else from its names.

    Parameters
    ----------
    var
        Table with one row per peak.
    keys
        Columns with contig, start and end. By default ``chr``, ``start``, ``end`` (or their names in other packages, in
        any case, where one of each is there), else names like ``chr1:100-600`` or ``chr1-100-600``, else the one column
        of such regions (``interval``, ``gene_ids``, ``peak``, ...). Where a row of the columns is empty, as after an
        outer join, its name is read. What ``make_unique`` and ``concat`` add to names is left out.
    obs
        Table of the cells: where the regions stand there, the error says that the data are transposed.

    Returns
    -------
    One region per row, in order: 0 <= start < end.

    Raises
    ------
    KeyError
        If there are no such columns, and the names are no regions.
    ValueError
        For names that cannot be read, and coordinates that are missing, infinite, fractional, negative or not ascending.

    Examples
    --------
    >>> import pandas as pd
    >>> from scbasset_tl.genome import read_regions
    >>> read_regions(pd.DataFrame(index=["chrI:10-20", "HLA-A-5-9"])).chrom.tolist()
    ['chrI', 'HLA-A']
    """
    columns = find_columns(var) if keys is None else _check_keys(var, keys)
    if columns is None:
        table, slot = _from_text(var, obs)
        slots = [f"{part} in {slot}" for part in _PARTS]
    else:
        table = var[list(columns)].set_axis(_PARTS, axis=1)
        slots = [f"var[{column!r}]" for column in columns]
        if keys is None:
            table = _filled(table, slots)
    fix = "Correct or drop these peaks."
    _refuse(table["contig"].isna().to_numpy(), var.index, table["contig"], f"{slots[0]} is missing", fix)
    first, last = (_coordinates(table[part], var.index, slot) for part, slot in zip(_PARTS[1:], slots[1:], strict=True))
    both = np.stack([first, last], axis=1)
    _refuse(first >= last, var.index, both, f"{slots[1]} is not below {slots[2]}", f"{fix} Intervals are half-open.")
    return Regions(contig_names(table["contig"]), first, last, var.index)


def check_on_contigs(regions: Regions, lengths: Mapping[str, int], *, margin: int, source: str) -> Regions:
    """Regions with their contigs as a genome spells them; refuse contigs that it lacks, and regions past the end of one.

    Parameters
    ----------
    regions
        What :func:`read_regions` returned.
    lengths
        Length of each contig in bp.
    margin
        A region may overrun its contig by this many bp (windows are padded there) if its middle lies on the contig.
    source
        Name of the genome in errors.

    Returns
    -------
    The regions, with ``chr1`` for ``1`` and the like where that is what the genome has.
    """
    regions = regions._replace(chrom=respell(regions.chrom, lengths, whose="the peaks", source=source))
    on_contig = regions.chrom.categories.isin(list(lengths))[regions.chrom.codes]
    if not on_contig.all():
        names = sorted(set(regions.chrom.categories) - set(lengths))
        what = f"{source} has no contig {_some(names)}, in any spelling (it has {_some(list(lengths))})"
        fix = "Pass the FASTA that the peaks were called on. If it lacks only contigs that are no chromosomes, drop these peaks."
        if not on_contig.any():
            fix = "The FASTA is of another assembly or species: pass the one that the peaks were called on."
        _refuse(~on_contig, regions.name, None, what, fix)
    length = np.array([lengths[str(name)] for name in regions.chrom.categories], dtype=np.int64)[regions.chrom.codes]
    past = (regions.middle >= length) | (regions.end - length > margin)
    if past.any():
        contig = str(regions.chrom[int(past.argmax())])
        what = f"past the end of the contig in {source} ({contig} has {lengths[contig]:,} bp)"
        fix = (
            "The peaks were probably called on another assembly: pass its FASTA, or lift the peaks over. Or the FASTA is "
            "truncated."
        )
        _refuse(past, regions.name, regions.end, what, fix)
    return regions


def first_of_window(regions: Regions) -> np.ndarray:
    """For each region the first one whose window is the same, by contig in any spelling and by middle, int64 (n,)."""
    window = pd.DataFrame({"contig": one_spelling(regions.chrom).codes, "middle": regions.middle})
    first = (
        pd.Series(np.arange(len(window))).groupby([window["contig"], window["middle"]], sort=False).transform("first")
    )
    return first.to_numpy(dtype=np.int64)


def _check_keys(var: pd.DataFrame, keys: Sequence[str]) -> Sequence[str]:
    if isinstance(keys, str) or not hasattr(keys, "__len__") or len(keys) != 3:
        message = f"region_keys must name three columns of var (contig, start, end), got {keys!r}."
        raise ValueError(message)
    if absent := [key for key in keys if key not in var.columns]:
        message = f"region_keys: var has no column {_some(absent)}; it has {_some(list(var.columns))}."
        raise KeyError(message)
    return keys


def _filled(table: pd.DataFrame, slots: list[str]) -> pd.DataFrame:
    """The columns, with the regions of names where they are empty, as an outer join leaves them."""
    empty = table.isna().any(axis=1).to_numpy()
    if not empty.any():
        return table
    split = split_regions(table.index)
    named = split.parts.set_axis(_PARTS, axis=1)
    both = split.good & ~empty
    alike = all(
        (pd.to_numeric(table[part], errors="coerce") == pd.to_numeric(named[part]))[both].all() for part in _PARTS[1:]
    )
    if not alike or not split.good[empty].all():
        return table
    info(f"{', '.join(slots)} are empty for {empty.sum():,} of {len(empty):,} peaks: the names are read for these")
    return pd.DataFrame(np.where(empty[:, None], named, table.astype(object)), table.index, _PARTS)


def check_orientation(var: pd.DataFrame, obs: pd.DataFrame) -> None:
    """Refuse peaks × cells: regions in ``obs``, and not in ``var``."""
    if not _holds_regions(var) and _holds_regions(obs):
        message = (
            "The regions are in adata.obs: scbasset_tl takes cells × peaks, not peaks × cells. "
            "Transpose first: adata = adata.T.copy()."
        )
        raise ValueError(message)


def _from_text(var: pd.DataFrame, obs: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    """Regions of the names, or else of a column, and which of them it was."""
    split, slot = split_regions(var.index), "var_names"
    bad = ~split.good
    if bad.any() and obs is not None:
        check_orientation(var, obs)
    if bad.any() and (column := find_whole(var)) is not None:
        split, slot = split_regions(var[column]), f"var[{column!r}]"
        info(f"the regions are read from {slot}")
    elif len(bad) and bad.all():
        there = describe(var)
        message = (
            f"adata.var has no columns {CHROM}, {START}, {END}, and its names are not {FORMS} "
            f"(first: {_some(list(var.index))}). Add the columns, or name yours with region_keys=(contig, start, end)."
            f"{there and f' {there}.'} If these are names of cells, transpose: adata = adata.T.copy()."
        )
        raise KeyError(message)
    else:
        fix = f"Write them as {FORMS}, or give the columns with region_keys=(contig, start, end)."
        _refuse(bad, var.index, None, "var_names hold no region", fix)
    if split.suffixed.any():
        first = var.index[split.suffixed][0]
        info(
            f"{split.suffixed.sum():,} of {len(bad):,} names go on after the region, as make_unique and concat leave them "
            f"({str(first)!r}): what follows the end is not read"
        )
    return split.parts.set_axis(_PARTS, axis=1), slot


def _holds_regions(table: pd.DataFrame) -> bool:
    if find_columns(table) is not None:
        return True
    split = split_regions(table.index)
    if not len(split.good) or not split.good.all():
        return False
    # barcodes such as AAAC-1-0 look like regions but for their order, AAAC-1-2 but for lying on a contig each
    ordered = (split.parts[1].astype("int64") < split.parts[2].astype("int64")).all()
    return bool(ordered and 2 * split.parts[0].nunique() <= len(split.good))


def _coordinates(values: pd.Series, names: pd.Index, slot: str) -> np.ndarray:
    numbers = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    fix = "Coordinates are whole numbers from 0 (0-based, half-open): correct or drop these peaks."
    for bad, what in (
        (np.isnan(numbers), "is missing or no number"),
        (numbers < 0, "is negative"),
        (numbers >= 2**53, "is infinite or beyond any genome"),
        (numbers != np.floor(numbers), "is not a whole number"),
    ):
        _refuse(bad, names, values, f"{slot} {what}", fix)
    return numbers.astype(np.int64)


def _refuse(bad: np.ndarray, names: pd.Index, values: pd.Series | np.ndarray | None, what: str, fix: str) -> None:
    """Raise for the marked peaks: how many, the first few with their values, and what helps."""
    rows = np.flatnonzero(bad)
    if not len(rows):
        return
    shown = [repr(str(names[row])) for row in rows[:_SHOWN]]
    if values is not None:
        shown = [f"{name} ({np.asarray(values)[row]})" for name, row in zip(shown, rows, strict=False)]
    more = ", ..." if len(rows) > _SHOWN else ""
    message = f"{what}: {len(rows)} of {len(bad)} peaks, {', '.join(shown)}{more}. {fix}"
    raise ValueError(message)


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(map(repr, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")
