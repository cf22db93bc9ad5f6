"""Tables of variants: which columns hold what, and what stands in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._reading import open_packed, unpacking
from scbasset_tl.genome.contigs import contig_names
from scbasset_tl.genome.vcf import is_vcf_header, is_vcf_row

if TYPE_CHECKING:
    from pathlib import Path

# names of columns in lower case, without # and with _ for blanks
_CHROM: Final = ("chrom", "chr", "chromosome", "chr_id", "chr_name", "chromosome_name", "contig", "seqnames")
_POS: Final = ("pos", "pos1", "position", "bp", "base_pair_location", "base_pair_position", "genpos", "chr_pos")
_START: Final = ("start", "chromstart")
_REF: Final = ("ref", "reference", "reference_allele")
_ALT: Final = ("alt", "alternative", "alternate", "alternative_allele", "alternate_allele", "alt_allele")
_ID: Final = ("rsid", "rs_id", "id", "snp", "snpid", "snp_id", "variant_id", "variant", "markername", "marker")
# (other allele, effect allele): either may be that of the genome
_EFFECT: Final = (
    ("other_allele", "effect_allele"),
    ("non_effect_allele", "effect_allele"),
    ("noneffect_allele", "effect_allele"),
    ("nea", "ea"),
    ("oa", "ea"),
    ("allele0", "allele1"),  # REGENIE, BOLT-LMM
    ("a0", "a1"),
    ("a2", "a1"),  # PLINK, GCTA, LDSC
)
_TWO: Final = ("allele1", "allele2")  # some programs call the first the effect allele, and some the second
_HARMONISED: Final = ("hm_chrom", "hm_pos", "hm_other_allele", "hm_effect_allele")  # names in the GWAS catalogue
_BIM: Final = ("chrom", "id", "cm", "pos", "a1", "a2")
_HEAD: Final = 1 << 16  # read so many bytes of a file to tell what it is
_SHOWN: Final = 3
MISSING: Final = "no contig, position or allele in the table"


class VariantColumns(NamedTuple):
    """A table's variants, a row for each alternative allele. Without a position, ``start`` is -1.

    ``effect`` is the effect allele (empty if the table names none); ``free`` marks rows in which either allele may be the
    genome's.
    """

    chrom: np.ndarray
    start: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    id: np.ndarray
    effect: np.ndarray
    free: np.ndarray
    missing: np.ndarray


def read_table(path: Path) -> pd.DataFrame | None:
    """The table in a file, as text; ``None`` where the file is a VCF or begins with no names of such columns."""
    if not path.is_file():
        return None
    how: dict[str, Any] = {"dtype": str, "encoding": "utf-8-sig", "encoding_errors": "replace"}
    try:
        with unpacking(path), open_packed(path) as content:
            head = content.read(_HEAD).decode("utf-8-sig", errors="replace")
            if (layout := _layout(head)) is None:
                return None
            content.seek(0)
            return pd.read_csv(content, **how, **layout)
    except pd.errors.ParserError as error:
        message = f"variants: {path.name} cannot be read as a table: {error}"
        raise ValueError(message) from error


def _layout(head: str) -> dict[str, Any] | None:
    """Arguments by which pandas reads a table that begins so; ``None`` if it is no table."""
    lines = re.split(r"\r?\n", head)
    n_before = next((number for number, line in enumerate(lines) if line and not line.startswith("##")), len(lines))
    if n_before == len(lines) or lines[0].startswith("##fileformat"):
        return None
    first = lines[n_before]
    if is_vcf_header(first) or is_vcf_row(first):
        return None
    sep = next((mark for mark in "\t," if mark in first), None)
    fields = first.split(sep)
    names = {_plain(name) for name in fields}
    how = {"skiprows": n_before, "sep": sep or r"\s+"}
    if names & {*_CHROM, _HARMONISED[0]} and names & {*_POS, *_START, _HARMONISED[1]}:
        return how
    if len(fields) == len(_BIM) and fields[3].isdecimal() and not fields[4].isdecimal():
        return {**how, "header": None, "names": list(_BIM)}
    return None


def table_columns(table: pd.DataFrame) -> VariantColumns:
    """What a table of variants holds, whatever its columns are called."""
    names = _columns(table)
    chrom, positions = _first(names, _CHROM), [names[name] for name in _POS if name in names]
    starts = [names[name] for name in _START if name in names]
    alleles = _alleles(names)
    if chrom is None or not (positions or starts) or alleles is None:
        message = (
            "variants: the table needs the columns chrom (or chr), pos (1-based, as in a VCF) or start (0-based), ref and "
            "alt, or effect_allele and other_allele, or their names in PLINK, REGENIE or the GWAS catalogue; it has "
            f"{list(table.columns)[:12]}."
        )
        raise KeyError(message)
    if table.empty:
        message = "variants is an empty table."
        raise ValueError(message)
    start, has_start = _starts(table, positions, starts)
    ref_column, alt_column, free, effect_column = alleles
    missing = table[[chrom, ref_column, alt_column]].isna().to_numpy()
    for column, absent in zip((chrom, ref_column, alt_column), missing.T, strict=True):
        if absent.all():
            _refuse(table, absent, column, "text")
    contigs = pd.Series(".", index=range(len(table)), dtype=object)
    contigs[~missing[:, 0]] = np.asarray(contig_names(table[chrom][~missing[:, 0]]), dtype=object)
    texts = {
        column: table[column].astype(object).where(table[column].notna(), ".").astype(str).to_numpy(dtype=object)
        for column in {ref_column, alt_column, *([effect_column] if effect_column else [])}
    }
    alts = [[letters] if free else letters.split(",") for letters in texts[alt_column]]
    each = np.repeat(np.arange(len(table)), [len(several) for several in alts])
    effect = texts[effect_column] if effect_column else np.full(len(table), "", dtype=object)
    return VariantColumns(
        contigs.to_numpy()[each],
        start[each],
        texts[ref_column][each],
        np.array([letters for several in alts for letters in several], dtype=object),
        _ids(table, names)[each],
        effect[each],
        np.full(len(each), free),
        (missing.any(axis=1) | ~has_start)[each],
    )


def _plain(name: Any) -> str:
    return re.sub(r"[\s/-]+", "_", str(name).strip().lstrip("#").strip().lower())


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    """Columns by their plain names; of a harmonised table of the GWAS catalogue those of today's assembly alone."""
    names: dict[str, Any] = {}
    for column in table.columns:
        names.setdefault(_plain(column), column)
    if not set(_HARMONISED) <= set(names):
        return names
    ids = {name: column for name, column in names.items() if name in _ID}
    return {**ids, **{name.removeprefix("hm_"): names[name] for name in names if name.startswith("hm_")}}


