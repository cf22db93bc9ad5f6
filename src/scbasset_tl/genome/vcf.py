"""The first columns of a VCF file, and everything that may be wrong with them."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NEEDED: Final = ("CHROM", "POS", "ID", "REF", "ALT")
_DIGITS: Final = 18  # of a position that int64 holds


class VcfRow(NamedTuple):
    """One alternative allele of a record; ``pos`` is 1-based."""

    chrom: str
    pos: int
    id: str
    ref: str
    alt: str


def read_vcf(path: Path) -> list[VcfRow]:
    """The alternative alleles of a VCF file, plain or compressed by gzip or bgzip, in order; no genotypes.

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
            if tuple(fields[:5]) != ("#CHROM", *_NEEDED[1:]):
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
        if not pos.isdecimal() or len(pos) > _DIGITS or int(pos) < 1:
            message = f"{where}: POS must be a whole number of at least 1, got {pos!r}."
            raise ValueError(message)
        rows += [VcfRow(chrom, int(pos), name, ref, alt) for alt in alts.split(",")]
    if not rows:
        message = f"{path} holds no variant. Is it the right file?"
        raise ValueError(message)
    return rows


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a text, told by content, not by name, to be compressed or not."""
    if not path.is_file():
        message = f"there is no VCF file {str(path)!r}."
        raise FileNotFoundError(message)
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and line.startswith(b"BCF"):
                    message = f"{path} is a BCF file, which is binary. Convert it: bcftools view -Oz -o variants.vcf.gz"
                    raise ValueError(message)
                yield number, line.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = f"{path} cannot be unpacked ({error}). The file is truncated or damaged: fetch it again."
        raise ValueError(message) from error
