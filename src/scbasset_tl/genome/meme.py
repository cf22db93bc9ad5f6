"""Motifs of a text in MEME format, and everything that may be wrong with one."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Final, NamedTuple

from scbasset_tl.genome.motifs import Motif

if TYPE_CHECKING:
    from pathlib import Path

_HELP: Final = "Fetch the file again, or correct it there."
_NUMBER: Final = r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan|inf)"
_ROW: Final = re.compile(rf"\s*{_NUMBER}(?:\s+{_NUMBER})*\s*", re.IGNORECASE)


class _Block(NamedTuple):
    """A motif as it stands in the file: its first line, the width it promises, and its rows of numbers.

    ``rows`` is ``None`` without a line that begins a matrix, ``width`` is ``None`` if that line gives none.
    """

    line: int
    fields: list[str]
    width: int | None
    rows: list[list[float]] | None


def parse_meme(path: Path, text: str) -> list[Motif]:
    """Motifs of the text of a MEME file, in its order."""
    alphabet = re.search(r"^ALPHABET=\s*(\S+)", text, re.MULTILINE)
    if alphabet and alphabet[1] not in ("ACGT", "ACGU"):
        message = f"{path} has motifs of the alphabet {alphabet[1]}, but those of DNA (ALPHABET= ACGT) are needed."
        raise ValueError(message)
    blocks = _blocks(text)
    if not blocks:
        message = f"{path} holds no motif: no line begins with 'MOTIF'. {_HELP}"
        raise ValueError(message)
    motifs = []
    for block in blocks:
        if problem := _problem(block):
            message = f"{path}, line {block.line}: {problem}"
            raise ValueError(message)
        name = re.sub(r"\s*\bwidth =.*", "", " ".join(block.fields[1:]))  # MEME's own output goes on behind the name
        try:
            motifs.append(Motif(block.fields[0], name or block.fields[0], block.rows))  # type: ignore[arg-type]
        except ValueError as error:
            message = f"{path}, line {block.line}: {error}"
            raise ValueError(message) from error
    return motifs


def _blocks(text: str) -> list[_Block]:
    """The parts of the file that begin with a line MOTIF."""
    lines = [*StringIO(text, newline=None)]  # splitlines cuts at \v, \f and more
    starts = [number for number, line in enumerate(lines) if line.startswith("MOTIF")]
    blocks = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        head = next((number for number in range(start, end) if lines[number].startswith("letter")), None)
        width, rows = None, None
        if head is not None:
            width, rows = re.search(r"\bw=\s*(\d+)", lines[head]), []
            for line in lines[head + 1 : end]:
                if not _ROW.fullmatch(line):
                    break
                rows.append([float(number) for number in line.split()])
        blocks.append(_Block(start + 1, lines[start][5:].split(), int(width[1]) if width else None, rows))
    return blocks


def _problem(block: _Block) -> str:
    """What is wrong with the shape of a motif, or nothing."""
    if not block.fields:
        return f"a motif has no id. {_HELP}"
    motif, rows = f"motif {block.fields[0]!r}", block.rows
    if rows is None:
        return f"{motif} has no line 'letter-probability matrix: alength= 4 w= <width>'. {_HELP}"
    if block.width == 0:
        return f"{motif} has width 0 (w= 0). Drop it."
    if block.width is None and not rows:
        return f"{motif} has no row of numbers below its line 'letter-probability matrix'. {_HELP}"
    if block.width not in (None, len(rows)):
        return (
            f"{motif} has {len(rows)} rows of numbers, but w= {block.width}: the file is truncated or damaged. {_HELP}"
        )
    if (lengths := {len(row) for row in rows}) != {4}:
        return f"{motif} has rows of {sorted(lengths)} numbers; each must have 4. {_HELP}"
    return ""
