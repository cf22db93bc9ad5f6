"""Variants held against a genome: contigs, positions and reference alleles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from scbasset_tl._log import info, warning
from scbasset_tl.genome.codes import decode
from scbasset_tl.genome.contigs import match_contigs, respell
from scbasset_tl.genome.variants import allele_lengths

if TYPE_CHECKING:
    from scbasset_tl.genome.fasta import Fasta
    from scbasset_tl.genome.variants import Variants

_SHOWN: Final = 3
_AGREE: Final = 5
"""Variants that must agree on a cause before it is named: a substitution fits elsewhere by chance in a quarter of cases."""
_AGREE_FREE: Final = 12
"""The same where either allele may be the reference: one of two fits by chance in half of the cases."""
_NUMBERED: Final = {"23": ("X",), "24": ("Y",), "25": ("X",), "26": ("M", "MT")}  # PLINK, GWAS-SSF
_SHIFTED: Final = {
    1: "right: they seem to count from 0. In a VCF and in a column pos the first base is 1; name the column start.",
    -1: "left: they seem to count from 1. In a column start the first base is 0; name the column pos.",
}


def match_genome(variants: Variants, genome: Fasta) -> Variants:
    """The variants with the contig names of ``genome``, their reference alleles compared with it.

    Where the genome lacks a contig it is looked for under other spellings of its name. If a table has an effect and
    another allele, the one that the genome has becomes the reference. Variants that do not fit are marked to be skipped: on
    contigs that are not there, past their end, with another reference allele, or where the genome has no certain base.

    Raises
    ------
    ValueError
        Where none of the contigs is there, or many variants (more than half, or 5 that are more than a tenth) lie past
        the end or have reference alleles that are not the genome's: how many, the first ones, and the likely cause.
    """
    variants = _match_contigs(variants, genome)
    source = genome.path.name
    usable = variants.usable
    checked = variants.rows(usable)
    length = np.array([genome.lengths[name] for name in checked.chrom], dtype=np.int64)
    past = checked.start + np.where(checked.free, 1, allele_lengths(checked.ref)) > length
    if _many(past):
        what = f"lie past the end of their contig in {source}"
        raise ValueError(_counted(checked, past, what, length, "Are they of another assembly? Pass its FASTA."))
    variants = variants.skip(_at(usable[past], variants), f"past the end of its contig in {source}")
    variants = _orient(variants, genome)
    usable = variants.usable
    checked = variants.rows(usable)
    genome_alleles = _alleles_at(genome, checked.chrom, checked.start, allele_lengths(checked.ref))
    wrong = genome_alleles != checked.ref
    unsure = wrong & np.array([_agree(*pair) for pair in zip(genome_alleles, checked.ref, strict=True)], dtype=bool)
    variants = variants.skip(_at(usable[unsure], variants), f"{source} has N or another ambiguous letter there")
    wrong &= ~unsure
    if not wrong.any():
        return variants
    what = f"have another reference allele than {source}, whose own stands in brackets"
    if _many(wrong[~unsure]):
        raise ValueError(_counted(checked, wrong, what, genome_alleles, _cause(checked, wrong, genome_alleles, genome)))
    warning(_counted(checked, wrong, what, genome_alleles, "They are skipped."))
    return variants.skip(_at(usable[wrong], variants), f"another reference allele than {source}")


def _many(bad: np.ndarray) -> bool:
    """Whether so many are bad that something is wrong with all: more than half, or more than a tenth, and 5 at least."""
    return bool(2 * bad.sum() > len(bad) or (bad.sum() >= _AGREE and bad.mean() > 0.1))


def _at(rows: np.ndarray, variants: Variants) -> np.ndarray:
    """Mark ``rows``."""
    return np.isin(np.arange(len(variants.start)), rows)


def _agree(letters: str, ref: str) -> bool:
    """Whether letters are equal wherever the genome has a certain base."""
    return all(mine in ("N", theirs) for mine, theirs in zip(letters, ref, strict=True))


def _orient(variants: Variants, genome: Fasta) -> Variants:
    """Take the allele that the genome has for the reference of two in no order; say how often that is the effect allele."""
    rows = variants.usable
    rows = rows[variants.free[rows]]
    if not len(rows):
        return variants
    free = variants.rows(rows)
    fits = [
        _alleles_at(genome, free.chrom, free.start, allele_lengths(allele)) == allele for allele in (free.ref, free.alt)
    ]
    variants = variants.skip(
        _at(rows[fits[0] & fits[1]], variants), "either allele fits the genome (name the columns ref and alt)"
    )
    turned = rows[fits[1] & ~fits[0]]
    ref, alt = variants.ref.copy(), variants.alt.copy()
    ref[turned], alt[turned] = variants.alt[turned], variants.ref[turned]
    effects = turned[variants.effect[turned] == ref[turned]]
    if len(effects):
        info(
            f"variants: {len(effects):,} of {len(rows):,} effect alleles are the reference allele in {genome.path.name}. "
            "Changes are of the other allele against it, so there the sign of beta is to be turned "
            "(get.variant_effect: where effect_allele is ref)"
        )
    return variants._replace(ref=ref, alt=alt)


def _match_contigs(variants: Variants, genome: Fasta) -> Variants:
    """The table with the genome's contig names and a note about them; variants on other contigs are marked."""
    absent = set(variants.chrom) - genome.lengths.keys()
    sexes = {name: spelled for name in sorted(absent) if (spelled := _sex_chromosome(name, genome))}
    chrom = pd.Categorical(np.array([sexes.get(name, name) for name in variants.chrom], dtype=object))
    chrom = respell(chrom, genome.lengths, whose="the variants", source=genome.path.name)
    variants = variants._replace(chrom=np.asarray(chrom, dtype=object))
    unknown = np.array([name not in genome.lengths for name in variants.chrom], dtype=bool)
    if unknown.all():
        names, has = sorted(set(variants.chrom)), list(genome.lengths)
        message = (
            f"variants: {genome.path.name} has no contig {names[:_SHOWN]}, in any spelling (it has {has[:8]}): it is the "
            "FASTA of another assembly or species, or its contigs have other names. Rename those of the variants: "
            "bcftools annotate --rename-chrs, or in the table."
        )
        raise ValueError(message)
    return variants.skip(unknown, f"contig not in {genome.path.name}")


