"""Tables of genes: which columns hold what, with headers and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd

from scbasset_tl._log import info
from scbasset_tl._reading import open_packed
from scbasset_tl.genome.annotation import collapse, level

if TYPE_CHECKING:
    from pathlib import Path

# names of columns in lower case, with _ for what is neither a letter nor a digit
_CHROMS: Final = (
    *("chr", "chrom", "chromosome", "seqnames", "seqname", "seqid", "chromosome_name", "chromosome_scaffold_name"),
    "contig",
)
_SYMBOLS: Final = (
    *("gene_name", "gene_symbol", "symbol", "external_gene_name", "hgnc_symbol", "mgi_symbol", "ref_gene_name"),
    *("genename", "name2", "gene", "name"),
)
_IDS: Final = ("gene_id", "gene_stable_id", "ensembl_gene_id", "id")
# columns of positions, and the number of the first base
_SITES: Final = (("tss", 0), ("transcription_start_site", 1), ("transcription_start_site_tss", 1))
_SPANS: Final = (
    (("start", "end"), 0),
    (("start_position", "end_position"), 1),  # BioMart
    (("gene_start_bp", "gene_end_bp"), 1),
    (("transcript_start_bp", "transcript_end_bp"), 1),
    (("transcript_start", "transcript_end"), 1),
    (("txstart", "txend"), 0),  # UCSC
    (("chromstart", "chromend"), 0),
)
_MISSING: Final = ("NA", "nan", "NaN", "None", "null", "<NA>")
_BED: Final = ("chrom", "start", "end", "name", "score", "strand")
_GENE_PRED: Final = (
    *("name", "chrom", "strand", "txStart", "txEnd", "cdsStart", "cdsEnd", "exonCount", "exonStarts", "exonEnds"),
    *("score", "name2", "cdsStartStat", "cdsEndStat", "exonFrames"),
)
_NEED: Final = "genes need a name, a contig chr, and tss (0-based) or start, end (0-based, half-open) and strand"


class GeneColumns(NamedTuple):
    """Genes of a table: where they start, or their first and last base and strand; the first base of all is ``first``."""

    name: pd.Series
    chrom: pd.Series
    sites: pd.Series | tuple[pd.Series, pd.Series, pd.Series]
    first: int


def head_of(path: Path) -> list[str]:
    """The first lines of a text, plain or compressed."""
    with open_packed(path) as content:
        return re.split(r"\r?\n", content.read(1 << 16).decode("utf-8-sig", errors="replace"))


def is_comment(line: str) -> bool:
    """Whether a line says nothing about a gene."""
    return not line.strip() or line.startswith("#") or bool(re.match(r"(?:track|browser)\s", line))


def read_table(path: Path) -> pd.DataFrame:
    """A table after any lines of comment, of which the last may be its header, or one of UCSC's without any."""
    lines = head_of(path)
    n_before = next((number for number, line in enumerate(lines) if not is_comment(line)), len(lines))
    first = lines[n_before] if n_before < len(lines) else ""
    sep = next((mark for mark in "\t," if mark in first), None)
    is_header = bool(n_before and first) and len(lines[n_before - 1].lstrip("# ").split(sep)) == len(first.split(sep))
    is_header &= bool(n_before) and lines[n_before - 1].startswith("#")
    names = None if is_header or not first else _without_header(first.split(sep))
    with open_packed(path) as content:
        return pd.read_csv(
            content,
            sep=sep or r"\s+",
            skiprows=n_before - is_header,
            header=None if names else "infer",
            names=names,
            index_col=False,
            dtype=str,
            na_filter=False,  # a gene may be called nan or NA
            encoding="utf-8-sig",
        )


