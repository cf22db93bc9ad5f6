"""Which contig is meant: the ways in which genomes, peaks, genes and variants write the same name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from scbasset_tl._log import info

if TYPE_CHECKING:
    from collections.abc import Iterable

# the prefix that names a modality (atac:chr1) or an assembly (GRCh38_chr1, mm10_1)
_PREFIX: Final = re.compile(r"(?i)(?:(?!chr)(\w+?)(?::|[_-]+(?=chr))|(grc[a-z]\d+|hg\d+|mm\d+)[_-]+)(.+)")
_CHR: Final = re.compile(r"^chr(?:om(?:osome)?)?[- ]?(?=.)")
_NUMBER: Final = re.compile(r"0*(\d+)(?:\.0)?")
# KI270728.1, chr16_KI270728v1_random, and chr1_gl000191_random without the version, which is 1
_SCAFFOLD: Final = re.compile(r"(?:^|-)([a-z]{2}\d{6})(?:[v.](\d+))?(?=-|$)")
_REFSEQ: Final = re.compile(r"nc-(\d{6})\.\d+")
_HUMAN, _MOUSE = ((first, [*map(str, range(1, n + 1)), "x", "y"]) for first, n in ((1, 22), (67, 19)))
_REFSEQ_NAMES: Final = {
    **{f"{first + place:06}": name for first, names in (_HUMAN, _MOUSE) for place, name in enumerate(names)},
    "012920": "mt",
    "005089": "mt",
}
_MITOCHONDRION: Final = ("m", "mt", "mtdna", "mito", "mitochondrion-genome")


def contig_names(chrom: pd.Series) -> pd.Categorical:
    """A column of contigs as text: without blanks around them, and 1 for the 1.0 that pandas makes of it."""
    names = pd.Categorical(chrom.astype(str).to_numpy(dtype=object))
    clean = [re.sub(r"^(\d+)\.0$", r"\1", str(name).strip()) for name in names.categories]
    return pd.Categorical(np.array(clean, dtype=object)[names.codes] if len(names) else names)


def match_contigs(names: Iterable[str], spellings: Iterable[str]) -> dict[str, str]:
    """The spelling in ``spellings`` of each of ``names``; names that it lacks in any spelling, or has twice, are left out.

    The same name comes first. Else case, ``chr``, ``_`` for ``-``, ``1.0`` for ``1`` and leading zeros make no
    difference; scaffolds go by their accession, as in ``chr16_KI270728v1_random`` and ``KI270728.1``, chromosomes of man
    and mouse also by that of RefSeq; a modality or an assembly in front of all names, as in ``atac:chr1`` and
    ``GRCh38_chr1``, is left out; and ``MT`` is ``chrM`` if there is no other match.

    Examples
    --------
    >>> from scbasset_tl.genome.contigs import match_contigs
    >>> match_contigs(["CHR1", "GL000194.1", "MT", "chr7"], ["1", "chr4_GL000194v1_random", "chrM"])
    {'CHR1': '1', 'GL000194.1': 'chr4_GL000194v1_random', 'MT': 'chrM'}
    """
    names, spellings = (list(dict.fromkeys(map(str, part))) for part in (names, spellings))
    there = set(spellings)
    matched = {name: name for name in names if name in there}
    if len(matched) == len(names):
        return matched
    ours, theirs = spelling_keys(names), spelling_keys(spellings)
    for mitochondrion in (False, True):
        spelled: dict[str, list[str]] = {}
        for name, key in theirs.items():
            spelled.setdefault(_key(key, mitochondrion=mitochondrion), []).append(name)
        for name in [name for name in names if name not in matched]:
            candidates = spelled.get(_key(ours[name], mitochondrion=mitochondrion), [])
            if len(candidates) == 1:
                matched[name] = candidates[0]
    return {name: matched[name] for name in names if name in matched}


def respell(chrom: pd.Categorical, spellings: Iterable[str], *, whose: str, source: str) -> pd.Categorical:
    """The contigs as ``spellings`` has them, with a note about it; contigs that it lacks stay as they are."""
    names = [str(name) for name in chrom.categories]
    spelled = match_contigs(names, spellings)
    if changed := [name for name in spelled if spelled[name] != name]:
        pairs = ", ".join(f"{name!r} as {spelled[name]!r}" for name in changed[:3])
        info(f"contigs of {whose} are read as {source} spells them: {pairs}{', ...' if len(changed) > 3 else ''}")
        chrom = _replaced(chrom, [spelled.get(name, name) for name in names])
    return chrom


def one_spelling(chrom: pd.Categorical) -> pd.Categorical:
    """The contigs with one name for all spellings of each, the one that comes first."""
    names = [str(name) for name in chrom.categories]
    first: dict[str, str] = {}
    return _replaced(chrom, [first.setdefault(key, name) for name, key in spelling_keys(names).items()])


def spelling_keys(names: Iterable[str]) -> dict[str, str]:
    """What all spellings of a contig have in common, for each of the names."""
    names = list(names)
    split = {name: match for name in names if (match := _PREFIX.fullmatch(name.strip()))}
    whole = {name: _plain(name) for name in names}
    short = {name: _plain(match[3]) for name, match in split.items()}
    prefixes = {(match[1] or match[2]).casefold() for match in split.values()}
    others = {key for name, key in whole.items() if name not in short}
    # several assemblies side by side, or one beside names without it, are not the same contigs
    return whole | short if len(prefixes) == 1 and not others & set(short.values()) else whole


def _plain(name: str) -> str:
    text = name.strip().casefold().replace("_", "-")
    if scaffold := _SCAFFOLD.search(text):
        return f"{scaffold[1]}.{scaffold[2] or 1}"
    if (accession := _REFSEQ.fullmatch(text)) and accession[1] in _REFSEQ_NAMES:
        return _REFSEQ_NAMES[accession[1]]
    text = _CHR.sub("", text)
    number = _NUMBER.fullmatch(text)
    return number[1] if number else text


def _key(key: str, *, mitochondrion: bool) -> str:
    return "mt" if mitochondrion and key in _MITOCHONDRION else key


def _replaced(chrom: pd.Categorical, names: list[str]) -> pd.Categorical:
    """The categories by other names, of which some may be the same."""
    return pd.Categorical(np.array(names, dtype=object)[chrom.codes] if len(chrom) else chrom)
