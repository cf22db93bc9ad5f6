"""Cells as bags of regions of a universe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from anndata import AnnData

D = TypeVar("D")


@doc_params
def tokenize_regions(
    data: D,
    universe: str | PathLike[str] | pd.DataFrame | AnnData | None = None,
    *,
    min_overlap: int = 1,
    min_frac: float = 0.0,
    layer: str | None = None,
    region_keys: Sequence[str] | None = None,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Write each cell's open peaks as the regions of a universe that they overlap, for scEmbed :cite:p:`LeRoy2024`.

    A region of the universe is a token. A cell has it if any of its open peaks overlaps it; a peak that overlaps
    several regions gives all of them, one that overlaps none is dropped. The share that is dropped is recorded and
    printed, with a warning if it is more than half.

    Parameters
    ----------
    {data}
    universe
        BED file (plain or gzip), table with contig, start and end, or AnnData whose peaks are the universe, in any
        order, overlapping or nested. ``None``: the data's own peaks.
    min_overlap
        Bases that a peak and a region must share (intervals are 0-based, half-open).
    min_frac
        Share of the region that the peak must cover, as ``-f`` of ``bedtools intersect -a universe``.
    {layer}
    region_keys
        Columns of ``var`` with contig, start and end; by default they are found, or read from the peaks' names.
    {mod}
    key_added
        Name for both slots instead of those below.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['X_tokens' | key_added]` : ``scipy.sparse.csr_matrix`` (dtype `bool`)
        Cells × regions of the universe. Not written for the data's own peaks, where it would repeat the matrix.
    `adata.uns['tokens' | key_added]` : :class:`dict`
        ``checksum`` and ``n_regions`` of the universe; ``mapped_peaks`` and ``mapped_open``, the shares of the peaks and
        of the cells' open peaks that overlap it; the ``universe`` itself unless it is the peaks; ``params``, the call.

    Raises
    ------
    KeyError
        If the layer or the regions are missing.
    ValueError
        If data and universe share no contig, no peak overlaps it, or regions cannot be read.
    FileNotFoundError
        If there is no such BED file.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> universe = adata.var.iloc[:150].assign(start=lambda table: table["start"] + 100)
    >>> sb.pp.tokenize_regions(adata, universe)
    >>> adata.obsm["X_tokens"].shape
    (60, 150)
    """
    from scbasset_tl._adata.kinds import TOKENS
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.results import claim, left_over
    from scbasset_tl._adata.scembed.tokens import find_universe, token_entry, tokenize
    from scbasset_tl._adata.write import write_slots

    source = writable_peaks(data, mod, copy=copy, region_keys=region_keys)
    slots = claim(source, TOKENS, key_added)
    how: dict[str, Any] = {"min_overlap": min_overlap, "min_frac": min_frac, "layer": layer, "region_keys": region_keys}
    regions = None if universe is None else find_universe(universe)
    tokens = tokenize(source, regions, **how)
    how["region_keys"] = None if region_keys is None else list(region_keys)
    how["universe"] = _named(universe)
    container, adata = target(data, mod, copy=copy)
    written = {} if tokens.universe is None else {slots["obsm"]: tokens.open}
    made = token_entry(tokens, slots, how)
    write_slots(
        adata, drop=left_over(adata, TOKENS, slots["uns"], made["slots"]), obsm=written, uns={slots["uns"]: made}
    )
    return container if copy else None


def _named(universe: Any) -> str | None:
    """What ``params`` keeps of the universe."""
    if universe is None or isinstance(universe, str):
        return universe
    return str(universe) if hasattr(universe, "__fspath__") else type(universe).__name__
