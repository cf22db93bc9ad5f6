"""Embed the cells of other data by trained region vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import DNA_CODE, SCEMBED, other_results
from scbasset_tl._validate import check_key_added

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.scembed import RegionEmbedding

D = TypeVar("D")


@doc_params
def project_cells(
    query: D,
    reference: AnnData | MuData | RegionEmbedding,
    *,
    key: str = "scembed",
    min_overlap: int = 1,
    min_frac: float = 0.0,
    layer: str | None = None,
    region_keys: Sequence[str] | None = None,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Embed cells by the region vectors of a trained scEmbed model, whatever their own peaks :cite:p:`LeRoy2024`.

    The open peaks of the query become the regions of the model's universe that they overlap; a cell is the mean of
    their vectors, and lies in the space of the reference. Nothing is trained. Both must be of one assembly. New cells lie
    nearer to the origin than those that the vectors were trained on, the more so the fewer these were: so compare
    directions. Labels are carried over by :func:`scbasset_tl.tl.annotate` with ``metric="cosine"``.

    Parameters
    ----------
    query
        AnnData of cells × peaks, or a MuData that holds one.
    reference
        Data with a model of :func:`scbasset_tl.tl.scembed`, or one from :func:`scbasset_tl.io.read_scembed` or
        :func:`scbasset_tl.io.read_geniml`.
    key
        Entry of the reference's ``.uns`` with the model.
    min_overlap
        Bases that a peak and a region must share.
    min_frac
        Share of the region that the peak must cover.
    {layer}
    region_keys
        Columns of the query's ``var`` with contig, start and end; by default they are found, or read from the names.
    {mod}
    key_added
        Name for all slots instead of those below.
    {copy}

    Returns
    -------
    ``None``, or the changed copy of ``query``. Writes

    `query.obsm['X_scembed' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cell vectors in the space of the reference.
    `query.obs['scembed_empty' | f'{{key_added}}_empty']` : :class:`pandas.Series` (dtype `bool`)
        Cells without a trained region; their vectors are zero.
    `query.uns['scembed' | key_added]` : :class:`dict`
        The shares of peaks and open entries that overlap the universe, which model it was (``model``), the call.

    Raises
    ------
    KeyError
        If the reference has no such model, or the layer or the regions of the query are missing.
    ValueError
        If query and universe share no contig or no peak overlaps a region.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> reference, query = adata[:40].copy(), adata[40:].copy()
    >>> sb.tl.scembed(reference, n_latent=8, max_epochs=2)
    >>> query.var["start"] += 100
    >>> sb.tl.project_cells(query, reference)
    >>> query.obsm["X_scembed"].shape
    (20, 8)
    """
    from scbasset_tl._adata.resolve import resolve, target, writable
    from scbasset_tl._adata.scembed import (
        RegionEmbedding,
        check_embedding_free,
        model_digest,
        read_embedding,
        write_embedding,
    )
    from scbasset_tl._adata.tokens import tokenize

    source = writable(query, mod, copy=copy)
    check_key_added(key_added, reserved=[DNA_CODE, *other_results(SCEMBED)])
    check_embedding_free(source, key_added, "tl.project_cells")
    model = reference if isinstance(reference, RegionEmbedding) else read_embedding(resolve(reference, mod), key)
    how = {"min_overlap": min_overlap, "min_frac": min_frac, "layer": layer, "region_keys": region_keys}
    tokens = tokenize(source, model.universe, **how)  # type: ignore[arg-type]
    cells, empty = model.encode(tokens.open)
    how["region_keys"] = None if region_keys is None else list(region_keys)
    container, adata = target(query, mod, copy=copy)
    entry = {**tokens.report, "params": {"key": key, **how}, "model": model_digest(model)}
    write_embedding(adata, key_added, cells=cells, empty=empty, entry=entry)
    return container if copy else None
