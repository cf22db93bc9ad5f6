"""Tables of small variants: read from a file or a table, and held against the genome."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._files import as_path
from scbasset_tl.genome.codes import decode
from scbasset_tl.genome.contigs import contig_names, respell
from scbasset_tl.genome.vcf import read_vcf

if TYPE_CHECKING:
    from typing import Self

    from scbasset_tl.genome.fasta import Fasta

_CHROM_COLUMNS: Final = ("chrom", "chr", "CHROM", "#CHROM")
_SHOWN: Final = 3
_SHIFTED: Final = {
    1: "right: they seem to count from 0. In a VCF and in a column pos the first base is 1; name the column start.",
    -1: "left: they seem to count from 1. In a column start the first base is 0; name the column pos.",
}


class Variants(NamedTuple):
    """Alleles of upper-case letters on the forward strand; arrays of equal length, one row for each alternative allele.

    Attributes
    ----------
    chrom
        Contig.
    start
        First base of the reference allele, 0-based.
    ref, alt
        Alleles.
    id
        Name, ``"."`` where there is none.
    reason
        Why the variant cannot be scored; empty where it can.
    """

    chrom: np.ndarray
    start: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    id: np.ndarray
    reason: np.ndarray

    def __repr__(self) -> str:
        n_skipped = len(self.reason) - len(self.usable)
        return (
            f"Variants({len(self.start):,} alleles on {len(set(self.chrom.tolist())):,} contigs, {n_skipped:,} skipped)"
        )

    @property
    def usable(self) -> np.ndarray:
        """Positions of the variants that can be scored."""
        return np.flatnonzero(self.reason == "")

    def rows(self, rows: np.ndarray) -> Self:
        """The variants at ``rows``, in that order."""
        return type(self)(*(column[rows] for column in self))

    def names(self) -> list[str]:
        """``chrom:pos:ref>alt``, 1-based as in a VCF."""
        return [f"{c}:{s + 1}:{r}>{a}" for c, s, r, a in zip(self.chrom, self.start, self.ref, self.alt, strict=True)]

    def skip(self, marked: np.ndarray, reason: str) -> Self:
        """The table with ``reason`` for those of ``marked`` (bool) that have none yet."""
        return self._replace(reason=np.where(marked & (self.reason == ""), reason, self.reason).astype(object))


def read_variants(source: str | os.PathLike[str] | pd.DataFrame) -> Variants:
    """Variants of a VCF file or a table.

    Alleles may be of any length and either case. Symbolic alleles (``<DEL>``, ``*``, breakends), missing ones (``.``)
    and ambiguous letters stay in the table with the reason why they cannot be scored.

    Parameters
    ----------
    source
        Path of a VCF, plain or compressed, or a table with columns ``chrom`` or ``chr``; ``pos``, 1-based as in a VCF,
        or ``start``, 0-based; ``ref``, ``alt``; and perhaps ``id``. Of several alternative alleles, with commas between
        them, each becomes a row.

    Returns
    -------
    The variants in order; duplicates stay.

    Raises
    ------
    FileNotFoundError, KeyError, TypeError, ValueError
        If there is no such file or column, or what is there cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from scbasset_tl.genome import read_variants
    >>> table = pd.DataFrame({"chr": ["chrI", "chrI"], "pos": [5, 9], "ref": ["a", "CT"], "alt": ["G", "C"]})
    >>> read_variants(table).names()
    ['chrI:5:A>G', 'chrI:9:CT>C']
    """
    if isinstance(source, pd.DataFrame):
        columns = _from_table(source)
    elif isinstance(source, str | os.PathLike):
        chrom, pos, name, ref, alt = zip(*read_vcf(as_path("variants", source)), strict=True)
        columns = chrom, np.array(pos, dtype=np.int64) - 1, ref, alt, name
    else:
        message = f"variants must be the path of a VCF file or a pandas.DataFrame, got {type(source).__name__}."
        raise TypeError(message)
    chroms, start, *alleles, names = columns
    refs, alts = (_texts(letter.upper() for letter in allele) for allele in alleles)
    reasons = _texts(map(_reason, refs, alts))
    return Variants(_texts(chroms), start, refs, alts, _texts(names), reasons)


def match_genome(variants: Variants, genome: Fasta) -> Variants:
    """The variants with the contig names of ``genome``, after their reference alleles were held against it.

    Where the genome lacks a contig it is looked for under other spellings of its name. Variants on contigs that are not
    there at all are marked to be skipped, unless none is left.

    Raises
    ------
    ValueError
        For positions past the end of a contig and reference alleles that are not those of the genome: how many, the
        first ones, and the likely cause.
    """
    variants = _match_contigs(variants, genome)
    usable = variants.usable
    checked, source = variants.rows(usable), genome.path.name
    length = np.array([genome.lengths[name] for name in checked.chrom], dtype=np.int64)
    if (past := checked.start + allele_lengths(checked.ref) > length).any():
        what = f"lie past the end of their contig in {source}"
        raise ValueError(_counted(checked, past, what, length, "Are they of another assembly? Pass its FASTA."))
    found = _alleles_at(genome, checked.chrom, checked.start, allele_lengths(checked.ref))
    if (wrong := found != checked.ref).any():
        what = f"have another reference allele than {source}, whose own stands in brackets"
        raise ValueError(_counted(checked, wrong, what, found, _cause(checked, wrong, found, genome)))
    return variants


def _from_table(table: pd.DataFrame) -> tuple[Any, np.ndarray, Any, Any, Any]:
    chrom = next((name for name in _CHROM_COLUMNS if name in table), None)
    lower = {str(name).lower(): name for name in table.columns}
    position = next((name for name in ("pos", "start") if name in lower), None)
    if chrom is None or position is None or not {"ref", "alt"} <= set(lower):
        message = (
            "variants: the table needs the columns chrom (or chr), pos (1-based, as in a VCF) or start (0-based), ref and "
            f"alt; it has {list(table.columns)[:12]}."
        )
        raise KeyError(message)
    if "pos" in lower and "start" in lower:
        message = "variants: the table has both pos (1-based) and start (0-based): drop one of them."
        raise ValueError(message)
    if table.empty:
        message = "variants is an empty table."
        raise ValueError(message)
    first = 1 if position == "pos" else 0
    values = pd.to_numeric(table[lower[position]].astype(object), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = ~((values >= first) & (values < 2**53) & (values == np.floor(values)))
    _refuse(table, bad, lower[position], f"whole numbers from {first}")
    for column in (chrom, lower["ref"], lower["alt"]):
        _refuse(table, table[column].isna().to_numpy(), column, "text")
    ids = table[lower["id"]].astype(object) if "id" in lower else pd.Series(".", index=table.index)
    alts = [letters.split(",") for letters in table[lower["alt"]].astype(str)]
    each = np.repeat(np.arange(len(table)), [len(several) for several in alts])
    return (
        contig_names(table[chrom])[each],
        values.astype(np.int64)[each] - first,
        table[lower["ref"]].astype(str).iloc[each],
        chain.from_iterable(alts),
        ids.where(ids.notna(), ".").astype(str).iloc[each],
    )


def _refuse(table: pd.DataFrame, bad: np.ndarray, column: str, meant: str) -> None:
    if bad.any():
        shown = [f"{value!r} in row {row}" for row, value in table[column][bad].iloc[:_SHOWN].items()]
        message = f"variants: {column} must hold {meant}; {bad.sum()} of {len(bad)} do not: {', '.join(shown)}."
        raise ValueError(message)


def _reason(ref: str, alt: str) -> str:
    """Why a pair of alleles cannot be scored, or nothing."""
    if alt in ("", ".", "*"):
        return "no alternative sequence (. or *)"
    if alt[0] in "<[]." or alt[-1] in "[].":
        return "symbolic allele or breakend"
    if set(ref + alt) - set("ACGT") or not ref:
        return "allele with a letter other than A, C, G, T"
    return "alleles are equal" if ref == alt else ""


def _match_contigs(variants: Variants, genome: Fasta) -> Variants:
    """The table with the genome's contig names, told in a note, and those on others marked."""
    chrom = respell(pd.Categorical(variants.chrom), genome.lengths, whose="the variants", source=genome.path.name)
    variants = variants._replace(chrom=np.asarray(chrom, dtype=object))
    unknown = np.array([name not in genome.lengths for name in variants.chrom])
    if unknown.all():
        names, has = sorted(set(variants.chrom)), list(genome.lengths)
        message = (
            f"variants: {genome.path.name} has no contig {names[:_SHOWN]}, in any spelling (it has {has[:8]}): it is "
            "the FASTA of another assembly or species, or its contigs have other names. Rename those of the variants: "
            "bcftools annotate --rename-chrs, or in the table."
        )
        raise ValueError(message)
    return variants.skip(unknown, f"contig not in {genome.path.name}")


