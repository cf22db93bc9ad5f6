"""Motifs in any of the forms that verbs take them in."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from scbasset_tl.genome.jaspar import is_library, library, of_factor
from scbasset_tl.genome.motif_files import read_motif_file
from scbasset_tl.genome.motifs import Motif

if TYPE_CHECKING:
    from collections.abc import Sequence


def as_motifs(motifs: str | os.PathLike[str] | Motif | Sequence[Motif | str]) -> list[Motif]:
    """The motifs of a file, of a collection or a factor of JASPAR by name, one motif, or several: a list without an id twice.

    Examples
    --------
    >>> from scbasset_tl.genome import Motif
    >>> from scbasset_tl.genome.motif_input import as_motifs
    >>> as_motifs(Motif("M1", "JUN", [[1, 0, 0, 0]]))
    [Motif('M1', 'JUN', A)]
    """
    if isinstance(motifs, str) and is_library(motifs):
        return library(motifs)
    if isinstance(motifs, str) and not (path := Path(motifs)).suffix and not path.exists():
        return of_factor(motifs)
    if isinstance(motifs, str | os.PathLike):
        return read_motif_file(motifs)
    if isinstance(motifs, Motif):
        return [motifs]
    forms = "the path of a motif file, names of factors, a Motif, or a list of Motif (io.read_motifs gives one)"
    if not isinstance(motifs, list | tuple):
        message = f"motifs must be {forms}, got {type(motifs).__name__}."
        raise TypeError(message)
    if wrong := [item for item in motifs if not isinstance(item, Motif | str)]:
        message = f"motifs must be {forms}; {len(wrong)} of {len(motifs)} are none, the first is {wrong[0]!r}."
        raise TypeError(message)
    if not motifs:
        message = f"motifs must be {forms}, got none."
        raise ValueError(message)
    chosen = [motif for item in motifs for motif in ([item] if isinstance(item, Motif) else of_factor(item))]
    if repeated := [motif for motif, count in Counter(motif.id for motif in chosen).items() if count > 1]:
        message = f"motifs: {len(repeated)} ids occur more than once ({', '.join(repeated[:3])}). Drop or rename them."
        raise ValueError(message)
    return chosen
