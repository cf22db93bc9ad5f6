"""Scores of genes: from which peaks, computed, stored and found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from scbasset_tl._adata.kinds import GENE_SCORES, RAW_GENE_SCORES
from scbasset_tl._adata.matrix import open_entries_from
from scbasset_tl._adata.model.denoised import averaging
from scbasset_tl._adata.positions import region_keys
from scbasset_tl._adata.results import find, texts
from scbasset_tl._log import info, warning
from scbasset_tl.genome.contigs import respell
from scbasset_tl.genome.genes import near, read_genes
from scbasset_tl.genome.regions import read_regions

if TYPE_CHECKING:
    from anndata import AnnData
    from scipy import sparse

    from scbasset_tl.genome.genes import Genes
    from scbasset_tl.genome.regions import Regions

_SHOWN: Final = 5
_SHIFT: Final = 20_000
_ENOUGH: Final = 200


@dataclass(frozen=True)
class Promoters:
    """Genes with peaks at their start sites."""

    names: np.ndarray  # text (G,), sorted as in the source
    n_peaks: np.ndarray  # int64 (G,)
    weights: sparse.csr_matrix  # (G, n_vars): the mean over a gene's peaks
    skipped: np.ndarray  # genes without a peak


def promoters(adata: AnnData, genes: Any, distance: int) -> Promoters:
    """The peaks of each gene, from start sites or, where ``genes`` is None, from muon's annotation of the peaks."""
    names, gene, peak = _annotated(adata, distance) if genes is None else _located(adata, genes, distance)
    pairs = np.unique(np.stack([gene, peak]), axis=1)
    n_peaks = np.bincount(pairs[0], minlength=len(names))
    with_peaks = np.flatnonzero(n_peaks)
    skipped = names[n_peaks == 0]
    if len(skipped):
        shown = ", ".join(map(str, skipped[:_SHOWN])) + (", ..." if len(skipped) > _SHOWN else "")
        info(f"{len(skipped):,} of {len(names):,} genes have no peak within {distance:,} bp of their start: {shown}")
    weights = averaging(np.searchsorted(with_peaks, pairs[0]), pairs[1], adata.n_vars)
    return Promoters(names[with_peaks], n_peaks[with_peaks], weights, skipped)