def _sex_chromosome(name: str, genome: Fasta) -> str | None:
    """What the genome calls a chromosome that PLINK numbers."""
    others = match_contigs(_NUMBERED.get(name.removeprefix("chr"), ()), genome.lengths)
    return next(iter(others.values()), None) if not match_contigs([name], genome.lengths) else None


def _cause(variants: Variants, wrong: np.ndarray, genome_alleles: np.ndarray, genome: Fasta) -> str:
    """The likely reason for wrong reference alleles, where enough variants at different places agree on it."""
    drop = "Correct or drop them (bcftools norm --check-ref x)."
    few = wrong.mean() < 0.5
    rows = np.flatnonzero(wrong)
    rows = rows[~pd.MultiIndex.from_arrays([variants.chrom[rows], variants.start[rows]]).duplicated()]
    bad = variants.rows(rows)
    if len(rows) < (_AGREE_FREE if bad.free.any() else _AGREE):
        return drop
    for by, cause in _SHIFTED.items():
        fits = [
            _alleles_at(genome, bad.chrom, bad.start + by, allele_lengths(allele)) == allele
            for allele in (bad.ref, bad.alt)
        ]
        if not few and (fits[0] | (fits[1] & bad.free)).mean() > 0.9:
            return f"The alleles match one base further {cause}"
    if (bad.alt == genome_alleles[rows]).mean() > 0.9:
        return "The alternative alleles match: the two are swapped, or the assembly has the other allele there."
    if few:
        return drop
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