def _cause(variants: Variants, wrong: np.ndarray, found: np.ndarray, genome: Fasta) -> str:
    """The likely reason for wrong reference alleles."""
    bad, few = variants.rows(np.flatnonzero(wrong)), wrong.mean() < 0.5
    for by, cause in _SHIFTED.items():
        shifted = _alleles_at(genome, bad.chrom, bad.start + by, allele_lengths(bad.ref))
        if not few and (shifted == bad.ref).mean() > 0.9:
            return f"The alleles match one base further {cause}"
    if (bad.alt == found[wrong]).mean() > 0.9:
        return "The alternative alleles match: the two are swapped, or the assembly has the other allele there."
    if few or len(wrong) <= _SHOWN:
        return "Correct or drop them (bcftools norm --check-ref x)."
    return "Most do not match: the variants were called on another assembly. Pass its FASTA, or lift them over."


def _alleles_at(genome: Fasta, chrom: np.ndarray, start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Letters of the genome (n,); N outside its contigs."""
    letters = np.empty(len(start), dtype=object)
    for width in np.unique(length):
        here = np.flatnonzero(length == width)
        letters[here] = decode(genome.windows(chrom[here], start[here] + width // 2, int(width)))
    return letters


def _counted(variants: Variants, bad: np.ndarray, what: str, beside: np.ndarray, fix: str) -> str:
    """How many of the variants are marked, and the first of them."""
    rows = np.flatnonzero(bad)[:_SHOWN]
    shown = [f"{name} ({value})" for name, value in zip(variants.rows(rows).names(), beside[rows], strict=True)]
    more = ", ..." if bad.sum() > _SHOWN else ""
    return f"variants: {bad.sum()} of {len(bad)} {what}: {', '.join(shown)}{more}. {fix}"


def allele_lengths(alleles: np.ndarray) -> np.ndarray:
    """Letters of each allele, int64 (n,)."""
    return np.array([len(letters) for letters in alleles], dtype=np.int64)


def _texts(values: Any) -> np.ndarray:
    """Text (n,) as an array of objects."""
    return np.array(list(values), dtype=object)
