"""Cells as bags of regions of a universe: from peaks to tokens, and the slots that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from scbasset_tl._adata.kinds import TOKENS
from scbasset_tl._adata.matrix import open_peaks
from scbasset_tl._adata.results import entry, find, texts
from scbasset_tl._log import info, warning
from scbasset_tl._validate import check_name, check_number, check_positive_int
from scbasset_tl.genome.contigs import respell
from scbasset_tl.genome.regions import Regions, read_regions
from scbasset_tl.genome.universe import checksum, overlaps, read_bed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOUD_BELOW = 0.5
_REPORT = ("checksum", "n_regions", "mapped_peaks", "mapped_open")
_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Tokens:
    """Which regions of a universe are open in each cell."""

    open: sparse.csr_matrix  # bool (n_obs, n_regions), indices ascending
    universe: Regions | None  # None: the data's own peaks
    report: Mapping[str, Any]  # _REPORT
    region_keys: list[str] | None = None  # regions of the data's own peaks, if they have any


def find_universe(universe: Any) -> Regions:
    """The regions that a user means: a BED file, a table, the peaks of an AnnData, or regions as they are."""
    if isinstance(universe, Regions):
        regions = universe
    elif isinstance(universe, AnnData | pd.DataFrame):
        table = universe.var if isinstance(universe, AnnData) else universe
        try:
            regions = read_regions(table)
        except (KeyError, ValueError) as error:
            message = f"universe: {error.args[0]}"
            raise type(error)(message) from error
    else:
        regions = read_bed(universe)
    if not len(regions.start):
        message = "the universe has no regions."
        raise ValueError(message)
    return regions


def tokenize(
    adata: AnnData,
    universe: Regions | None,
    *,
    min_overlap: int = 1,
    min_frac: float = 0.0,
    layer: str | None = None,
    region_keys: Sequence[str] | None = None,
) -> Tokens:
    """The open peaks of each cell as regions of ``universe``, or as they are if it is ``None``."""
    min_overlap = check_positive_int("min_overlap", min_overlap)
    min_frac = check_number("min_frac", min_frac, low=0, high=1)
    if universe is None:
        keys = None if region_keys is None else list(region_keys)
        return Tokens(open_peaks(adata, layer), None, _own(adata, keys), keys)
    peaks = read_regions(adata.var, keys=region_keys, obs=adata.obs)
    peaks = _on_contigs(peaks, universe)
    peak, region = overlaps(peaks, universe, min_overlap=min_overlap, min_frac=min_frac)
    if not len(peak):
        message = (
            f"no peak overlaps a region of the universe by {min_overlap} bp or more (min_frac={min_frac:g}): is it of "
            f"another assembly? The first peak is {_place(peaks)}, the first region {_place(universe)}."
        )
        raise ValueError(message)
    indptr = np.concatenate([[0], np.bincount(peak, minlength=adata.n_vars).cumsum()])
    to_regions = sparse.csr_matrix(
        (np.ones(len(peak), dtype=bool), region, indptr), shape=(adata.n_vars, len(universe.start))
    )
    opened = open_peaks(adata, layer)
    mapped = np.diff(indptr) > 0
    share = {"peaks": float(mapped.mean()), "open": float(mapped[opened.indices].mean()) if opened.nnz else 0.0}
    report = {
        "checksum": checksum(universe),
        "n_regions": len(universe.start),
        **{f"mapped_{name}": value for name, value in share.items()},
    }
    text = f"{share['peaks']:.1%} of the peaks and {share['open']:.1%} of the open entries overlap the universe"
    if min(share.values()) < _LOUD_BELOW:
        warning(f"only {text}: the rest is dropped. Are assembly and universe those of these data?")
    else:
        info(f"{text} of {len(universe.start):,} regions.")
    return Tokens(_product(opened, to_regions), universe, report)


def _own(adata: AnnData, region_keys: Sequence[str] | None) -> dict[str, Any]:
    regions = read_regions(adata.var, keys=region_keys, obs=adata.obs)
    return {"checksum": checksum(regions), "n_regions": adata.n_vars, "mapped_peaks": 1.0, "mapped_open": 1.0}


def _product(opened: sparse.csr_matrix, to_regions: sparse.csr_matrix) -> sparse.csr_matrix:
    """Regions that any open peak of a cell overlaps; products of bool are 'or'."""
    steps = range(0, opened.shape[0], _ROWS_AT_ONCE)
    tokens = sparse.vstack([opened[row : row + _ROWS_AT_ONCE] @ to_regions for row in steps], format="csr")
    tokens.sort_indices()
    return tokens


def _on_contigs(peaks: Regions, universe: Regions) -> Regions:
    """The peaks with their contigs as the universe spells them; refuses those that share none with it."""
    theirs = list(map(str, universe.chrom.categories))
    peaks = peaks._replace(chrom=respell(peaks.chrom, theirs, whose="the peaks", source="the universe"))
    ours = list(map(str, peaks.chrom.categories))
    if not set(ours) & set(theirs):
        message = (
            f"data and universe share no contig, in any spelling: the data have {ours[:5]}, the universe has "
            f"{theirs[:5]}. They are of different assemblies or species."
        )
        raise ValueError(message)
    return peaks


def _place(regions: Regions) -> str:
    return f"{regions.chrom[0]}:{regions.start[0]}-{regions.end[0]}"


def token_entry(tokens: Tokens, slots: Mapping[str, str], params: Mapping[str, Any]) -> dict[str, Any]:
    """``uns['tokens']``."""
    if tokens.universe is None:
        return {**tokens.report, **entry(TOKENS, params, {})}
    return {**tokens.report, **entry(TOKENS, params, slots), "universe": pack_universe(tokens.universe)}


def read_tokens(adata: AnnData, key: str | None) -> Tokens:
    """What :func:`scbasset_tl.pp.tokenize_regions` wrote; without it, and without ``key``, the data's own peaks."""
    name = TOKENS.default if key is None else check_name("tokens_key", key)
    if key is None and name not in adata.uns:
        return tokenize(adata, None)
    stored_entry = find(adata, TOKENS, name)
    if "universe" not in stored_entry:
        params = stored_entry["params"]
        keys = params.get("region_keys")
        return tokenize(adata, None, layer=params.get("layer"), region_keys=None if keys is None else texts(keys))
    slot = str(stored_entry["slots"]["obsm"])
    universe = unpack_universe(stored_entry["universe"])
    there: Any = adata.obsm[slot]
    stored = sparse.csr_matrix(there.compute() if hasattr(there, "compute") else there)
    if stored.shape[1] != len(universe.start):
        message = (
            f"obsm[{slot!r}] has {stored.shape[1]} regions, its universe in uns[{name!r}] {len(universe.start)}: run "
            "pp.tokenize_regions again."
        )
        raise ValueError(message)
    return Tokens(
        stored,
        universe,
        {name: stored_entry[name] for name in _REPORT if name in stored_entry},  # joining data drops what differs
    )


def pack_universe(universe: Regions) -> dict[str, Any]:
    """Regions as arrays that survive in files: mostly 12 bytes each."""
    return {
        "contigs": np.array(universe.chrom.categories, dtype=object),
        "contig": universe.chrom.codes.astype(np.int32),
        "start": universe.start.astype(np.min_scalar_type(universe.start.max())),
        "end": universe.end.astype(np.min_scalar_type(universe.end.max())),
    }


def unpack_universe(stored: Mapping[str, Any]) -> Regions:
    """The inverse of :func:`pack_universe`."""
    chrom = pd.Categorical(np.array(texts(stored["contigs"]), dtype=object)[np.asarray(stored["contig"])])
    start, end = (np.asarray(stored[name], dtype=np.int64) for name in ("start", "end"))
    return Regions(chrom, start, end, pd.RangeIndex(len(start)))
