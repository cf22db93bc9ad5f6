"""One scored variant for a plot: what each base contributes around it, with and without it, side by side."""

from __future__ import annotations

from os.path import commonprefix
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scbasset_tl._adata.model.store import read_network
from scbasset_tl._adata.sequence.variant_effect import Pairs, both_alleles, table
from scbasset_tl._adata.windows import check_assembly
from scbasset_tl.genome.codes import N_CODE
from scbasset_tl.genome.variant_match import match_genome
from scbasset_tl.genome.variants import read_variants

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from anndata import AnnData

    from scbasset_tl.genome.fasta import Fasta

_SHOWN = 3
_FLANK = 10  # bp, at least


class VariantView(NamedTuple):
    """Reference and alternative sequence, aligned; where one has no base its code is that of N and its importance 0."""

    codes: np.ndarray  # uint8 (2, columns)
    importance: np.ndarray  # float32 (2, columns)
    pos: np.ndarray  # 1-based position of each column, below 1 where the contig has no base
    changed: tuple[int, int]  # columns that differ, half-open


def find_row(entry: Mapping[str, Any], variant: Any, peak: str | None) -> int:
    """The row of a variant given by number, id or ``chrom:pos:ref>alt``, in the window in which it is most central."""
    rows = table(entry)
    if isinstance(variant, int | np.integer) and not isinstance(variant, bool):
        if peak is not None or not 0 <= variant < len(rows):
            message = (
                f"variant must be a row of get.variant_effect, 0 to {len(rows) - 1}, without peak=, got {variant}."
            )
            raise KeyError(message)
        return int(variant)
    names = _names(rows)
    matching = np.flatnonzero((names == variant) | (rows["id"] == variant).to_numpy())
    if not len(matching):
        raise KeyError(_absent(entry, variant, names))
    if len(several := list(dict.fromkeys(names[matching]))) > 1:
        message = (
            f"variant: the id {variant!r} is that of {len(several)} variants, pass one of them: {several[:_SHOWN]}."
        )
        raise ValueError(message)
    if peak is not None:
        windows = rows["peak"].to_numpy()[matching]
        matching = matching[windows == peak]
        if not len(matching):
            message = f"peak: {variant!r} was scored in the windows of {list(windows)[:_SHOWN]}, not of {peak!r}."
            raise KeyError(message)
    offset = rows["offset"].to_numpy()[matching]
    return int(matching[np.abs(offset - int(entry["seq_len"]) // 2).argmin()])


def variant_view(
    adata: AnnData, entry: Mapping[str, Any], row: int, genome: Fasta, vector: np.ndarray, *, width: int
) -> VariantView:
    """In-silico mutagenesis of both alleles in ``width`` bp around the variant, for the output of ``vector`` (K,)."""
    from scbasset_tl.nn.mutagenesis import mutagenesis

    check_assembly(adata, genome)
    line = table(entry).iloc[[row]]
    variants = match_genome(read_variants(line), genome)
    offset = int(line["offset"].iloc[0])
    pairs = Pairs(np.zeros(1, dtype=np.int64), variants.start - offset, np.array([""], dtype=object))
    trunk = read_network(adata, str(entry["model"]["key"])).trunk()
    seq_len = trunk.config.seq_len
    codes, edited, _ = both_alleles(genome, variants, pairs, seq_len)
    ref, alt = str(variants.ref[0]), str(variants.alt[0])[: seq_len - offset]
    longest = max(len(ref), len(alt))
    flank = max(_FLANK, (width - longest) // 2)
    first = max(0, offset - flank)
    before = offset - first
    after = min(flank, seq_len - offset - longest)
    n_columns = before + longest + after
    view = VariantView(
        np.full((2, n_columns), N_CODE, dtype=np.uint8),
        np.zeros((2, n_columns), dtype=np.float32),
        np.full(n_columns, -1, dtype=np.int64),
        (before + len(commonprefix([ref, alt])), before + longest),
    )
    for side, (sequence, allele) in enumerate(zip((codes, edited), (ref, alt), strict=True)):
        last = offset + len(allele) + after
        columns = np.r_[: before + len(allele), before + longest : n_columns]
        raw = mutagenesis(trunk, sequence, window=(first, last))[0] @ vector.astype(np.float32)
        view.codes[side, columns] = present = sequence[0, first:last]
        view.importance[side, columns] = np.where(present < N_CODE, -raw.mean(axis=1), 0)
        if side == 0:
            view.pos[columns] = variants.start[0] - before + 1 + np.arange(last - first)
    return view


def _names(rows: pd.DataFrame) -> np.ndarray:
    parts = zip(rows["chrom"], rows["pos"], rows["ref"], rows["alt"], strict=True)
    return np.array([f"{chrom}:{pos}:{ref}>{alt}" for chrom, pos, ref, alt in parts], dtype=object)


def _absent(entry: Mapping[str, Any], variant: Any, names: np.ndarray) -> str:
    """Why there is no such variant."""
    skipped = table(entry, skipped=True)
    reasons = skipped["reason"][(_names(skipped) == variant) | (skipped["id"] == variant).to_numpy()]
    if len(reasons):
        return f"variant: {variant!r} was not scored: {reasons.iloc[0]}."
    return (
        f"variant: {variant!r} is not among those that were scored, such as {list(names[:_SHOWN])}: pass the row of "
        "get.variant_effect, chrom:pos:ref>alt or the id."
    )
