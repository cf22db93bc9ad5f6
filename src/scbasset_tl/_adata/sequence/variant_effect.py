"""From variants to latent changes, and back from the stored table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._adata.positions import region_keys
from scbasset_tl._log import info, progress
from scbasset_tl.genome.regions import check_on_contigs, read_regions
from scbasset_tl.genome.variant_windows import variants_in_windows, write_alternatives
from scbasset_tl.genome.variants import allele_lengths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from scbasset_tl.genome.fasta import Fasta
    from scbasset_tl.genome.variants import Variants
    from scbasset_tl.nn.embed import Average
    from scbasset_tl.nn.trunk import Trunk

_AT_ONCE = 1024
_OUTSIDE = "in no peak's window"


class Pairs(NamedTuple):
    """A variant and a window that holds it, in every row: windows from left to right for each variant."""

    variant: np.ndarray  # row of the table of variants (P,)
    start: np.ndarray  # first position of the window, below 0 where it begins before the contig (P,)
    peak: np.ndarray  # name of the window's peak, "" if it is the variant's own (P,)

    def rows(self, rows: np.ndarray) -> Pairs:
        """The pairs at ``rows``, in that order."""
        return Pairs(*(column[rows] for column in self))


def pair_with_peaks(adata: AnnData, variants: Variants, genome: Fasta, seq_len: int) -> tuple[Variants, Pairs]:
    """Every variant with the window of every peak that holds its reference allele; the others are marked."""
    regions = read_regions(adata.var, keys=region_keys(adata), obs=adata.obs)
    regions = check_on_contigs(regions, genome.lengths, margin=seq_len // 2, source=genome.path.name)
    chrom, start = np.asarray(regions.chrom, dtype=object), regions.middle - seq_len // 2
    usable = variants.usable
    end = variants.start + allele_lengths(variants.ref)
    variant_row, window = variants_in_windows(
        variants.chrom[usable], variants.start[usable], end[usable], chrom, start, seq_len
    )
    pairs = Pairs(usable[variant_row], start[window], np.asarray(adata.var_names, dtype=object)[window])
    outside = ~np.isin(np.arange(len(variants.start)), pairs.variant)
    return variants.skip(outside, f"{_OUTSIDE} of {seq_len} bp"), pairs


def pair_with_own_windows(variants: Variants, seq_len: int) -> tuple[Variants, Pairs]:
    """Every variant with the window around the middle of its reference allele."""
    length = allele_lengths(variants.ref)
    variants = variants.skip(length > seq_len, f"reference allele longer than {seq_len} bp")
    usable = variants.usable
    start = variants.start[usable] + length[usable] // 2 - seq_len // 2
    return variants, Pairs(usable, start, np.full(len(usable), "", dtype=object))


def report_skipped(variants: Variants, n_pairs: int) -> None:
    """Tell how many variants are scored, and how many are skipped for each reason; refuse if none is left."""
    reasons = pd.Series(variants.reason[variants.reason != ""]).value_counts()
    listed = "; ".join(f"{count:,} {reason}" for reason, count in reasons.items())
    n_scored, n_all = len(variants.usable), len(variants.reason)
    if not n_scored:
        message = f"variants: none of {n_all} can be scored: {listed}."
        if _OUTSIDE in listed:
            message += " windows='variant' scores those outside peaks in windows of their own."
        raise ValueError(message)
    note = f"; skipped: {listed} (get.variant_effect(data, skipped=True) lists them)" if listed else ""
    info(f"{n_scored:,} of {n_all:,} variants, in {n_pairs:,} windows{note}")


def latent_changes(trunk: Trunk, genome: Fasta, variants: Variants, pairs: Pairs, *, average: Average) -> np.ndarray:
    """Embedding of the alternative window minus that of the reference window, float32 (P, n_latent)."""
    import torch

    from scbasset_tl.nn.codes import as_codes
    from scbasset_tl.nn.edits import embed_changes
    from scbasset_tl.nn.embed import n_readings, readings

    contig = pd.factorize(variants.chrom[pairs.variant])[0]
    # pairs of one window follow each other, so that they share what is kept of it
    order = np.lexsort((pairs.start, contig))
    changes = np.empty((len(order), trunk.config.n_latent), dtype=np.float32)
    n_forms = n_readings(average)
    with progress(n_forms * len(order), description="variant effects", unit=" windows") as bar:
        for first in range(0, len(order), _AT_ONCE):
            rows = order[first : first + _AT_ONCE]
            codes, edited, window = both_alleles(genome, variants, pairs.rows(rows), trunk.config.seq_len)
            forms = zip(readings(as_codes(codes), average), readings(as_codes(edited), average), strict=True)
            parts = [embed_changes(trunk, *form, window, tick=bar.update) for form in forms]
            changes[rows] = torch.stack(parts).mean(0).cpu().numpy()
    return changes


def both_alleles(
    genome: Fasta, variants: Variants, pairs: Pairs, seq_len: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of the distinct windows (n, seq_len), of those with the alternatives (P, seq_len), and the window of each."""
    chosen = variants.rows(pairs.variant)
    length = allele_lengths(chosen.ref)
    longer = seq_len + max(0, int((length - allele_lengths(chosen.alt)).max(initial=0)))
    stretches = genome.windows(chosen.chrom, pairs.start + longer // 2, longer)
    edited = write_alternatives(stretches, chosen.start - pairs.start, length, chosen.alt, seq_len)
    places = pd.MultiIndex.from_arrays([chosen.chrom, pairs.start])
    return stretches[~places.duplicated(), :seq_len], edited, places.factorize()[0]


def pack(variants: Variants, pairs: Pairs, delta: np.ndarray, seq_len: int) -> dict[str, Any]:
    """What ``uns`` keeps: columns of the scored and of the skipped variants."""
    scored = variants.rows(pairs.variant)
    entry = {
        **_columns(scored),
        "peak": pairs.peak,
        "offset": scored.start - pairs.start,
        "delta": delta,
        "seq_len": seq_len,
    }
    skipped = variants.rows(np.flatnonzero(variants.reason != ""))
    # files do not keep the type of an empty column of text
    entry["skipped"] = {**_columns(skipped), "reason": skipped.reason} if len(skipped.reason) else {}
    return entry


def _columns(variants: Variants) -> dict[str, np.ndarray]:
    texts = {name: getattr(variants, name) for name in ("chrom", "ref", "alt", "id")}
    effect = {"effect_allele": variants.effect} if (variants.effect != "").any() else {}
    return {**texts, **effect, "pos": variants.start + 1}


def table(entry: Mapping[str, Any], *, skipped: bool = False) -> pd.DataFrame:
    """The scored variants, a row for each window, or the skipped ones."""
    columns = entry.get("skipped", {}) if skipped else entry  # anndata.concat drops what is empty
    effect = ["effect_allele"] if "effect_allele" in columns else []
    names = ["chrom", "pos", "ref", "alt", "id", *effect, *(["reason"] if skipped else ["peak", "offset"])]
    values = {name: np.asarray(columns[name]) if name in columns else np.empty(0, dtype=object) for name in names}
    # zarr gives back text in a type of its own
    whole = {"pos", "offset"}
    return pd.DataFrame({name: part.astype(np.int64 if name in whole else object) for name, part in values.items()})
