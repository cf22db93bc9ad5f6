"""From a table of peaks to genomic intervals, 0-based and half-open, with every check that needs no sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._keys import CHROM, END, START

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# as scvi-tools and CREsted write them, bioframe, UCSC, Bioconductor
_COLUMNS: Final = (
    (CHROM, START, END),
    ("chrom", "start", "end"),
    ("chrom", "chromStart", "chromEnd"),
    ("seqnames", "start", "end"),
)
# matched from the right, as contig names may hold the separators themselves
_NAME: Final = r"^(.*[^:_-])[:_-](\d{1,18})[-_](\d{1,18})$"
_FORMS: Final = "chr:start-end or chr-start-end"
_SHOWN: Final = 3


class Regions(NamedTuple):
    """Intervals [start, end) of contigs, int64 (n,); names and ``var[column]`` of the contigs are for errors."""

    chrom: pd.Categorical
    start: np.ndarray
    end: np.ndarray
    name: pd.Index
    column: str | None

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
        Columns with contig, start and end. By default ``chr``, ``start``, ``end`` (or their names in other packages),
        else names like ``chr1:100-600`` or ``chr1-100-600``.
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
    columns = _find_columns(var, keys)
    if columns is None:
        chrom, start, end = _parse_names(var, obs)
        slots = [f"{part} in var_names" for part in ("contig", "start", "end")]
    else:
        chrom, start, end = (var[column] for column in columns)
        slots = [f"var[{column!r}]" for column in columns]
    fix = "Correct or drop these peaks."
    _refuse(chrom.isna().to_numpy(), var.index, chrom, f"{slots[0]} is missing", fix)
    first, last = (_coordinates(values, var.index, slot) for values, slot in ((start, slots[1]), (end, slots[2])))
    both = np.stack([first, last], axis=1)
    _refuse(first >= last, var.index, both, f"{slots[1]} is not below {slots[2]}", f"{fix} Intervals are half-open.")
    return Regions(contig_names(chrom), first, last, var.index, None if columns is None else columns[0])


def check_on_contigs(regions: Regions, lengths: Mapping[str, int], *, margin: int, source: str) -> None:
    """Refuse regions on contigs that a genome does not have, or past the end of one.

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
    """
    known = regions.chrom.categories.isin(list(lengths))[regions.chrom.codes]
    if not known.all():
        names = sorted(set(regions.chrom.categories) - set(lengths))
        what = f"{source} has no contig {_some(names)} (it has {_some(list(lengths))})"
        fix = _renaming(names, lengths, regions.column)
        if not fix and not known.any():
            fix = "The FASTA is of another assembly or species: pass the one that the peaks were called on."
        _refuse(~known, regions.name, None, what, fix or "Drop these peaks, or pass the FASTA with their contigs.")
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


def _find_columns(var: pd.DataFrame, keys: Sequence[str] | None) -> Sequence[str] | None:
    if keys is None:
        return next((columns for columns in _COLUMNS if set(columns) <= set(var.columns)), None)
    if isinstance(keys, str) or not hasattr(keys, "__len__") or len(keys) != 3:
        message = f"region_keys must name three columns of var (contig, start, end), got {keys!r}."
        raise ValueError(message)
    if absent := [key for key in keys if key not in var.columns]:
        message = f"region_keys: var has no column {_some(absent)}; it has {_some(list(var.columns))}."
        raise KeyError(message)
    return keys


def check_orientation(var: pd.DataFrame, obs: pd.DataFrame) -> None:
    """Refuse peaks × cells: regions in ``obs``, and not in ``var``."""
    if not _holds_regions(var) and _holds_regions(obs):
        message = (
            "The regions are in adata.obs: scbasset_tl takes cells × peaks, not peaks × cells. "
            "Transpose first: adata = adata.T.copy()."
        )
        raise ValueError(message)


def _parse_names(var: pd.DataFrame, obs: pd.DataFrame | None) -> tuple[pd.Series, pd.Series, pd.Series]:
    parts = _split_names(var.index)
    bad = parts[0].isna().to_numpy()
    if bad.any() and obs is not None:
        check_orientation(var, obs)
    if len(bad) and bad.all():
        message = (
            f"adata.var has no columns {CHROM}, {START}, {END}, and its names are not {_FORMS} "
            f"(first: {_some(list(var.index))}). Add the columns, or name yours with region_keys=(contig, start, end)."
        )
        raise KeyError(message)
    fix = f"Write them as {_FORMS}, or give the columns with region_keys=(contig, start, end)."
    _refuse(bad, var.index, None, "var_names hold no region", fix)
    return parts[0], parts[1], parts[2]


def _split_names(names: pd.Index) -> pd.DataFrame:
    return pd.Series(names.astype(str), dtype=object).str.extract(_NAME)


def _holds_regions(table: pd.DataFrame) -> bool:
    if _find_columns(table, None) is not None:
        return True
    parts = _split_names(table.index)
    if parts.empty or parts[0].isna().any():
        return False
    # barcodes such as AAAC-1-0 look like regions but for their order, AAAC-1-2 but for lying on a contig each
    ordered = (parts[1].astype("int64") < parts[2].astype("int64")).all()
    return bool(ordered and 2 * parts[0].nunique() <= len(parts))


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


def contig_names(chrom: pd.Series) -> pd.Categorical:
    """A column of contigs as text; those that pandas took for numbers, and for 1.0 where one was missing, too."""
    numeric = pd.api.types.is_float_dtype(chrom.dtype)
    values = chrom.astype("int64") if numeric and (chrom % 1 == 0).all() else chrom
    return pd.Categorical(values.astype(str).to_numpy(dtype=object))


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


def _renaming(names: list[str], lengths: Mapping[str, int], column: str | None) -> str:
    """The statement that makes unknown contigs known, or nothing."""
    slot = values = "adata.var_names"
    if column is not None:
        slot, values = f"adata.var[{column!r}]", f"adata.var[{column!r}].astype(str)"
    if added := [name for name in names if f"chr{name}" in lengths]:
        renamed, statement = added, f"{slot} = 'chr' + {values}"
    else:
        renamed = [name for name in names if name.startswith("chr") and name.removeprefix("chr") in lengths]
        statement = f"{slot} = {values}.str.removeprefix('chr')"
    if not renamed:
        return ""
    rest = sorted(set(names) - set(renamed))
    return f"Rename the contigs: {statement}." + (f" Then drop the peaks on {_some(rest)}." if rest else "")


def _some(names: list[str], shown: int = 8) -> str:
    return ", ".join(map(repr, names[:shown])) + (f" and {len(names) - shown} more" if len(names) > shown else "")
