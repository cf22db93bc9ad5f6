"""Genes and their transcription start sites, from a table or a GTF file, and the regions near them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd

from scbasset_tl._files import as_path
from scbasset_tl._log import info
from scbasset_tl.genome.regions import contig_names

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from scbasset_tl.genome.regions import Regions

_NAMES: Final = ("gene_name", "gene", "name", "symbol", "gene_symbol", "gene_id", "id")
_CHROMS: Final = ("chr", "chrom", "chromosome", "seqnames")
_ATTRIBUTE: Final = r'(?:^|;)\s*{}\s+(?:"([^"]*)"|([^\s";]+))'  # quoted or not
_MISSING: Final = ("NA", "nan", "NaN", "None", "null", "<NA>")
_SHOWN: Final = 3
_STRANDS: Final = {"+": "+", "1": "+", "+1": "+", "1.0": "+", "-": "-", "-1": "-", "-1.0": "-"}
_GTF_COLUMNS: Final = ("chr", "source", "feature", "start", "end", "score", "strand", "frame", "attributes")
_GTF_LINES: Final = 200_000  # read at a time: most are of exons
_NEED: Final = "genes need a name, a contig chr, and tss (0-based) or start, end (0-based, half-open) and strand"


class Genes(NamedTuple):
    """Start sites of transcription, one row each; those of one name are one gene.

    Attributes
    ----------
    name
        Gene.
    chrom
        Contig.
    tss
        First transcribed base, 0-based.
    """

    name: np.ndarray
    chrom: np.ndarray
    tss: np.ndarray

    def __repr__(self) -> str:
        n_genes, n_contigs = (len(set(column.tolist())) for column in (self.name, self.chrom))
        return f"Genes({n_genes:,} genes with {len(self.tss):,} start sites on {n_contigs:,} contigs)"


def read_genes(source: str | os.PathLike[str] | pd.DataFrame) -> Genes:
    """Transcription start sites of a table or a GTF file.

    Parameters
    ----------
    source
        Path of a GTF (``.gtf``), of a table with tabs or, if it is called ``.csv``, commas, each also compressed; or a
        DataFrame. Of a GTF the lines ``gene`` are taken, or if there are none the lines ``transcript``, by
        ``gene_name`` or, without one, ``gene_id``; of genes with one name all but the first go by their id, and those
        without a strand are left out. A table may begin with lines of comment (``#``, also before its header), and has
        columns ``chr`` and ``tss`` (0-based), or ``start``, ``end`` (0-based, half-open) and ``strand``, and the
        gene's name in ``gene_name``, ``gene``, ``name``, ``symbol`` or ``gene_id``, or in the index; where one of these
        is empty, the next. Rows with none are counted and left out.

    Returns
    -------
    The start sites in order. A name may have several.

    Raises
    ------
    FileNotFoundError, KeyError, TypeError, ValueError
        If there is no such file or column, or what is there cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from scbasset_tl.genome import read_genes
    >>> table = pd.DataFrame(
    ...     {"gene": ["a", "b"], "chr": "chrI", "start": [5, 20], "end": [9, 40], "strand": ["+", "-"]}
    ... )
    >>> read_genes(table).tss.tolist()
    [5, 39]
    """
    if isinstance(source, pd.DataFrame):
        return _from_table(source)
    path = as_path("genes", source)
    if not path.is_file():
        message = f"genes: there is no file {str(path)!r}."
        raise FileNotFoundError(message)
    kinds = [suffix.lower() for suffix in path.suffixes]
    if ".gff3" in kinds or ".gff" in kinds:
        message = (
            f"genes: {path.name} is a GFF; pass the GTF of the same annotation, or a table with chr, tss and gene."
        )
        raise ValueError(message)
    try:
        with catch_warnings():
            simplefilter("error", pd.errors.ParserWarning)  # rows of more fields than columns, which would be cut off
            if ".gtf" in kinds:
                return _from_gtf(path)
            return _from_table(_read_table(path, "," if ".csv" in kinds else "\t"))
    except pd.errors.ParserWarning as error:
        what = "a GTF has, 9" if ".gtf" in kinds else "its header: name every column in the header"
        message = f"genes: the rows of {path.name} have more fields than {what}."
        raise ValueError(message) from error
    except (
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
        OSError,
        EOFError,
        zlib.error,
    ) as error:
        message = f"genes: {path.name} cannot be read: {error}"
        raise ValueError(message) from error


def near(genes: Genes, regions: Regions, distance: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of (start site, region) of which some base of the region is at most ``distance`` bp from the site."""
    sites, found = [], []
    for contig in pd.unique(genes.chrom):
        here = np.flatnonzero(genes.chrom == contig)
        rows = np.flatnonzero(np.asarray(regions.chrom == contig))
        if not len(rows):
            continue
        rows = rows[np.argsort(regions.start[rows], kind="stable")]
        start, end, tss = regions.start[rows], regions.end[rows], genes.tss[here]
        first = np.searchsorted(start, tss - distance - (end - start).max(), side="left")
        last = np.searchsorted(start, tss + distance, side="right")
        count = last - first
        site = np.repeat(np.arange(len(here)), count)
        row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
        inside = end[row] > tss[site] - distance
        sites.append(here[site[inside]])
        found.append(rows[row[inside]])
    none = np.empty(0, dtype=np.int64)
    return np.concatenate([none, *sites]), np.concatenate([none, *found])


def _read_table(path: Path, sep: str) -> pd.DataFrame:
    """A table after any lines of comment, of which the last may be its header."""
    lines = pd.read_csv(path, sep="\x1f", header=None, nrows=1000, quoting=3, dtype=str, skip_blank_lines=False)[0]
    before = lines.fillna("#").str.startswith("#").to_numpy()
    n_before = len(before) if before.all() else int(before.argmin())
    is_header = 0 < n_before < len(lines) and str(lines[n_before - 1]).count(sep) == str(lines[n_before]).count(sep)
    raw = {f"{mark}{name}": str for mark in ("", "#", "# ") for name in _NAMES}  # a gene may be called nan or NA
    table = pd.read_csv(path, sep=sep, skiprows=n_before - is_header, converters=raw, index_col=False)
    return table.rename(columns={table.columns[0]: str(table.columns[0]).lstrip("# ")}) if is_header else table


def _from_table(table: pd.DataFrame) -> Genes:
    chrom = next((column for column in _CHROMS if column in table), None)
    columns = [column for column in _NAMES if column in table]
    known = "tss" in table or {"start", "end", "strand"} <= set(table)
    if chrom is None or not known or (not columns and isinstance(table.index, pd.RangeIndex)):
        message = f"genes: {_NEED}; the table has columns {[str(column) for column in table.columns[:12]]}."
        raise KeyError(message)
    names = _names(table, columns, table[chrom])
    if "tss" in table:
        return _genes(names, table[chrom], table["tss"])
    start, end = (_whole(table[column], names, column) for column in ("start", "end"))
    return _genes(names, table[chrom], _site(start, end, table["strand"], names))


def _names(table: pd.DataFrame, columns: list[str], chrom: pd.Series) -> pd.Series:
    """The name of each row: of the first column that has one there, or else of the index."""
    sources = [table[column] for column in columns]
    if not isinstance(table.index, pd.RangeIndex):
        sources.append(pd.Series(table.index, index=table.index))
    names = pd.Series(None, index=table.index, dtype=object)
    for source in sources:
        text = source.astype(object).where(source.notna(), None)
        # a gene lies on one contig: what stands on several is how missing values are written
        written = text.isin(_MISSING).to_numpy()
        several = chrom[written].groupby(text[written].to_numpy()).nunique()
        text = text.where(~text.isin([*several.index[several > 1], ""]).to_numpy(), None)
        names = names.where(names.notna().to_numpy(), text)
    return names


def _from_gtf(path: Path) -> Genes:
    n_lines, parts = 0, []
    # not with usecols, which refuses a part that is nothing but comments
    for lines in pd.read_csv(
        path, sep="\t", header=None, names=_GTF_COLUMNS, dtype=str, quoting=3, chunksize=_GTF_LINES, index_col=False
    ):
        n_lines += len(lines)
        kept = lines["feature"].isin(["gene", "transcript"]) & ~lines["chr"].str.startswith("#", na=False)
        parts.append(lines[kept])
    read = pd.concat(parts)
    for feature in ("gene", "transcript"):
        found = read[read["feature"] == feature].reset_index(drop=True)
        if len(found):
            break
    else:
        message = f"genes: {path.name} has no line of a gene or a transcript among {n_lines}: is it a GTF?"
        raise ValueError(message)
    text = found["attributes"].fillna("").astype(object)
    found_keys = (text.str.extract(_ATTRIBUTE.format(key)) for key in ("gene_id", "gene_name"))
    ids, names = (either[0].where(either[0].notna(), either[1]) for either in found_keys)
    names = names.where(names.fillna("") != "", ids)
    first = ids.groupby(names).transform("first")  # one name, several genes
    names = names.where(first == ids, ids)
    stranded = found["strand"].isin(["+", "-"])
    if not stranded.all():
        left_out = names[~stranded]
        info(
            f"genes: {len(left_out):,} of {len(names):,} have no strand and are left out, first {list(left_out[:_SHOWN])}"
        )
        found, names = found[stranded], names[stranded]
    start = _whole(found["start"], names, "start") - 1  # GTF counts from 1, both ends inside
    return _genes(names, found["chr"], _site(start, _whole(found["end"], names, "end"), found["strand"], names))


def _genes(names: pd.Series, chrom: pd.Series, tss: Any) -> Genes:
    missing = (names.isna() | chrom.isna()).to_numpy()
    if missing.all():
        message = f"genes: no row of {len(names)} has both a name and a contig."
        raise ValueError(message)
    kept = ~missing
    if missing.any():
        rows = np.flatnonzero(missing)
        info(
            f"genes: {len(rows):,} of {len(names):,} rows have no name or no contig and are left out, first rows "
            f"{[int(row) + 1 for row in rows[:_SHOWN]]}"
        )
    sites = _whole(pd.Series(np.asarray(tss))[kept], names[kept], "tss")
    contigs = np.asarray(contig_names(chrom[kept]).astype(object))
    return Genes(names[kept].astype(str).to_numpy(dtype=object), contigs, sites)


def _whole(values: pd.Series, names: pd.Series, column: str) -> np.ndarray:
    """Positions as int64, or an error that names the first genes without one."""
    numbers = pd.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    good = (numbers >= 0) & (numbers < 2**53) & (numbers == np.floor(numbers))
    _refuse(~good, values, names, f"{column} is no position", "positions are whole numbers from 0")
    return numbers.astype(np.int64)


def _site(start: np.ndarray, end: np.ndarray, strand: pd.Series, names: pd.Series) -> np.ndarray:
    """First transcribed base of genes [start, end)."""
    strand = strand.astype(str)
    sign = strand.map(_STRANDS)
    _refuse(sign.isna().to_numpy(), strand, names, "strand is neither + nor -", "give tss, or drop them")
    _refuse(end <= start, pd.Series(end), names, "end is not after start", "exchange them, or drop these genes")
    return np.where(sign == "-", end - 1, start)


def _refuse(bad: np.ndarray, values: pd.Series, names: pd.Series, what: str, fix: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        shown = [f"{names.iloc[row]} ({values.iloc[row]})" for row in rows[:_SHOWN]]
        message = f"genes: {what} for {len(rows)} of {len(bad)} rows, {shown}: {fix}."
        raise ValueError(message)
