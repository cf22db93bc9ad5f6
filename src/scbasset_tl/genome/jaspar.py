"""Motifs of JASPAR by the names of its collections or of factors, out of the package pyjaspar."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np

from scbasset_tl.genome.motifs import Motif

RELEASE: Final = "JASPAR2024"
"""Where motifs are looked up by the names of their factors."""
_GROUPS: Final = ("vertebrates", "insects", "nematodes", "plants", "fungi", "urochordates", "diatoms")
_LIBRARY: Final = re.compile(r"(jaspar)[-_ ]?(\d{4})[-_ ](\w+)", re.IGNORECASE)


def is_library(name: str) -> bool:
    """Whether a text looks like ``jaspar2024-vertebrates``, and is no file."""
    return _LIBRARY.fullmatch(name) is not None and not Path(name).exists()


def library(name: str) -> list[Motif]:
    """The latest versions of the CORE motifs of a release and a group of species, by their ids."""
    match = _LIBRARY.fullmatch(name)
    release, group = (f"JASPAR{match[2]}", match[3].lower()) if match else ("", "")
    if group not in _GROUPS:
        message = f"path={name!r}: after the release comes a group of species, one of {', '.join(_GROUPS)}."
        raise ValueError(message)
    motifs = _fetch(release, name, tax_group=[group])
    if not motifs:
        message = f"path={name!r}: {release} has no CORE motifs of {group}."
        raise ValueError(message)
    return motifs


def of_factor(name: str) -> list[Motif]:
    """The CORE motifs whose factor has this name, whatever its case."""
    motifs = _fetch(RELEASE, name, tf_name=[name]) or _fetch(RELEASE, name, tf_name=[name.upper()])
    motifs = motifs or [motif for motif in _fetch(RELEASE, name) if motif.name.upper() == name.upper()]
    if not motifs:
        message = (
            f"motifs={name!r} is no file, and {RELEASE} has no motif of a factor of that name. Dimers are written with two "
            "colons ('GATA1::TAL1'); io.read_motifs('jaspar2024-vertebrates') gives all names."
        )
        raise FileNotFoundError(message)
    return motifs


def _fetch(release: str, asked: str, **criteria: Any) -> list[Motif]:
    try:
        import pyjaspar
    except ImportError as error:
        message = (
            f"{asked!r} is no file. To take motifs of JASPAR by name: pip install pyjaspar. Without it "
            "read a file, such as JASPAR's download in MEME format, and choose by name: "
            f"motifs=[motif for motif in io.read_motifs(path) if motif.name == {asked!r}]."
        )
        raise FileNotFoundError(message) from error
    if release not in pyjaspar.jaspar_releases:
        message = f"{asked!r}: pyjaspar has no release {release}; it has {', '.join(pyjaspar.jaspar_releases)}."
        raise ValueError(message)
    database = pyjaspar.jaspardb(release=release)
    try:
        record = database.fetch_motifs(collection="CORE", **criteria)
    finally:
        database.conn.close()
    motifs = [_motif(each) for each in record]
    return sorted(motifs, key=lambda motif: motif.id)


def _motif(record: Any) -> Motif:
    counts = np.array([record.counts[base] for base in "ACGT"], dtype=np.float64).T
    return Motif(str(record.matrix_id), str(record.name), counts / counts.sum(axis=1, keepdims=True))