def _first(names: dict[str, Any], wanted: tuple[str, ...]) -> Any:
    return next((names[name] for name in wanted if name in names), None)


def _alleles(names: dict[str, Any]) -> tuple[Any, Any, bool, Any] | None:
    """Columns of both alleles, whether either may be the genome's, and the column of the effect allele, if any."""
    ref, alt = _first(names, _REF), _first(names, _ALT)
    if ref is not None and alt is not None:
        return ref, alt, False, _first(names, ("effect_allele", "ea"))
    for other, effect in _EFFECT:
        if other in names and effect in names:
            return names[other], names[effect], True, names[effect]
    if set(_TWO) <= set(names):
        return names[_TWO[0]], names[_TWO[1]], True, None
    return None


def _starts(table: pd.DataFrame, positions: list[Any], starts: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """First bases, 0-based, and which rows have one; refuses columns that disagree."""
    first_bases = {}
    for column, first in [*((column, 1) for column in positions), *((column, 0) for column in starts)]:
        given = table[column].notna().to_numpy()
        values = pd.to_numeric(table[column].astype(object), errors="coerce").to_numpy(np.float64, na_value=np.nan)
        bad = ~((values >= 0) & (values < 2**53) & (values == np.floor(values)))
        _refuse(table, bad & given if given.any() else bad, column, f"whole numbers from {first}")
        first_bases[column] = np.where(given, values, first - 1).astype(np.int64) - first, given
    (column, (start, given)), *others = first_bases.items()
    for other, (values, there) in others:
        if (values != start)[given & there].any():
            both = [f"{name} ({'1' if name in positions else '0'}-based)" for name in (column, other)]
            message = f"variants: the table has both {both[0]} and {both[1]}, which differ: drop one of them."
            raise ValueError(message)
    return start, given


def _ids(table: pd.DataFrame, names: dict[str, Any]) -> np.ndarray:
    """The id of each row: of the first column that has one there."""
    ids = pd.Series(None, index=range(len(table)), dtype=object)
    for name in _ID:
        if name in names:
            text = table[names[name]].astype(object).reset_index(drop=True)
            ids = ids.where(ids.notna(), text.where(text.notna() & ~text.isin(["", "."]), None))
    return ids.where(ids.notna(), ".").astype(str).to_numpy(dtype=object)


def _refuse(table: pd.DataFrame, bad: np.ndarray, column: Any, meant: str) -> None:
    if bad.any():
        shown = [f"{value!r} in row {row}" for row, value in table[column][bad].iloc[:_SHOWN].items()]
        message = f"variants: {column} must hold {meant}; {bad.sum()} of {len(bad)} do not: {', '.join(shown)}."
        raise ValueError(message)
