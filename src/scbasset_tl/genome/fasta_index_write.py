"""The indexes of samtools: where the contigs of a FASTA begin (.fai), and where the blocks of bgzip do (.gzi)."""

from __future__ import annotations

import gzip
import io
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEADER: Final = ord(">")


def write_fai(path: Path, target: Path) -> None:
    """Index the contigs of a FASTA, plain or gzip: name, length, offset, letters and bytes of a line.

    All lines of a contig but its last are equally long. Blank lines may stand before the first contig and at the end of
    each, as for samtools.

    Raises
    ------
    ValueError
        For lines of uneven length, text before the first contig, and contigs without a name.
    """
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if compressed else path.open("rb") as file:
        lines = io.BufferedReader(file, 1 << 20) if compressed else file
        rows = _rows(lines)
        target.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


def write_gzi(path: Path, target: Path) -> None:
    """Index the blocks of a bgzip file: their number, and where all but the first begin, compressed and uncompressed."""
    from Bio.bgzf import BgzfBlocks

    with path.open("rb") as file:
        starts = [(start, data) for start, _, data, length in BgzfBlocks(file) if length]
    rest = starts[1:]
    target.write_bytes(struct.pack("<Q", len(rest)) + b"".join(struct.pack("<QQ", *pair) for pair in rest))


def _rows(lines: Iterable[bytes]) -> list[tuple[str, int, int, int, int]]:
    rows: list[tuple[str, int, int, int, int]] = []
    name, offset, begin = "", 0, 0
    # in this contig: letters and bytes of a line, number of full lines, letters of the last line
    letters = width = full = last = 0
    ended = False
    for number, line in enumerate(lines, start=1):
        size = len(line)
        offset += size
        if line[0] == _HEADER:
            if name:
                rows.append((name, full * letters + last, begin, letters, width))
            words = line[1:].split(maxsplit=1)
            if not words:
                message = f"line {number} names no contig: it is {line[:20]!r}."
                raise ValueError(message)
            name, begin = words[0].decode(), offset
            letters = width = full = last = 0
            ended = False
        elif size == width and not ended:
            full += 1
        elif n_letters := len(line.rstrip(b"\r\n")):
            if not name and line[:1] != b";":
                message = f"line {number} is text before the first '>': {line[:20]!r}."
                raise ValueError(message)
            if name and (ended or (width and size > width)):
                message = (
                    f"lines of {name!r} are of uneven length at line {number}; all but the last of a contig must be equally "
                    "long. Write it anew, e.g. seqkit seq -w 60"
                )
                raise ValueError(message)
            if name and not width:
                letters, width, full = n_letters, size, 1
            elif name:
                last, ended = n_letters, True
        else:
            ended = bool(name)
    if not name:
        message = "there is no '>' at the start of a line, and so no contig."
        raise ValueError(message)
    return [*rows, (name, full * letters + last, begin, letters, width)]
