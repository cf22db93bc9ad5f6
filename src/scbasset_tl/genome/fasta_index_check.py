"""Whether the index of a FASTA file fits what stands in the file."""

from __future__ import annotations

import struct
from bisect import bisect_right
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyfaidx import Faidx, IndexRecord

_LONGEST_HEADER: Final = 1 << 20


def bytes_before(record: IndexRecord, position: int) -> int:
    """Bytes between the first base of a contig and the one at ``position``, line ends included."""
    return position // record.lenc * record.lenb + position % record.lenc


def read_bytes(faidx: Faidx, offset: int, length: int) -> bytes:
    """Bytes of the uncompressed file.

    ``Faidx.fetch`` fails in bgzip files with blocks of 65,536 bytes, as Biopython writes them, where a block begins.
    """
    if gzi_index := getattr(faidx, "gzi_index", None):
        number = bisect_right(gzi_index, offset, key=attrgetter("ustart")) - 1
        checked = vars(faidx).setdefault("checked_blocks", set())
        if number not in checked:
            _check_blocks(Path(faidx.filename), gzi_index[max(number - 1, 0) : number + 2])
            checked.add(number)
        block = gzi_index[number]
        offset = block.cstart << 16 | offset - block.ustart
    faidx.file.seek(offset)
    return faidx.file.read(length)


def _check_blocks(path: Path, blocks: Sequence[Any]) -> None:
    """Refuse an index of bgzip whose blocks have another length than the one with which they end in the file."""
    with path.open("rb") as file:
        for block, following in pairwise(blocks):
            file.seek(block.cstart)
            header = file.read(18)
            # not the block before the next in the index, which leaves empty ones out
            if header[12:14] == b"BC":
                file.seek(block.cstart + struct.unpack("<H", header[16:])[0] - 3)
            if header[12:14] != b"BC" or file.read(4) != struct.pack("<I", following.ustart - block.ustart):
                message = f"its index {path.name}.gzi is damaged or of another file: delete that index."
                raise ValueError(message)


def fits(faidx: Faidx) -> bool:
    """Whether each contig has its header before it, the line length of its record, and its last base where it ends."""
    end = 0
    for name, record in faidx.index.items():
        if not (0 <= end < record.offset <= end + _LONGEST_HEADER and record.rlen >= 0):
            return False
        *before, header = read_bytes(faidx, end, record.offset - end).rstrip(b"\r\n").split(b"\n")
        if any(line.strip() and line[:1] != b";" for line in before) or header[1:].split()[:1] != [name.encode()]:
            return False
        end = record.offset
        if record.rlen:
            end += bytes_before(record, record.rlen - 1) + 1
            line = read_bytes(faidx, record.offset, record.lenb) if record.rlen > record.lenc else b""
            if line and (line[:-1].split() != [line[: record.lenc]] or line[-1:] != b"\n"):
                return False
            if not read_bytes(faidx, end - 1, 1).strip():
                return False
    return not _rest(faidx)


def _rest(faidx: Faidx) -> bytes:
    """What follows the last contig of the index: nothing, unless the index was not written to its end."""
    last = list(faidx.index.values())[-1]
    end = last.offset + (bytes_before(last, last.rlen - 1) if last.rlen else -1)
    return read_bytes(faidx, end, 80)[1:].strip()
