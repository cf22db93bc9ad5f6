"""Overlaps of regions with a universe of regions, and universes as BED files."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from scbasset_tl._files import as_path
from scbasset_tl._keys import CHROM, END, START
from scbasset_tl._reading import reading, unpacked
from scbasset_tl.genome.ranges import each_of
from scbasset_tl.genome.regions import Regions, read_regions

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

_PAIRS_AT_ONCE: Final = 1 << 24


def overlaps(
    regions: Regions, universe: Regions, *, min_overlap: int = 1, min_frac: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (row of ``regions``, row of ``universe``) that share enough bases, int64, ascending by both.

    Either may be unsorted, overlapping and nested. The universe is searched by classes of like length: within a
    class, the regions that may overlap are one range by start, so that a few long regions slow nothing else down.

    Parameters
    ----------
    regions, universe
        What :func:`read_regions` returned; contigs are matched by name.
    min_overlap
        Bases that a pair must share, at least 1.
    min_frac
        Share of the region of the universe that must be covered (``bedtools intersect -a universe -b regions -f``).
    """
    contigs = regions.chrom.categories.union(universe.chrom.categories)
    stride = 2 * int(max(regions.end.max(initial=0), universe.end.max(initial=0))) + 2
    if stride * len(contigs) >= 2**63:
        message = f"positions up to {stride // 2:,} on {len(contigs):,} contigs are beyond any genome."
        raise ValueError(message)
    # one axis for all contigs, wide enough that no search leaves its own
    start, offset = (
        contigs.get_indexer(part.chrom.categories)[part.chrom.codes] * stride for part in (universe, regions)
    )
    start, first, last = start + universe.start, offset + regions.start, offset + regions.end
    width = universe.end - universe.start
    order = np.argsort(start, kind="stable")
    size_class = np.frexp(width[order].astype(np.float64))[1]
    pairs = [(np.empty(0, dtype=np.int64),) * 2]
    for size in np.unique(size_class):
        rows = order[size_class == size]
        low = np.searchsorted(start[rows], first - width[rows].max(), side="right")
        high = np.searchsorted(start[rows], last, side="left")
        for query, place in _ranges(low, high):
            hit = rows[place]
            shared = np.minimum(last[query], start[hit] + width[hit]) - np.maximum(first[query], start[hit])
            keep = (shared >= min_overlap) & (shared >= min_frac * width[hit])
            pairs.append((query[keep], hit[keep]))
    query, hit = (np.concatenate(part) for part in zip(*pairs, strict=True))
    order = np.lexsort((hit, query))
    return query[order], hit[order]


def _ranges(low: np.ndarray, high: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(Row, each whole number of [low, high) of that row), some rows at a time."""
    ends = np.cumsum(np.maximum(high - low, 0))
    cuts = np.searchsorted(ends, np.arange(_PAIRS_AT_ONCE, ends.max(initial=0), _PAIRS_AT_ONCE))
    for a, b in pairwise(np.unique(np.concatenate([[0], cuts, [len(low)]]))):
        row, number = each_of(low[a:b], high[a:b])
        yield a + row, number


def checksum(universe: Regions) -> str:
    """BLAKE2b of contigs, starts and ends in order: identifies the universe whose regions tokens number."""
    digest = blake2b(digest_size=16)
    for name in universe.chrom.categories:
        digest.update(f"{name}\0".encode())
    for part in (universe.chrom.codes, universe.start, universe.end):
        digest.update(np.ascontiguousarray(part, dtype="<i8").data)
    return digest.hexdigest()


def read_bed(path: str | os.PathLike[str], *, name: str = "universe") -> Regions:
    """Regions of a BED file, plain or gzip, in its order; ``name`` is the argument that errors mention."""
    return _regions(_rows(path, name), path, name)


def read_geniml_bed(path: str | os.PathLike[str]) -> Regions:
    """Regions in the order in which geniml (gtars) numbers them.

    A region that stands in several lines has the number of its first. Where the lines have a score (a fifth column),
    the highest comes first.
    """
    rows = _rows(path, "universe")
    if len(rows[0]) > 4:
        try:
            score = np.array([float(fields[4]) for fields in rows])
        except (IndexError, ValueError) as error:
            message = (
                f"universe={str(path)!r}: its first line has a score in the fifth column, which orders the regions, but not "
                "every line has a number there: pass the file that the model was trained on."
            )
            raise ValueError(message) from error
        rows = [rows[line] for line in np.argsort(-score, kind="stable")]
    first: dict[tuple[str, ...], list[str]] = {}
    for fields in rows:
        first.setdefault(tuple(fields[:3]), fields)
    return _regions(list(first.values()), path, "universe")


def _rows(path: str | os.PathLike[str], name: str) -> list[list[str]]:
    """Fields of the lines that name regions."""
    path = as_path(name, path)
    text = _text(path, name)
    lines = [line.split(None, 5)[:5] for line in text.splitlines() if line.strip()]
    rows = [fields for fields in lines if not fields[0].startswith("#") and fields[0] not in ("track", "browser")]
    if short := [fields for fields in rows if len(fields) < 3]:
        message = (
            f"{name}={str(path)!r} is no BED file: {len(short)} of {len(rows)} lines have no contig, start and end "
            f"(first: {' '.join(short[0])[:60]!r})."
        )
        raise ValueError(message)
    if not rows:
        message = f"{name}={str(path)!r} has no regions."
        raise ValueError(message)
    return rows


def _regions(rows: list[list[str]], path: str | os.PathLike[str], name: str) -> Regions:
    table = pd.DataFrame([fields[:3] for fields in rows], columns=[CHROM, START, END])
    table.index = table[CHROM] + ":" + table[START] + "-" + table[END]
    try:
        return read_regions(table)
    except ValueError as error:
        message = f"{name}={str(path)!r}: {error}"
        raise ValueError(message) from error


def _text(path: Path, name: str) -> str:
    if not path.is_file():
        message = f"{name}={str(path)!r}: there is no such file."
        raise FileNotFoundError(message)
    with reading(path, "BED file", name=name, advice="Fetch it again, or pass another."):
        return unpacked(path).decode("utf-8-sig")


def write_bed(path: Path, universe: Regions) -> None:
    """The regions as a BED file of three columns."""
    rows = zip(universe.chrom, universe.start, universe.end, strict=True)
    path.write_text("".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in rows))
