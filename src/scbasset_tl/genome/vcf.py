"""The first columns of a VCF file, and everything that may be wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from scbasset_tl._reading import open_packed, unpacking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NEEDED: Final = ("CHROM", "POS", "ID", "REF", "ALT")
_DIGITS: Final = 18  # int64 holds every whole number of so many digits


class VcfRow(NamedTuple):
    """One alternative allele of a record; ``pos`` is 1-based, and 0 before the first base."""

    chrom: str
    pos: int
    id: str
    ref: str
    alt: str


def read_vcf(path: Path) -> list[VcfRow]:
    """The alternative alleles of a VCF file, plain or compressed, in order; no genotypes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        For a file that is binary, damaged or empty, and rows that are not as the header or the row before says.
    """
    rows: list[VcfRow] = []
    width, source = 0, ""
    for number, line in _lines(path):
        if line.startswith("##") or not line:
            continue
        fields = line.split("\t")
        where = f"{path}, line {number}"
        if line.startswith("#"):
            width, source = len(fields), "the header"
            if not is_vcf_header(line):
                message = (
                    f"{where}: the header must begin with #CHROM, POS, ID, REF, ALT between tabs, got {line[:60]!r}."
                )
                raise ValueError(message)
            continue
        if not width:
            width, source = len(fields), "the first row"
            if width < len(_NEEDED):
                message = (
                    f"{where} has {width} columns between tabs; a VCF has at least {', '.join(_NEEDED)}. "
                    f"The line is {line[:60]!r}."
                )
                raise ValueError(message)
        if len(fields) != width:
            message = (
                f"{where} has {len(fields)} columns, {source} {width}: the file is damaged or cut. Correct the row."
            )
            raise ValueError(message)
        chrom, pos, name, ref, alts = fields[:5]
        if not pos.isdecimal() or len(pos) > _DIGITS:  # 0 is that of a telomere
            message = f"{where}: POS must be a whole number from 0 to {10**_DIGITS - 1}, got {pos!r}."
            raise ValueError(message)
        rows += [VcfRow(chrom, int(pos), name, ref, alt) for alt in alts.split(",")]
    if not rows:
        message = f"{path} holds no variant. Is it the right file?"
        raise ValueError(message)
    return rows


def is_vcf_header(line: str) -> bool:
    """Whether a line is the header of a VCF's columns."""
    return line.split("\t")[: len(_NEEDED)] == ["#CHROM", *_NEEDED[1:]]


def is_vcf_row(line: str) -> bool:
    """Whether a line can be a record of a VCF without a header."""
    fields = line.split("\t")
    return len(fields) >= len(_NEEDED) and fields[1].isdecimal() and not fields[4].isdecimal()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a text, plain or compressed, which its content tells."""
    if not path.is_file():
        message = f"variants: there is no file {str(path)!r}."
        raise FileNotFoundError(message)
    with unpacking(path), open_packed(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith(b"BCF"):
                message = f"{path} is a BCF file, which is binary. Convert it: bcftools view -Oz -o variants.vcf.gz"
                raise ValueError(message)
            yield number, line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