def table_columns(table: pd.DataFrame) -> GeneColumns:
    """What a table of genes holds, whatever its columns are called."""
    columns_by_name: dict[str, Any] = {}
    for column in table.columns:
        columns_by_name.setdefault(re.sub(r"[^a-z0-9]+", "_", str(column).lower()).strip("_"), column)
    chrom = next((columns_by_name[name] for name in _CHROMS if name in columns_by_name), None)
    site = next(((columns_by_name[name], first) for name, first in _SITES if name in columns_by_name), None)
    span = next(((pair, first) for pair, first in _SPANS if {*pair, "strand"} <= set(columns_by_name)), None)
    columns = [columns_by_name[name] for name in (*_SYMBOLS, *_IDS) if name in columns_by_name]
    if chrom is None or (site or span) is None or (not columns and isinstance(table.index, pd.RangeIndex)):
        message = f"genes: {_NEED}; the table has columns {[str(column) for column in table.columns[:12]]}."
        raise KeyError(message)
    contigs = table[chrom]
    if contigs.dtype == object:
        contigs = contigs.where(contigs != "", None)
    names = _names(table, columns, contigs)
    if site is not None:
        return GeneColumns(names, contigs, table[site[0]], site[1])
    pair, first = span  # type: ignore[misc]
    start, end, strand = (columns_by_name[name] for name in (*pair, "strand"))
    if pair == ("start", "end") and _counts_from_one(table, columns_by_name):
        info("genes: start and end count from 1, as in a GTF (seqname, or width = end - start + 1).")
        first = 1
    lines = pd.DataFrame({
        "name": names, "chrom": contigs, "start": table[start], "end": table[end], "strand": table[strand],
    })  # fmt: skip
    lines = _genes_only(lines, table, columns_by_name)
    return GeneColumns(lines["name"], lines["chrom"], (lines["start"], lines["end"], lines["strand"]), first)


def _without_header(fields: list[str]) -> list[str] | None:
    """Names of the columns of a table of UCSC that begins with a gene."""
    whole = [field.strip().isdecimal() for field in fields]
    signs = [field.strip() in ("+", "-") for field in fields]
    if len(fields) >= 3 and whole[1] and whole[2]:
        return [*_BED[: len(fields)], *(f"column{number}" for number in range(len(_BED), len(fields)))]
    for before in ((), ("bin",) if whole[0] else ("geneName",)):  # genePred, refGene, refFlat
        at = len(before)
        if len(fields) >= 10 + at and signs[2 + at] and whole[3 + at] and whole[4 + at]:
            names = [*before, *_GENE_PRED]
            return [*names[: len(fields)], *(f"column{number}" for number in range(len(names), len(fields)))]
    return None


def _counts_from_one(table: pd.DataFrame, columns_by_name: dict[str, Any]) -> bool:
    """Whether positions are those of a GTF: gtfparse's table of one, or what R makes of a GRanges."""
    if {"seqname", "seqid"} & set(columns_by_name) and {"feature", "type"} & set(columns_by_name):
        return True
    if "width" not in columns_by_name:
        return False
    start, end, width = (
        pd.to_numeric(table[columns_by_name[name]], errors="coerce") for name in ("start", "end", "width")
    )
    return bool((width == end - start + 1).all())


def _genes_only(lines: pd.DataFrame, table: pd.DataFrame, columns_by_name: dict[str, Any]) -> pd.DataFrame:
    """Rows of genes, where a table has all lines of an annotation, as of pyranges, gtfparse and rtracklayer."""
    feature = next((columns_by_name[name] for name in ("feature", "type") if name in columns_by_name), None)
    if feature is None:
        return lines
    kinds = table[feature].astype(str).str.lower()  # a type may also be that of the gene's product, such as lncRNA
    if not kinds.isin(["gene", "transcript", "exon", "cds"]).any():
        return lines
    ids, transcripts = (
        table[columns_by_name[name]].astype(object)
        if name in columns_by_name
        else pd.Series(None, index=table.index, dtype=object)
        for name in ("gene_id", "transcript_id")
    )
    whole = lines.assign(level=level(kinds), id=ids.where(ids.notna(), lines["name"]), transcript=transcripts)
    return collapse(whole[whole["level"] < 3])


def _names(table: pd.DataFrame, columns: list[Any], chrom: pd.Series) -> pd.Series:
    """The name of each row, from the first column that has one there, or else from the index."""
    sources = [table[column] for column in columns]
    if not isinstance(table.index, pd.RangeIndex):
        sources.append(pd.Series(table.index, index=table.index))
    names = pd.Series(None, index=table.index, dtype=object)
    for source in sources:
        text = source.astype(object).where(source.notna(), None)
        # a gene lies on one contig: what stands on several is how missing values are written
        written = text.isin(_MISSING).to_numpy()
        several = chrom[written].groupby(text[written].to_numpy()).nunique()
        text = text.where(~text.isin([*several.index[several > 1], "", "."]).to_numpy(), None)
        names = names.where(names.notna().to_numpy(), text)
    return names
