"""Small variants, read from a file or a table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._files import as_path
from scbasset_tl._reading import naming
from scbasset_tl.genome.variant_tables import MISSING, VariantColumns, read_table, table_columns
from scbasset_tl.genome.vcf import read_vcf

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self


class Variants(NamedTuple):
    """Alleles of upper-case letters on the forward strand; arrays of equal length, one row for each alternative allele.

    Attributes
    ----------
    chrom
        Contig.
    start
        First base of the reference allele, 0-based; -1 where the source gives no position on the contig.
    ref, alt
        Alleles.
    id
        Name, ``"."`` for a variant without one.
    reason
        Why the variant cannot be scored; empty where it can.
    effect
        The effect allele of a table of associations; empty if the source names none.
    free
        Whether either allele may be that of the genome, as in a table of effect and other alleles.
    """

    chrom: np.ndarray
    start: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    id: np.ndarray
    reason: np.ndarray
    effect: np.ndarray
    free: np.ndarray

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

    Alleles may be of any length and either case. Symbolic alleles (``<DEL>``, ``*``, breakends), missing ones (``.``),
    ambiguous letters and position 0 stay in the table with the reason why they cannot be scored.

    Parameters
    ----------
    source
        Path of a VCF or of a table, plain or compressed, or a DataFrame. A table has columns ``chrom`` or ``chr``;
        ``pos``, 1-based as in a VCF, or ``start``, 0-based; ``ref``, ``alt``; and perhaps ``id`` or ``rsid``; or their
        names in PLINK (also a ``.bim``), REGENIE, GWAS-SSF and the GWAS catalogue, in either case. Each of several
        alternative alleles, separated by commas, becomes a row. Where there are an effect and another allele in place
        of ``ref`` and ``alt``, the genome tells later which of them is the reference.

    Returns
    -------
    The variants in order; duplicates stay.

    Raises
    ------
    FileNotFoundError, KeyError, TypeError, ValueError
        If there is no such file or column, or it cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from scbasset_tl.genome import read_variants
    >>> table = pd.DataFrame({"chr": ["chrI", "chrI"], "pos": [5, 9], "ref": ["a", "CT"], "alt": ["G", "C"]})
    >>> read_variants(table).names()
    ['chrI:5:A>G', 'chrI:9:CT>C']
    """
    if isinstance(source, pd.DataFrame):
        columns = table_columns(source)
    elif isinstance(source, str | os.PathLike):
        path = as_path("variants", source)
        with naming(path):
            table = read_table(path)
            columns = _from_vcf(path) if table is None else table_columns(table)
    else:
        message = f"variants must be the path of a VCF file or a pandas.DataFrame, got {type(source).__name__}."
        raise TypeError(message)
    refs, alts, effects = (
        _texts(letter.upper() for letter in allele) for allele in (columns.ref, columns.alt, columns.effect)
    )
    reasons = _texts(map(_reason, refs, alts))
    variants = Variants(
        columns.chrom, columns.start, refs, alts, columns.id, _texts([""] * len(refs)), effects, columns.free
    )
    variants = variants.skip(columns.missing, MISSING)
    variants = variants.skip(columns.start < 0, "position 0, before the first base")
    return variants._replace(reason=np.where(variants.reason == "", reasons, variants.reason).astype(object))


def _from_vcf(path: Any) -> VariantColumns:
    chrom, pos, name, ref, alt = (_texts(column) for column in zip(*read_vcf(path), strict=True))
    none = np.zeros(len(pos), dtype=bool)
    return VariantColumns(chrom, pos.astype(np.int64) - 1, ref, alt, name, _texts([""] * len(pos)), none, none)


def _reason(ref: str, alt: str) -> str:
    """Why a pair of alleles cannot be scored, or nothing."""
    if alt in ("", ".", "*"):
        return "no alternative sequence (. or *)"
    if alt[0] in "<[]." or alt[-1] in "[].":
        return "symbolic allele or breakend"
    if set(ref + alt) - set("ACGT") or not ref:
        return "allele with a letter other than A, C, G, T"
    return "alleles are equal" if ref == alt else ""


def allele_lengths(alleles: np.ndarray) -> np.ndarray:
    """Letters of each allele, int64 (n,)."""
    return np.array([len(letters) for letters in alleles], dtype=np.int64)


def _texts(values: Iterable[Any]) -> np.ndarray:
    """Values (n,) as an array of objects."""
    return np.array(list(values), dtype=object)
