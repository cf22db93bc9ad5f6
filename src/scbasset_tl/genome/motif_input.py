"""Motifs in any of the forms that verbs take them in."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from scbasset_tl.genome.motif_files import read_motif_file
from scbasset_tl.genome.motifs import Motif

if TYPE_CHECKING:
    from collections.abc import Sequence


def as_motifs(motifs: str | os.PathLike[str] | Motif | Sequence[Motif]) -> list[Motif]:
    """The motifs of a file, one motif, or several, as a list in which no id occurs twice.

    Examples
    --------
    >>> from scbasset_tl.genome import Motif
    >>> from scbasset_tl.genome.motif_input import as_motifs
    >>> as_motifs(Motif("M1", "JUN", [[1, 0, 0, 0]]))
    [Motif('M1', 'JUN', A)]
    """
    if isinstance(motifs, str) and not (path := Path(motifs)).suffix and not path.exists():
        message = (
            f"motifs={motifs!r} is no file. Motifs are read from a file, such as JASPAR's download in MEME format, and then "
            f"chosen by name: motifs=[motif for motif in io.read_motifs(path) if motif.name == {motifs!r}]."
        )
        raise FileNotFoundError(message)
    if isinstance(motifs, str | os.PathLike):
        return read_motif_file(motifs)
    if isinstance(motifs, Motif):
        return [motifs]
    forms = "the path of a motif file, a Motif, or a list of Motif (io.read_motifs gives one)"
    if not isinstance(motifs, list | tuple):
        message = f"motifs must be {forms}, got {type(motifs).__name__}."
        raise TypeError(message)
    if wrong := [item for item in motifs if not isinstance(item, Motif)]:
        message = f"motifs must be {forms}; {len(wrong)} of {len(motifs)} are none, the first is {wrong[0]!r}."
        raise TypeError(message)
    if not motifs:
        message = f"motifs must be {forms}, got none."
        raise ValueError(message)
    if repeated := [motif for motif, count in Counter(motif.id for motif in motifs).items() if count > 1]:
        message = f"motifs: {len(repeated)} ids occur more than once ({', '.join(repeated[:3])}). Drop or rename them."
        raise ValueError(message)
    return list(motifs)
