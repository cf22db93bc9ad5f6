"""Motifs as rows of numbers below a line ``>``: JASPAR, HOMER, HOCOMOCO, and single matrices without such a line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import TYPE_CHECKING, Final

import numpy as np

from scbasset_tl.genome.motifs import Motif

if TYPE_CHECKING:
    from pathlib import Path

_LETTER: Final = re.compile(r"\s*([ACGTU])\s*[\[|:]?\s+(?=\S)|\s*([ACGTU])\s*[\[|:]", re.IGNORECASE)
_HEAD: Final = re.compile(r"\s*(?:Pos(?:ition)?\s+)?A\s+C\s+G\s+[TU]\s*$", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"\s*Pos", re.IGNORECASE)


@dataclass
class _Block:
    """A matrix as it stands in the file: its first line, what that says, and its rows with their letters, if any."""

    line: int
    id: str
    name: str
    is_homer: bool = False
    is_numbered: bool = False
    letters: list[str] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)


def parse_pfm(path: Path, text: str) -> list[Motif]:
    """Motifs of the text of a file, in its order; counts become shares of each position.

    Rows with letters are those of A, C, G and T, four rows without letters too, and rows of four numbers are positions.
    A single matrix without a line ``>`` goes by the file's name, and HOMER's motifs of one name also by their consensus.
    """
    blocks = _blocks(path, text)
    repeated = Counter(block.id for block in blocks if block.is_homer)
    upright = {shape for block in blocks if (shape := _is_upright(block)) is not None}
    motifs = []
    for block in blocks:
        try:
            motif = Motif(block.id, block.name, _matrix(block, upright))
        except ValueError as error:
            message = f"{path}, line {block.line}: {error}"
            raise ValueError(message) from error
        if repeated[block.id] > 1:
            motif = replace(motif, id=f"{block.id}_{motif.consensus}")
        motifs.append(motif)
    return motifs


def _blocks(path: Path, text: str) -> list[_Block]:
    blocks: list[_Block] = []
    for number, line in enumerate(StringIO(text, newline=None), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(">"):
            blocks.append(_header(path, number, line))
            continue
        if not blocks:
            stem = re.sub(r"(?<=.)(?:\.[A-Za-z]\w*)?(?:\.gz)?$", "", path.name, count=1)
            blocks.append(_Block(number, stem, stem))
        block = blocks[-1]
        if _HEAD.match(line):
            block.is_numbered = bool(_NUMBERED.match(line))
            continue
        letter = _LETTER.match(line)
        if letter:
            block.letters.append((letter[1] or letter[2]).upper().replace("U", "T"))
            line = line[letter.end() :]
        try:
            row = [float(word) for word in line.replace("[", " ").replace("]", " ").split()]
        except ValueError:
            message = f"{path}, line {number}: motif {block.id!r} has a row that is not numbers: {line.strip()[:60]!r}."
            raise ValueError(message) from None
        block.rows.append(row[1:] if block.is_numbered else row)
    return blocks


def _header(path: Path, number: int, line: str) -> _Block:
    fields = [word.strip() for word in line[1:].strip().split("\t")]
    if len(fields) > 2 and re.fullmatch(r"[-+]?[\d.]+(?:e[-+]?\d+)?", fields[2], re.IGNORECASE) and fields[1]:
        return _Block(number, fields[1], fields[1], is_homer=True)  # consensus, name, threshold, ...
    words = line[1:].split()
    if not words:
        message = f"{path}, line {number}: a motif has no id. Fetch the file again, or correct it there."
        raise ValueError(message)
    return _Block(number, words[0], " ".join(words[1:]) or words[0])


def _is_upright(block: _Block) -> bool | None:
    """Whether rows are positions, where one matrix alone tells."""
    lengths = {len(row) for row in block.rows}
    if block.letters:
        return False
    if block.is_homer or block.is_numbered:
        return True
    if lengths == {4} and len(block.rows) == 4:
        return None
    return lengths == {4}


def _matrix(block: _Block, upright: set[bool]) -> np.ndarray:
    """Probabilities (width, 4)."""
    lengths = [len(row) for row in block.rows]
    what = f"motif {block.id!r} ({block.name})"
    if not block.rows or not max(lengths):
        message = f"{what} has no row of numbers. Fetch the file again, or correct it there."
        raise ValueError(message)
    if block.letters and (sorted(block.letters) != list("ACGT") or len(block.rows) != 4):
        message = f"{what} has rows of the letters {block.letters}; there must be one each of A, C, G and T."
        raise ValueError(message)
    if len(set(lengths)) > 1 or (len(block.rows) != 4 and lengths[0] != 4):
        message = (
            f"{what} has {len(block.rows)} rows of {sorted(set(lengths))} numbers: there must be 4 rows of one length, or "
            "rows of 4 numbers. The file is truncated or damaged: fetch it again."
        )
        raise ValueError(message)
    values = np.array(block.rows)
    is_upright = _is_upright(block)
    if is_upright is None:
        is_upright = _guess(values, upright, what)
    if block.letters:
        values = values[np.argsort(block.letters)]
    return _shares(values if is_upright else values.T, what)


def _guess(values: np.ndarray, upright: set[bool], what: str) -> bool:
    """Whether rows of a matrix (4, 4) without letters are positions: as in the rest of the file, or by their sums."""
    if len(upright) == 1:
        return next(iter(upright))
    even = [bool(np.ptp(values.sum(axis=axis)) < 0.02 * values.sum() / 4) for axis in (1, 0)]
    if even[0] == even[1]:
        message = (
            f"{what} has 4 rows of 4 numbers, and nothing says whether rows are positions or letters. Write the letter "
            "before each row: A [ ... ]."
        )
        raise ValueError(message)
    return even[0]


def _shares(values: np.ndarray, what: str) -> np.ndarray:
    """Counts (width, 4) as shares of each position; what is probabilities already stays."""
    if not np.isfinite(values).all() or (values < 0).any():
        return values  # Motif says where
    total = values.sum(axis=1, keepdims=True)
    if (total == 0).any():
        message = f"{what} has nothing but zeros at position {int((total == 0).argmax()) + 1}."
        raise ValueError(message)
    is_counts = (values > 1).any() or (values == np.floor(values)).all()
    return values / total if is_counts else values
