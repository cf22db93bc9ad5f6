"""Genes of GTF and GFF3 files: from a gene's own line, or else its transcripts, or else their exons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import numpy as np
import pandas as pd

from scbasset_tl._log import info
from scbasset_tl._reading import open_packed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GENE, TRANSCRIPT, EXON = range(3)
_COLUMNS: Final = ("chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes")
_LINES: Final = 200_000  # read at a time: most are of exons
_GTF: Final = r'(?:^|;)\s*{}\s+(?:"([^"]*)"|([^\s";]+))'  # quoted or not
_GFF3: Final = r"(?:^|;)\s*{}=()([^;]*)"
_NAMES: Final = ("gene_name", "gene_symbol", "ref_gene_name", "gene")
# in GFF3 "Name" is the name of the line, and "locus" that of WormBase's genes
_NAMES_GFF3: Final = {GENE: ("gene_name", "gene_symbol", "gene", "locus", "Name"), TRANSCRIPT: _NAMES, EXON: _NAMES}
_IDS_GFF3: Final = {GENE: ("gene_id", "ID"), TRANSCRIPT: ("gene_id", "geneID", "Parent"), EXON: ("gene_id", "geneID")}
_SHOWN: Final = 3


def is_annotation(line: str) -> bool:
    """Whether a line is one of a GTF or GFF3 file."""
    fields = line.split("\t")
    return (
        len(fields) in (8, 9) and fields[3].isdecimal() and fields[4].isdecimal() and fields[6] in ("+", "-", ".", "?")
    )


def level(features: pd.Series) -> np.ndarray:
    """The kind of each line: 0 a gene, 1 a transcript, 2 an exon, 3 something else."""
    number, different = pd.factorize(features)
    text = pd.Series(different, dtype=object).astype(str).str.lower()
    kinds = [text.str.endswith("gene"), text.str.endswith(("transcript", "rna")), text.isin(["exon", "cds"])]
    return np.append(np.select([kind.to_numpy(dtype=bool) for kind in kinds], [GENE, TRANSCRIPT, EXON], 3), 3)[number]


def read_annotation(path: Path) -> pd.DataFrame:
    """Genes of a GTF or GFF3 file: ``name``, ``chrom``, ``start`` (text, 1-based), ``end`` and ``strand``."""
    n_lines, parts, gff3 = 0, [], False
    ids_seen: dict[int, set[str]] = {GENE: set(), TRANSCRIPT: set()}
    for lines in _parts(path):
        n_lines += len(lines)
        lines = lines.assign(level=level(lines["feature"]), attributes=lines["attributes"].fillna(""))
        lines = lines[(lines["level"] < 3) & ~lines["chrom"].str.startswith("#")]
        gff3 = gff3 or bool(lines["attributes"].iloc[:1].str.match(r"\s*[\w.:-]+=").any())
        for kind in (GENE, TRANSCRIPT, EXON):
            part = lines[lines["level"] == kind]
            part = part.assign(id=_first(part["attributes"], _IDS_GFF3[kind] if gff3 else ("gene_id",), gff3=gff3))
            # a gene that has a line of its own needs no other, and exons are most of a file
            for above in range(kind):
                part = part[~part["id"].isin(ids_seen[above])]
            if kind != EXON:
                ids_seen[kind].update(part["id"].dropna())
            parts.append(_with_names(part, kind, gff3=gff3))
    read = pd.concat(parts)
    if read.empty:
        message = (
            f"genes: {path.name} has no line of a gene, a transcript or an exon among {n_lines}: is it a GTF or GFF3?"
        )
        raise ValueError(message)
    if gff3:  # whose transcripts need not name their gene
        read = read[read["level"] == read["level"].min()]
    return collapse(read)


def collapse(lines: pd.DataFrame) -> pd.DataFrame:
    """A row for each gene, or each transcript of genes that have no line of their own.

    Parameters
    ----------
    lines
        ``level``, ``id`` (of the gene), ``name``, ``transcript``, ``chrom``, ``start``, ``end`` and ``strand`` of lines.
    """
    lines = lines.reset_index(drop=True)
    key = lines["id"].where(lines["id"].notna(), lines["name"])
    kept = (lines["level"] == GENE).to_numpy()
    for kind in (TRANSCRIPT, EXON):
        above = set(key[kept].dropna())
        kept |= ((lines["level"] == kind) & ~key.isin(above)).to_numpy()
    is_exon = kept & (lines["level"] == EXON).to_numpy()
    rows = lines[kept & ~is_exon]
    if is_exon.any():
        rows = pd.concat([rows, _joined(lines[is_exon].assign(key=key[is_exon]))], ignore_index=True)
    inferred = rows["level"] != GENE
    if inferred.any() and not inferred.all():
        several = pd.unique(rows["name"].where(rows["name"].notna(), rows["id"])[inferred].dropna())
        info(
            f"genes: {len(several):,} have no line of their own and start where their transcripts do, first "
            f"{list(several[:_SHOWN])}"
        )
    return rows.assign(name=_unique(rows["name"], rows["id"])).reset_index(drop=True)


def _parts(path: Path) -> Iterator[pd.DataFrame]:
    with open_packed(path) as content:
        # not with usecols, which refuses a part that is nothing but comments
        yield from pd.read_csv(
            content,
            sep="\t",
            header=None,
            names=list(_COLUMNS),
            index_col=False,
            dtype=str,
            quoting=3,
            na_filter=False,
            chunksize=_LINES,
            encoding="utf-8-sig",
        )


def _first(attributes: pd.Series, keys: tuple[str, ...], *, gff3: bool) -> pd.Series:
    """The value of the first of ``keys`` that each line has."""
    patterns = [re.compile((_GFF3 if gff3 else _GTF).format(key)) for key in keys]

    def value(text: str) -> str | None:
        for pattern in patterns:
            if (match := pattern.search(text)) and (content := match[1] or match[2]):
                return _plain(content) if gff3 else content
        return None

    return pd.Series([value(text) for text in attributes], index=attributes.index, dtype=object)


def _plain(value: str) -> str:
    """A value of GFF3, without its escapes and without what Ensembl, NCBI and WormBase put before the ids of genes."""
    value = unquote(value)
    return value[5:] if value[:5].lower() in ("gene:", "gene-") else value


def _with_names(part: pd.DataFrame, kind: int, *, gff3: bool) -> pd.DataFrame:
    text = part["attributes"]
    names = _first(text, _NAMES_GFF3[kind] if gff3 else _NAMES, gff3=gff3)
    keys = ("transcript_id", "Parent") if gff3 else ("transcript_id",)
    transcript = _first(text, keys, gff3=gff3) if kind == EXON else None
    part = part.drop(columns=["attributes", "source", "score", "frame", "feature"])
    return part.assign(name=names, transcript=transcript)


def _joined(exons: pd.DataFrame) -> pd.DataFrame:
    """Transcripts from the first to the last base of their exons."""
    numbers = exons.assign(**{name: pd.to_numeric(exons[name], errors="coerce") for name in ("start", "end")})
    key = exons["key"].where(exons["key"].notna(), exons["transcript"])
    transcript = exons["transcript"].where(exons["transcript"].notna(), key)
    together = numbers.groupby([exons["chrom"], exons["strand"], key, transcript], sort=False, dropna=False)
    return together.agg(
        chrom=("chrom", "first"),
        start=("start", "min"),
        end=("end", "max"),
        strand=("strand", "first"),
        level=("level", "first"),
        id=("id", "first"),
        name=("name", "first"),
    ).reset_index(drop=True)


def _unique(names: pd.Series, ids: pd.Series) -> pd.Series:
    """Names of genes: from another line of the gene, or else its id; if genes share a name, all but the first go by their id."""
    names_of_gene = names.groupby(ids)
    only = names_of_gene.transform("first").where(names_of_gene.transform("nunique") == 1, None)
    names = names.where(names.notna(), only)
    names = names.where(names.notna(), ids)
    first = ids.groupby(names).transform("first")
    return names.where((first == ids) | ids.isna() | first.isna(), ids)