def _located(adata: AnnData, source: Any, distance: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names of all genes, and pairs of (gene, peak)."""
    genes = read_genes(source)
    regions = read_regions(adata.var, keys=region_keys(adata))
    regions = regions._replace(
        chrom=respell(regions.chrom, pd.unique(genes.chrom), whose="the peaks", source="the annotation")
    )
    n_shared = _check_contigs(genes, regions)
    site, peak = near(genes, regions, distance)
    if not len(site):
        message = (
            f"none of the {len(genes.name):,} start sites has a peak within {distance:,} bp: is the annotation of another "
            "assembly, or promoter= too small?"
        )
        raise ValueError(message)
    _compare_with_chance(genes, regions, distance, len(np.unique(site)), n_shared)
    number, names = pd.factorize(genes.name)
    return np.asarray(names, dtype=object), number[site], peak


def _check_contigs(genes: Genes, regions: Regions) -> int:
    """Number of start sites on contigs that have peaks; refuses genes and peaks that share no contig."""
    shared = np.isin(genes.chrom, regions.chrom.categories)
    if 2 * shared.sum() >= len(shared):
        return int(shared.sum())
    apart = genes.chrom[~shared], np.asarray(regions.chrom, dtype=object)[~regions.chrom.isin(genes.chrom)]
    of_genes, of_peaks = ([str(name) for name in pd.unique(names)[:4]] for names in apart)
    message = f"{len(shared) - shared.sum():,} of {len(shared):,} start sites are on contigs without peaks, such as {of_genes}"
    if not shared.any():
        message = (
            f"{message}; peaks are on {of_peaks}, which the genes do not have, in any spelling: is the annotation of "
            "another assembly or species?"
        )
        raise ValueError(message)
    if 2 * len(apart[1]) > len(regions.start):  # else the peaks are those of some contigs
        warning(
            f"{message}, and most peaks on contigs without genes, such as {of_peaks}: do they name contigs otherwise?"
        )
    return int(shared.sum())


def _entry(entries: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """``entries[name]`` if it is a mapping, else an empty one."""
    entry = entries.get(name)
    return entry if isinstance(entry, Mapping) else {}


def _compare_with_chance(genes: Genes, regions: Regions, distance: int, n_found: int, n_shared: int) -> None:
    """Warn if start sites are no nearer to peaks than places beside them, as with another assembly."""
    beside = [near(genes._replace(tss=genes.tss + shift), regions, distance)[0] for shift in (-_SHIFT, _SHIFT)]
    by_chance = np.mean([len(np.unique(site)) for site in beside])
    if n_shared >= _ENOUGH and n_found < by_chance + 3 * by_chance**0.5:
        warning(
            f"{n_found / n_shared:.0%} of the start sites have a peak within {distance:,} bp, and {by_chance / n_shared:.0%} "
            f"of places {_SHIFT:,} bp beside them: is the annotation of another assembly than the peaks?"
        )


def _annotated(adata: AnnData, distance: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same from ``uns['atac']['peak_annotation']``, as muon keeps the file of 10x Genomics."""
    table = _entry(adata.uns, "atac").get("peak_annotation")
    if not isinstance(table, pd.DataFrame) or not {"peak", "distance"} <= set(table):
        message = (
            "uns['atac']['peak_annotation'] has no table with peak and distance: pass genes= (a table or a GTF file), or run "
            "muon.atac.tl.add_peak_annotation(data, 'atac_peak_annotation.tsv')."
        )
        raise KeyError(message)
    genes = pd.Series(table.index.astype(str) if "gene" not in table else table["gene"].astype(str).to_numpy())
    named = ~genes.isin(["", "nan", "<NA>", "None"]).to_numpy()
    peak = _canonical(adata).get_indexer(pd.Index(table["peak"].astype(str)))
    if not (named & (peak >= 0)).any():
        ours, theirs = list(adata.var_names[:2]), list(table["peak"][:2])
        message = f"uns['atac']['peak_annotation'] is of other peaks, {theirs}, than the data's, {ours}."
        raise ValueError(message)
    offset = pd.to_numeric(table["distance"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    number, names = pd.factorize(genes[named].to_numpy(dtype=object))
    kept = (peak[named] >= 0) & (np.abs(offset[named]) <= distance)
    if "peak_type" in table:  # 10x calls a peak in the body of a gene, far from its start, distal with distance 0
        body = (table["peak_type"].astype(str) == "distal").to_numpy() & (offset == 0)
        kept &= ~body[named]
    if not kept.any():
        message = f"no peak of uns['atac']['peak_annotation'] is within {distance:,} bp of a gene: raise promoter=."
        raise ValueError(message)
    return np.asarray(names, dtype=object), number[kept], peak[named][kept]


def _canonical(adata: AnnData) -> pd.Index:
    """Peaks as muon writes them, chr:start-end; their names if regions repeat or are unknown."""
    try:
        r = read_regions(adata.var)
    except (KeyError, ValueError):
        return adata.var_names
    names = pd.Index([f"{c}:{s}-{e}" for c, s, e in zip(r.chrom, r.start, r.end, strict=True)], dtype=object)
    return names if names.is_unique else adata.var_names


def raw_scores(adata: AnnData, layer: str | None, weights: sparse.csr_matrix, *, normalize_depth: bool) -> np.ndarray:
    """Share of each gene's peaks that are open, float32 (n_obs, G); ``normalize_depth`` scales them to the median depth."""
    open_entries = open_entries_from(adata, layer)
    scores = (weights.astype(np.float32) @ open_entries.csr(np.float32)).T.toarray()
    if normalize_depth:
        depth = open_entries.cell_counts()
        scores *= (np.median(depth) / np.maximum(depth, 1)).astype(np.float32)[:, None]
    return np.ascontiguousarray(scores)


@dataclass(frozen=True)
class StoredScores:
    """What :func:`scbasset_tl.tl.gene_scores` stored."""

    scores: np.ndarray  # float32 (n_obs, G)
    genes: pd.DataFrame  # a row for each gene
    params: Mapping[str, Any]
    slot: str


def read_scores(adata: AnnData, key: str) -> StoredScores:
    """Find scores of genes and put the table of the genes together."""
    entry = find(adata, RAW_GENE_SCORES if str(key).endswith("_raw") else GENE_SCORES, key)
    slot = str(entry["slots"]["obsm"])
    table = pd.DataFrame({"n_peaks": np.asarray(entry["n_peaks"])}, index=texts(entry["names"]))
    return StoredScores(np.asarray(adata.obsm[slot]), table, entry["params"], slot)
