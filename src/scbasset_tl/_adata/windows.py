"""The sequences that a user means by ``regions``: peaks of the data, or any windows of the genome."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.codes import sequence_codes
from scbasset_tl._adata.positions import positions, region_keys, sequence_record
from scbasset_tl._adata.results import texts
from scbasset_tl._files import as_path
from scbasset_tl._keys import CHROM, DNA_CODE, END, START
from scbasset_tl._log import info, warning
from scbasset_tl.genome.codes import N_CODE
from scbasset_tl.genome.contigs import match_contigs
from scbasset_tl.genome.fasta import Fasta
from scbasset_tl.genome.regions import Regions, check_on_contigs, read_regions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from pathlib import Path

    from anndata import AnnData

_SHOWN = 3
_COMPARED = 200


@dataclass(frozen=True)
class Windows:
    """Sequences of one length and where they lie."""

    name: list[str]
    chrom: np.ndarray  # str (R,); "" where the data do not say where their peaks are
    start: np.ndarray  # int64 (R,), 0-based; below 0 where a window begins before its contig
    codes: np.ndarray  # uint8 (R, seq_len): A0 C1 G2 T3 N4


@dataclass(frozen=True)
class Places:
    """Which windows are meant, before any sequence is read."""

    name: list[str]
    place: list[tuple[str, int | str]]  # contig and middle; "" and the peak's name if the data do not say where it lies
    regions: np.ndarray | pd.DataFrame  # the same as positions of peaks or as a table

    def some(self, rows: list[int]) -> np.ndarray | pd.DataFrame:
        """A few of the regions."""
        return self.regions.iloc[rows] if isinstance(self.regions, pd.DataFrame) else self.regions[rows]


def sequence_windows(
    adata: AnnData,
    regions: Any,
    *,
    fasta: str | PathLike[str] | None = None,
    seq_len: int,
) -> Windows:
    """Windows of ``seq_len`` bp around the middle of peaks or of other regions.

    Parameters
    ----------
    adata
        Data whose peaks may be meant.
    regions
        Peaks as names, positions, a mask or a slice; or, with a FASTA, any regions as texts ``chr:start-end`` or as a
        table with contig, start and end.
    fasta
        Read the DNA from here. By default it comes from ``varm['dna_code']``, which has that of peaks only.
    seq_len
        What the model reads, in bp.

    Raises
    ------
    KeyError
        For peaks that are not there, and missing slots.
    ValueError
        For regions that are no peaks without a FASTA, contigs that it does not have, positions outside them, a FASTA of
        another assembly, and sequences of another length than the model reads.
    """
    path = None if fasta is None else as_path("fasta", fasta)
    keys = region_keys(adata)
    chosen = _find(adata, regions, keys)
    if isinstance(chosen, Regions):
        if path is None:
            message = _counted(chosen.name, "are not names of peaks: pass fasta= to read their sequences")
            raise ValueError(message)
        return _cut(adata, chosen, path, seq_len, whose="regions")
    var = adata.var.iloc[chosen]
    if path is not None:
        return _cut(adata, read_regions(var, keys=keys), path, seq_len, whose="peaks")
    codes = sequence_codes(adata, seq_len=seq_len, instead=", or pass fasta=")
    chrom, start = np.full(len(chosen), "", dtype=object), np.zeros(len(chosen), dtype=np.int64)
    with suppress(KeyError):  # peaks without regions: sequences of their own, counted from 0
        places = read_regions(var, keys=keys)
        chrom, start = np.asarray(places.chrom, dtype=object), places.middle - seq_len // 2
    return Windows(texts(var.index), chrom, start, codes[chosen])


def find_places(adata: AnnData, regions: Any) -> Places:
    """Which windows :func:`sequence_windows` would cut, without reading a sequence."""
    keys = region_keys(adata)
    chosen = _find(adata, regions, keys)
    if isinstance(chosen, Regions):
        return Places(texts(chosen.name), _at(chosen), _table(chosen))
    names = texts(adata.var_names[chosen])
    try:
        return Places(names, _at(read_regions(adata.var.iloc[chosen], keys=keys)), chosen)
    except KeyError:
        if not adata.var_names.is_unique:
            message = (
                "the names in data.var_names repeat, so that they do not say which peak: data.var_names_make_unique()."
            )
            raise ValueError(message) from None
        return Places(names, [("", name) for name in names], chosen)


def _find(adata: AnnData, regions: Any, keys: list[str] | None) -> np.ndarray | Regions:
    """Positions if all are peaks, else regions."""
    if regions is None:
        message = "regions must be peaks (names, positions, a mask or a slice) or regions chr:start-end, got None."
        raise ValueError(message)
    if isinstance(regions, pd.DataFrame):
        try:
            return _regions(regions)
        except KeyError as error:
            message = f"regions: the table has no columns chr, start and end; it has {list(regions)}."
            raise KeyError(message) from error
    if not isinstance(regions, slice):
        listed = np.atleast_1d(np.asarray(regions))
        if listed.size and all(isinstance(name, str) for name in listed.flat):
            names = pd.Index(texts(listed), dtype=object)
            if not names.isin(adata.var_names).all():
                return _mixed(adata, names, keys)
    peaks = positions("var", adata.var_names, regions)
    if not len(peaks):
        message = "regions names no peak."
        raise ValueError(message)
    return peaks


def _mixed(adata: AnnData, names: pd.Index, keys: list[str] | None) -> Regions:
    """The regions of names; var says where those lie that are peaks."""
    is_peak = names.isin(adata.var_names)
    _check_written(names[~is_peak], len(names))
    tables = [_table(read_regions(pd.DataFrame(index=names[~is_peak].unique())))]
    if is_peak.any():
        peaks = positions("var", adata.var_names, names[is_peak].unique())
        tables.append(_table(read_regions(adata.var.iloc[peaks], keys=keys)))
    return _regions(pd.concat(tables).loc[names])


def _at(regions: Regions) -> list[tuple[str, int | str]]:
    return [(str(chrom), int(middle)) for chrom, middle in zip(regions.chrom, regions.middle, strict=True)]


def _table(regions: Regions) -> pd.DataFrame:
    columns = (np.asarray(regions.chrom, dtype=object), regions.start, regions.end)
    return pd.DataFrame(dict(zip((CHROM, START, END), columns, strict=True)), index=regions.name)


def _check_written(absent: pd.Index, total: int) -> None:
    """Refuse names that are neither peaks nor regions."""
    bad = absent[~absent.str.fullmatch(r".*[^:_-][:_-]\d{1,18}[-_]\d{1,18}")]
    if len(bad):
        message = _counted(bad, "are neither names of peaks in data.var_names nor regions chr:start-end", total)
        raise KeyError(message)


def _regions(table: pd.DataFrame) -> Regions:
    regions = read_regions(table)
    if not len(regions.start):
        message = "regions is an empty table."
        raise ValueError(message)
    numbered = isinstance(table.index, pd.RangeIndex) or table.index.dtype.kind in "iuf"
    places = [f"{c}:{s}-{e}" for c, s, e in zip(regions.chrom, regions.start, regions.end, strict=True)]
    return regions._replace(name=pd.Index(places if numbered else texts(table.index), dtype=object))


def check_assembly(adata: AnnData, genome: Fasta) -> None:
    """Refuse a FASTA that is not of the assembly that the peaks' sequences came from, where that is known.

    Its contigs may be others, or have other names; some peaks must have the bases that are stored.
    """
    recorded = sequence_record(adata)
    if "checksum" not in recorded:
        return
    expected, checksum = str(recorded["checksum"]), genome.checksum()
    differ = _other_bases(adata, genome)
    if differ or (differ is None and expected != checksum):
        bases = "" if differ is None else f" It has other bases in {differ}."
        message = (
            f"fasta: {genome.path.name} (assembly {checksum}) is not the assembly of the peaks' sequences, "
            f"{recorded.get('fasta')} (uns[{DNA_CODE!r}]['checksum'] {expected}): pass that FASTA.{bases}"
        )
        raise ValueError(message)
    if expected != checksum:
        info(
            f"{genome.path.name} is not {recorded.get('fasta')}, but has the same sequences for peaks drawn evenly: "
            "it is used"
        )


def _other_bases(adata: AnnData, genome: Fasta) -> str | None:
    """Which stored sequences of some peaks from all over the data the genome does not have; ``None`` if unknown."""
    if DNA_CODE not in adata.varm or not adata.n_vars:
        return None
    rows = np.unique(np.linspace(0, adata.n_vars - 1, _COMPARED, dtype=np.int64))
    codes = sequence_codes(adata)[rows]
    try:
        regions = read_regions(adata.var.iloc[rows], keys=region_keys(adata))
        located = check_on_contigs(regions, genome.lengths, margin=codes.shape[1], source=genome.path.name)
    except (KeyError, ValueError):
        return None
    wrong = np.flatnonzero((genome.windows(located.chrom, located.middle, codes.shape[1]) != codes).any(axis=1))
    if not len(wrong):
        return ""
    return f"{len(wrong)} of {len(rows)} peaks compared, the first is {str(regions.name[wrong[0]])!r}"


def warn_blank(codes: np.ndarray, names: Sequence[str]) -> None:
    """Warn of windows without a known base, whose predictions mean nothing."""
    blank = np.flatnonzero((codes == N_CODE).all(axis=1))
    if len(blank):
        warning(
            f"{len(blank)} of {len(codes)} windows hold nothing but N (first: {[str(names[row]) for row in blank[:_SHOWN]]}):"
            " their predictions mean nothing. Leave them out, or pass an unmasked FASTA"
        )


def _cut(adata: AnnData, regions: Regions, path: Path, seq_len: int, *, whose: str) -> Windows:
    with Fasta(path) as genome:
        check_assembly(adata, genome)
        unknown = ~regions.chrom.isin(list(match_contigs(regions.chrom.categories, genome.lengths)))
        if whose == "regions" and unknown.any():
            has = list(genome.lengths)[:8]
            message = _counted(regions.name[unknown], f"lie on contigs that {path.name} does not have; it has {has}")
            raise ValueError(message)
        located = check_on_contigs(regions, genome.lengths, margin=seq_len // 2, source=path.name)
        codes = genome.windows(located.chrom, regions.middle, seq_len)
    chrom = np.asarray(regions.chrom, dtype=object)
    return Windows(texts(regions.name), chrom, regions.middle - seq_len // 2, codes)


def _counted(names: pd.Index, what: str, total: int | None = None) -> str:
    of = "" if total is None else f" of {total}"
    return f"regions: {len(names)}{of} {what} (first: {texts(names[:_SHOWN])})."
