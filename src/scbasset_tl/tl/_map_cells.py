"""Place new cells in the space of a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import SCBASSET, SCEMBED
from scbasset_tl._validate import check_name, check_one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.scembed.store import RegionEmbedding

D = TypeVar("D")


@doc_params
def map_cells(
    query: D,
    reference: AnnData | MuData | RegionEmbedding,
    *,
    key: str | None = None,
    l2: float | None = None,
    peaks: Literal["train", "all"] = "train",
    min_overlap: int = 1,
    min_frac: float = 0.0,
    region_keys: Sequence[str] | None = None,
    layer: str | None = None,
    accelerator: str = "auto",
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Place new cells in the space of a trained model, whatever peaks they were measured on.

    **A model of** :func:`scbasset_tl.tl.scbasset` turns the query's peaks into vectors by their sequences; the network is
    left as it is. Each cell's own vector and bias are then a logistic regression with one optimum, which Newton's method
    finds exactly. What is written is a model like that of ``tl.scbasset``, and everything that reads models works with
    it. To train the network further on new data instead, use ``tl.scbasset(query, warm_start=reference)``.

    Vectors from training and exactly solved vectors differ. To compare cells of query and reference, as in
    :func:`scbasset_tl.tl.annotate`, map the reference onto itself too:
    ``tl.map_cells(reference, reference, key_added="mapped")``.

    **A model of** :func:`scbasset_tl.tl.scembed` has a vector for each region :cite:p:`LeRoy2024`. The open peaks of the
    query become the regions that they overlap, and a cell is the mean of their vectors. Both must be of one assembly. New
    cells lie nearer to the origin than those that the vectors were trained on, so compare directions:
    ``tl.annotate(..., metric="cosine")``.

    Parameters
    ----------
    query
        AnnData of cells × peaks, or a MuData that holds one. A scBasset model needs their sequences, and an open peak in
        every cell.
    reference
        AnnData or MuData with a trained model; or region vectors that :func:`scbasset_tl.io.read_scembed` or
        :func:`scbasset_tl.io.read_geniml` returned. It is not changed, unless it is the query too.
    key
        Entry of the reference's ``.uns`` with the model. ``None`` is ``'scbasset'``, or ``'scembed'`` where only that is
        there.
    l2
        scBasset: penalty on the weights. A cell's loss is the sum over peaks of the cross-entropy, plus ``l2 / 2`` times
        the sum of squares of its vector; the bias is free. ``None`` is one over the variance of the reference's cell
        vectors.
    peaks
        scBasset: peaks that the vectors are fitted to. ``"train"`` leaves out those that the reference's ``var['split']``
        holds out, and those that only the query has and its own ``var['split']`` holds out, so that they can judge the
        vectors. ``"all"`` uses every peak, for the least noisy vectors; then no peak counts as held out.
    min_overlap
        scEmbed: bases that a peak and a region must share.
    min_frac
        scEmbed: share of the region that the peak must cover.
    region_keys
        scEmbed: columns of the query's ``var`` with contig, start and end; by default they are found, or read from the
        names.
    layer
        Layer of the query with the accessibility matrix; ``None`` is ``.X``. Stored values above zero count as open.
    accelerator
        scBasset: where peaks that the reference does not have are embedded: ``"auto"``, ``"cpu"``, ``"gpu"`` or
        ``"cuda"``. For a hundred thousand of them a CPU takes minutes.
    {rng}
    mod
        Modality of MuData to work on; ignored for an AnnData.
    key_added
        Name for all slots of the query instead of those below (``obs`` gets ``f'{{key_added}}_bias'`` and so on).
    copy
        Return a changed copy of the query instead of writing in place.

    Returns
    -------
    ``None``, or the changed copy of the query. A scBasset model writes

    `query.obsm['X_scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cell vectors (n_obs, n_latent), in the space of the reference's.
    `query.obs['scbasset_bias' | f'{{key_added}}_bias']` : :class:`pandas.Series` (dtype `float32`)
        Cell biases: depth on the logit scale.
    `query.obs['scbasset_se' | f'{{key_added}}_se']` : :class:`pandas.Series` (dtype `float32`)
        Mean standard error of the entries of a cell's vector.
    `query.obs['scbasset_ood' | f'{{key_added}}_ood']` : :class:`pandas.Series` (dtype `bool`)
        Out of distribution: one half of a cell's peaks predicts the other half worse than in 95 % of the reference's
        cells, thinned to the query's depths. Judged on the peaks that both have; if these are fewer than 1,000, on the
        peaks of each, and the share of ordinary cells that are marked may then differ from 5 %. Not written
        if the reference has no matrix.
    `query.var['scbasset_seen' | f'{{key_added}}_seen']` : :class:`pandas.Series` (dtype `bool`)
        Peaks that the vectors were fitted to. :func:`scbasset_tl.metrics.accessibility_auc` and
        :func:`scbasset_tl.get.report` do not take them for held out.
    `query.varm['scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Peak vectors (n_vars, n_latent).
    `query.uns['scbasset' | key_added]` : :class:`dict`
        The trunk's weights, the call and the names of the other slots.

    and a scEmbed model

    `query.obsm['X_scembed' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cell vectors in the space of the reference.
    `query.obs['scembed_empty' | f'{{key_added}}_empty']` : :class:`pandas.Series` (dtype `bool`)
        Cells without a trained region; their vectors are zero.
    `query.uns['scembed' | key_added]` : :class:`dict`
        The shares of peaks and open entries that overlap the universe, which model it was (``model``), the call.

    Raises
    ------
    KeyError
        If the reference holds no model, or the query no sequences, regions, layer or batch column.
    ValueError
        If an argument is for the other kind of model, the sequences are of another length or genome, cells have no open
        peak, no peak is left to fit to or overlaps a region, or the query is the reference and its own model would be
        replaced.

    Notes
    -----
    A batch-corrected model is mapped with its batch columns. Cells of batches that it knows have these batches'
    vectors taken out, as its own cells have. Other batches get the mean of the known ones, so that what sets a new
    batch apart stays in its cells' vectors.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=90, n_vars=200)
    >>> reference, query = adata[:60].copy(), adata[60:].copy()
    >>> sb.tl.scbasset(reference, trunk=8, max_epochs=1)
    >>> sb.tl.map_cells(query, reference)
    >>> query.obsm["X_scbasset"].shape
    (30, 32)

    By the regions of scEmbed, with the query's peaks 100 bp further on

    >>> sb.tl.scembed(reference, n_latent=8, max_epochs=2)
    >>> query.var["start"] += 100
    >>> sb.tl.map_cells(query, reference, key="scembed")
    >>> query.obsm["X_scembed"].shape
    (30, 8)
    """
    from scbasset_tl._adata import kinds
    from scbasset_tl._adata.model.map_cells import map_by_sequence
    from scbasset_tl._adata.model.store import write_model
    from scbasset_tl._adata.resolve import resolve, target, writable
    from scbasset_tl._adata.results import holds, names
    from scbasset_tl._adata.scembed.map_cells import map_by_regions
    from scbasset_tl._adata.scembed.store import RegionEmbedding, read_embedding, write_embedding

    source = writable(query, mod, copy=copy)
    check_one_of("peaks", peaks, ["train", "all"])
    if isinstance(reference, RegionEmbedding):
        trained, vectors, key = None, reference, key or SCEMBED
    else:
        trained, vectors = resolve(reference, mod), None
        if key is None:
            only_regions = SCBASSET not in trained.uns and holds(trained, kinds.SCEMBED, SCEMBED)
            key = SCEMBED if only_regions else SCBASSET
        if holds(trained, kinds.SCEMBED, check_name("key", key)):
            vectors = read_embedding(trained, key)
        elif not holds(trained, kinds.MODEL, key):
            models = [
                name for name in trained.uns for kind in (kinds.MODEL, kinds.SCEMBED) if holds(trained, kind, name)
            ]
            message = (
                f"uns[{key!r}] of the reference holds no trained model (models here: {models}). Run "
                "tl.scbasset(reference) or tl.scembed(reference) first, or pass key=."
            )
            raise KeyError(message)
        # a view makes a new .uns at each look
        kind = kinds.MODEL if vectors is None else kinds.SCEMBED
        if source._uns is trained._uns and names(kind, key_added)["uns"] == key:
            message = f"query is the reference, and its own model {key!r} would be replaced: pass key_added=, for instance 'mapped'."
            raise ValueError(message)
    if vectors is not None:
        _refuse("tl.scembed", "tl.scbasset", l2=l2 is not None, peaks=peaks != "train")
        overlap = {"min_overlap": min_overlap, "min_frac": min_frac, "region_keys": region_keys}
        parts = map_by_regions(source, vectors, key, overlap=overlap, layer=layer, key_added=key_added)
        write: Callable[..., None] = write_embedding
    else:
        given = {"min_overlap": min_overlap != 1, "min_frac": min_frac != 0, "region_keys": region_keys is not None}
        _refuse("tl.scbasset", "tl.scembed", **given)
        parts = map_by_sequence(
            source, trained, key, l2=l2, peaks=peaks, layer=layer, accelerator=accelerator, rng=rng, key_added=key_added
        )
        write = write_model
    container, adata = target(query, mod, copy=copy)
    write(adata, key_added, **parts)
    return container if copy else None


def _refuse(of: str, other: str, **given: bool) -> None:
    """Refuse arguments that are for models of another verb."""
    if names := [name for name, is_given in given.items() if is_given]:
        message = f"{names[0]}= is for models of {other}, and the reference's is of {of}: leave it out, or pass key=."
        raise ValueError(message)
