"""Motifs from a file in any of the usual formats, which its content tells."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Final

import numpy as np

from scbasset_tl._files import as_path
from scbasset_tl._reading import unpacked, unpacking
from scbasset_tl.genome.meme import parse_meme
from scbasset_tl.genome.motifs import Motif
from scbasset_tl.genome.pfm import parse_pfm

if TYPE_CHECKING:
    import os
    from pathlib import Path

_NUMBERS: Final = re.compile(r"\s*(?:[ACGTU]\s*[\[|:]|(?:[ACGTU]\s)?\s*[\d.]+(?:\s|$)|Pos\s+A\s+C\s+G\s+[TU])", re.I)
_TRANSFAC: Final = re.compile(r"^P[0O]\s+A\s+C\s+G\s+T\b", re.MULTILINE)


def read_motif_file(path: str | os.PathLike[str]) -> list[Motif]:
    """Motifs of a file in its order; :func:`scbasset_tl.io.read_motifs` is the public name."""
    path = as_path("path", path)
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if re.search(r"^MEME version", text, re.MULTILINE):
        motifs = parse_meme(path, text)
    elif first.startswith(">"):
        motifs = parse_pfm(path, text)
    elif _TRANSFAC.search(text):
        motifs = _parse_transfac(path, text)
    elif _NUMBERS.match(first):
        motifs = parse_pfm(path, text)
    else:
        shown = first.strip()[:60] or "nothing but comments"
        message = (
            f"{path} is no file of motifs: it begins with {shown!r}. Formats that are read, plain or compressed by gzip: "
            "MEME (a line begins with 'MEME version'), JASPAR (.jaspar, .pfm), TRANSFAC, HOMER (.motif), HOCOMOCO (.pcm)."
        )
        raise ValueError(message)
    _check_ids(path, text, motifs)
    return motifs


def _text(path: Path) -> str:
    if not path.is_file():
        message = f"there is no motif file {str(path)!r}."
        raise FileNotFoundError(message)
    with unpacking(path):
        content = unpacked(path)
    if content[:2] == b"PK":
        message = f"{path} is a zip archive. Unpack it first, and pass one of its files."
        raise ValueError(message)
    text = content.decode("utf-8-sig", errors="replace")
    if not text.strip():
        message = f"{path} is empty. Fetch the file again."
        raise ValueError(message)
    return text


def _parse_transfac(path: Path, text: str) -> list[Motif]:
    """Motifs with AC, or else ID, as id, and NA, or else ID, as name."""
    from Bio import motifs as bio

    n_matrices = len(_TRANSFAC.findall(text))
    if not text.rstrip().endswith("//"):
        message = f"{path} does not end in '//': it is truncated. Fetch it again."
        raise ValueError(message)
    kept = "".join(line for line in StringIO(text, newline=None) if not re.match(r"R[NXATL]\b", line))  # references
    try:
        parsed = bio.parse(StringIO(kept), "TRANSFAC", strict=False)
    except (ValueError, IndexError, UnboundLocalError) as error:  # the last: a line before the first key
        message = f"{path} is damaged: {error}."
        raise ValueError(message) from error
    if len(parsed) != n_matrices:
        message = f"{path} has {n_matrices} matrices, but {len(parsed)} motifs that end in '//'. Fetch the file again."
        raise ValueError(message)
    motifs = []
    for number, motif in enumerate(parsed, start=1):
        fields = {key: str(motif.get(key) or "").strip() for key in ("AC", "ID", "NA")}
        name = fields["NA"] or fields["ID"] or fields["AC"]
        counts = np.array([motif.counts[letter] for letter in "ACGT"], dtype=np.float64).T
        total = counts.sum(axis=1, keepdims=True)
        if not name or not counts.size or not (total > 0).all():
            what = "has neither AC nor ID" if not name else "has a position without counts"
            message = f"{path}: motif {name or number} of {n_matrices} {what}."
            raise ValueError(message)
        try:
            motifs.append(Motif(fields["AC"] or fields["ID"] or name, name, counts / total))
        except ValueError as error:
            message = f"{path}: {error}"
            raise ValueError(message) from error
    return motifs


def _check_ids(path: Path, text: str, motifs: list[Motif]) -> None:
    """Refuse ids that occur twice, and names of which letters were lost."""
    seen: set[str] = set()
    for motif in motifs:
        if motif.id in seen:
            lines = [
                number
                for number, line in enumerate(StringIO(text, newline=None), start=1)
                if re.match(r"(?:MOTIF\s+|>\s*|AC\s+|ID\s+)" + re.escape(motif.id) + r"(?:\s|$)", line)
            ]
            where = f", line {lines[1]}" if len(lines) > 1 else ""
            first = f"line {lines[0]}" if lines else "the first"
            message = f"{path}{where}: motif {motif.id!r} has the id of the one in {first}. Drop or rename one of them."
            raise ValueError(message)
        seen.add(motif.id)
        if "\ufffd" in motif.id + motif.name:
            message = f"{path} is not in UTF-8 (motif {motif.id!r}, {motif.name!r}). Convert it: iconv -t UTF-8."
            raise ValueError(message)
