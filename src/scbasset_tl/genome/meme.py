"""Motifs from files in MEME format, and everything that may be wrong with one."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Final, NamedTuple

from scbasset_tl._files import as_path
from scbasset_tl.genome.motifs import Motif

if TYPE_CHECKING:
    import os
    from pathlib import Path

_HELP: Final = "Fetch the file again, or correct it there."
_NUMBER: Final = r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|nan|inf)"
_ROW: Final = re.compile(rf"\s*{_NUMBER}(?:\s+{_NUMBER})*\s*", re.IGNORECASE)


class _Block(NamedTuple):
    """A motif as it stands in the file: its first line, the width it promises, how many numbers each row has."""

    line: int
    fields: list[str]
    width: int | None
    columns: list[int]


def read_meme(path: str | os.PathLike[str]) -> list[Motif]:
    """Motifs of a MEME file in its order; :func:`scbasset_tl.io.read_motifs` is the public name.

    memelite reads the matrices. It passes over one that the end of the file cuts, takes one without a name for that of
    the name before it, and keeps the last of several with one name, so the file is looked through first.
    """
    from memelite.io import read_meme as read_matrices

    path = as_path("path", path)
    blocks = _blocks(_text(path))
    _check(path, blocks)
    matrices = read_matrices(path)
    motifs = []
    for block in blocks:
        key = " ".join(block.fields)
        name = re.sub(r"\s*\bwidth =.*", "", " ".join(block.fields[1:]))  # MEME's own output goes on behind the name
        try:
            motifs.append(Motif(block.fields[0], name or block.fields[0], matrices[key].T))
        except ValueError as error:
            message = f"{path}, line {block.line}: {error}"
            raise ValueError(message) from error
    return motifs


def _text(path: Path) -> str:
    """What the file holds, if that is MEME format with DNA."""
    if not path.is_file():
        message = f"there is no motif file {str(path)!r}."
        raise FileNotFoundError(message)
    content = path.read_bytes()
    text = content.decode("utf-8-sig", errors="replace")
    alphabet = re.search(r"^ALPHABET=\s*(\S+)", text, re.MULTILINE)
    problem = ""
    if not text.strip():
        problem = "is empty. Fetch the file again."
    elif content[:2] == b"\x1f\x8b":
        problem = "is compressed by gzip. Unpack it first: gunzip."
    elif not re.search(r"^MEME version", text, re.MULTILINE):
        problem = (
            f"is no MEME file: no line begins with 'MEME version' (the first is {text.strip().splitlines()[0][:60]!r}). "
            "Fetch the motifs in MEME format, or convert them: the MEME Suite has jaspar2meme, transfac2meme and others."
        )
    elif "\ufffd" in text:
        problem = "is not in UTF-8. Convert it: iconv -t UTF-8."
    elif alphabet and alphabet[1] not in ("ACGT", "ACGU"):
        problem = f"has motifs of the alphabet {alphabet[1]}, but those of DNA (ALPHABET= ACGT) are needed."
    if problem:
        message = f"{path} {problem}"
        raise ValueError(message)
    return text


def _blocks(text: str) -> list[_Block]:
    """The parts of the file that begin with a line MOTIF."""
    lines = [*StringIO(text, newline=None)]  # as memelite has them; splitlines cuts at \v, \f and more
    starts = [number for number, line in enumerate(lines) if line.startswith("MOTIF")]
    blocks = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        head = next((number for number in range(start, end) if lines[number].startswith("letter")), None)
        width, columns = None, []
        if head is not None:
            width = re.search(r"\bw=\s*(\d+)", lines[head])
            for line in lines[head + 1 : end]:
                if not _ROW.fullmatch(line):
                    break
                columns.append(len(line.split()))
        blocks.append(_Block(start + 1, lines[start][5:].split(), int(width[1]) if width else None, columns))
    return blocks


def _check(path: Path, blocks: list[_Block]) -> None:
    """Refuse what memelite would misread."""
    if not blocks:
        message = f"{path} holds no motif: no line begins with 'MOTIF'. {_HELP}"
        raise ValueError(message)
    seen: dict[str, int] = {}
    for line, fields, width, columns in blocks:
        problem = ""
        if not fields:
            problem = f"a motif has no id. {_HELP}"
        elif fields[0] in seen:
            problem = (
                f"motif {fields[0]!r} has the id of the one in line {seen[fields[0]]}. Drop or rename one of them."
            )
        elif width is None:
            problem = f"motif {fields[0]!r} has no line 'letter-probability matrix: alength= 4 w= <width>'. {_HELP}"
        elif width == 0:
            problem = f"motif {fields[0]!r} has width 0 (w= 0). Drop it."
        elif width != len(columns):
            problem = (
                f"motif {fields[0]!r} has {len(columns)} rows of numbers, but w= {width}: the file is truncated or "
                f"damaged. {_HELP}"
            )
        elif set(columns) != {4}:
            problem = f"motif {fields[0]!r} has rows of {sorted({*columns})} numbers; each must have 4. {_HELP}"
        if problem:
            message = f"{path}, line {line}: {problem}"
            raise ValueError(message)
        seen[fields[0]] = line
