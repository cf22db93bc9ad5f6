"""Genes and their transcription start sites, from a table or an annotation, and the regions near them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd

from scbasset_tl._files import as_path
from scbasset_tl._log import info
from scbasset_tl._reading import DAMAGED, naming
from scbasset_tl.genome.annotation import is_annotation, read_annotation
from scbasset_tl.genome.gene_tables import head_of, is_comment, read_table, table_columns
from scbasset_tl.genome.ranges import each_of
from scbasset_tl.genome.regions import contig_names

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from scbasset_tl.genome.regions import Regions

_SHOWN: Final = 3
_STRANDS: Final = {"+": "+", "1": "+", "+1": "+", "1.0": "+", "-": "-", "-1": "-", "-1.0": "-"}


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
    """Transcription start sites of a table, or of a GTF or GFF3 file.

    Parameters
    ----------
    source
        Path of a file, plain or compressed, whose content tells its format, or a DataFrame.

        From a GTF or GFF3 the lines of genes are taken; for genes without one the lines of transcripts, and for those
        that have neither the exons of each transcript. Names are ``gene_name``, ``gene_symbol``, ``ref_gene_name``,
        ``gene`` or, without any, ``gene_id``; if genes share a name, all but the first go by their id; genes
        without a strand are left out.

        A table has columns ``chr`` and ``tss`` (0-based), or ``start``, ``end`` (0-based, half-open) and ``strand``,
        and the gene's name in ``gene_name``, ``symbol``, ``gene``, ``name`` or ``gene_id``, or in the index; if one of
        these is empty, the next is read. The names of BioMart (1-based), pyranges and UCSC are known too, and so are
        BED6, refFlat and refGene without a header. Rows without a name are counted and left out.

    Returns
    -------
    The start sites in order. A name may have several.

    Raises
    ------
    FileNotFoundError, KeyError, TypeError, ValueError
        If there is no such file or column, or it cannot be read.

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
    try:
        with catch_warnings():
            simplefilter("error", pd.errors.ParserWarning)  # rows of more fields than columns, which would be cut off
            first = next((line for line in head_of(path) if not is_comment(line)), "")
            named = {".gtf", ".gff", ".gff3"} & {suffix.lower() for suffix in path.suffixes}
            if annotated := bool(named) or is_annotation(first):
                with naming(path):
                    return _from_annotation(path)
            table = read_table(path)
            with naming(path):
                return _from_table(table)
    except pd.errors.ParserWarning as error:
        what = "a GTF has, 9" if annotated else "its header: name every column in the header"
        message = f"genes: the rows of {path.name} have more fields than {what}."
        raise ValueError(message) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError, *DAMAGED) as error:
        message = f"genes: {path.name} cannot be read: {error}"
        raise ValueError(message) from error


def near(genes: Genes, regions: Regions, distance: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of (start site, region) of which some base of the region is at most ``distance`` bp from the site."""
    sites, regions_near = [], []
    for contig in pd.unique(genes.chrom):
        here = np.flatnonzero(genes.chrom == contig)
        rows = np.flatnonzero(np.asarray(regions.chrom == contig))
        if not len(rows):
            continue
        rows = rows[np.argsort(regions.start[rows], kind="stable")]
        start, end, tss = regions.start[rows], regions.end[rows], genes.tss[here]
        first = np.searchsorted(start, tss - distance - (end - start).max(), side="left")
        last = np.searchsorted(start, tss + distance, side="right")
        site, row = each_of(first, last)
        inside = end[row] > tss[site] - distance
        sites.append(here[site[inside]])
        regions_near.append(rows[row[inside]])
    none = np.empty(0, dtype=np.int64)
    return np.concatenate([none, *sites]), np.concatenate([none, *regions_near])


def _from_table(table: pd.DataFrame) -> Genes:
    columns = table_columns(table)
    if not isinstance(columns.sites, tuple):
        return _genes(columns.name, columns.chrom, columns.sites, columns.first)
    *span, strand = columns.sites
    start, end = (_whole(values, columns.name, column) for values, column in zip(span, ("start", "end"), strict=True))
    return _genes(columns.name, columns.chrom, _site(start - columns.first, end, strand, columns.name))


def _from_annotation(path: Path) -> Genes:
    genes = read_annotation(path)
    names = genes["name"]
    stranded = genes["strand"].isin(["+", "-"])
    if not stranded.all():
        left_out = names[~stranded]
        info(
            f"genes: {len(left_out):,} of {len(names):,} have no strand and are left out, first {list(left_out[:_SHOWN])}"
        )
        genes, names = genes[stranded], names[stranded]
    start = _whole(genes["start"], names, "start") - 1  # GTF counts from 1, both ends inside
    return _genes(names, genes["chrom"], _site(start, _whole(genes["end"], names, "end"), genes["strand"], names))


def _genes(names: pd.Series, chrom: pd.Series, tss: Any, first: int = 0) -> Genes:
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
    sites = _whole(pd.Series(np.asarray(tss))[kept], names[kept], "tss") - first
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
