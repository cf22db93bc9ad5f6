"""Place new cells in the space of a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import DNA_CODE, SCBASSET, map_cells_columns, other_results, scbasset_slots, seen_column
from scbasset_tl._log import info
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_key_added, check_number, check_one_of

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D")


@doc_params
def map_cells(
    query: D,
    reference: AnnData | MuData,
    *,
    key: str = SCBASSET,
    l2: float | None = None,
    peaks: Literal["train", "all"] = "train",
    layer: str | None = None,
    accelerator: str = "auto",
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Vectors of new cells, on the same or other peaks of the genome, by a model trained on other cells.

    The network is left as it is: it turns the query's peaks into vectors, and each cell's own vector and bias then
    are a logistic regression with one optimum, which Newton's method finds exactly. What is written is a model like
    that of :func:`scbasset_tl.tl.scbasset`, which everything that reads models works with. To train the network further
    on new data instead, use ``tl.scbasset(query, warm_start=reference)``.

    Vectors that training left and vectors solved exactly differ. Where cells of query
    and reference are compared, as in :func:`scbasset_tl.tl.annotate`, map the reference onto itself too:
    ``tl.map_cells(reference, reference, key_added="mapped")``.

    Parameters
    ----------
    query
        AnnData of cells × peaks with sequences, or a MuData that holds one. Every cell needs an open peak.
    reference
        AnnData or MuData with a trained model. It is not changed, unless it is the query too.
    key
        Entry of the reference's ``.uns`` that the model was written to.
    l2
        Penalty on the weights: a cell's loss is the sum over peaks of the cross-entropy, plus ``l2 / 2`` times the sum
        of squares of its vector; the bias is free. ``None`` is one over the variance of the reference's cell vectors.
    peaks
        Peaks that the vectors are fitted to. ``"train"`` leaves out those that the reference's ``var['split']`` holds
        out, and those that only the query has and its own ``var['split']`` holds out, so that they can judge the vectors.
        ``"all"`` uses every peak, for the least noisy vectors; then no peak counts as held out.
    layer
        Layer of the query with the accessibility matrix; ``None`` is ``.X``. Stored values above zero count as open.
    accelerator
        Where peaks that the reference does not have are embedded: ``"auto"``, ``"cpu"``, ``"gpu"``, ``"cuda"`` or
        ``"mps"``. For a hundred thousand of them a CPU takes minutes.
    {rng}
    mod
        Modality of MuData to work on; ignored for an AnnData.
    key_added
        Name for all slots of the query instead of those below (``obs`` gets ``f'{{key_added}}_bias'`` and so on).
    copy
        Return a changed copy of the query instead of writing in place.

    Returns
    -------
    ``None``, or the changed copy of the query. Writes

    `query.obsm['X_scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cell vectors (n_obs, n_latent), in the space of the reference's.
    `query.obs['scbasset_bias' | f'{{key_added}}_bias']` : :class:`pandas.Series` (dtype `float32`)
        Cell biases: depth on the logit scale.
    `query.obs['scbasset_se' | f'{{key_added}}_se']` : :class:`pandas.Series` (dtype `float32`)
        Mean standard error of the entries of a cell's vector.
    `query.obs['scbasset_ood' | f'{{key_added}}_ood']` : :class:`pandas.Series` (dtype `bool`)
        Out of distribution: what one half of a cell's peaks says about the other is less than for 95 % of the
        reference's cells, thinned to the query's depths. Judged on the peaks that both have; if these are fewer than
        1,000, on each one's own, and the share of ordinary cells that is marked may be another than 5 %. Not written
        if the reference has no matrix.
    `query.var['scbasset_seen' | f'{{key_added}}_seen']` : :class:`pandas.Series` (dtype `bool`)
        Peaks that the vectors were fitted to. :func:`scbasset_tl.metrics.accessibility_auc` and
        :func:`scbasset_tl.get.report` do not take them for held out.
    `query.varm['scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Peak vectors (n_vars, n_latent).
    `query.uns['scbasset' | key_added]` : :class:`dict`
        The trunk's weights, the call and the names of the other slots.

    Raises
    ------
    KeyError
        If the reference holds no model, or the query no sequences, layer or batch column.
    ValueError
        If the sequences are of another length or genome, cells have no open peak, no peak is left to fit to, or the query is the reference and
        its own model would be replaced.

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
    """
    import numpy as np

    from scbasset_tl._adata import map_cells as steps
    from scbasset_tl._adata.model import load_trunk, read_model, write_model
    from scbasset_tl._adata.resolve import resolve, target, writable
    from scbasset_tl._adata.seen import MAPPED, fitted_peaks
    from scbasset_tl._adata.slots import check_model_free
    from scbasset_tl.stats.logistic import fit_cells
    from scbasset_tl.train.device import single_device

    source, trained = writable(query, mod, copy=copy), resolve(reference, mod)
    check_key_added(key_added, reserved=[DNA_CODE, *other_results(SCBASSET)])
    check_model_free(source, key_added, "tl.map_cells")
    check_one_of("peaks", peaks, ["train", "all"])
    generator = as_generator(rng)
    device = single_device(accelerator)
    model, trunk = read_model(trained, key), load_trunk(trained, key)
    if source.uns is trained.uns and scbasset_slots(key_added).model == key:
        message = f"query is the reference, and its own model {key!r} would be replaced: pass key_added=, for instance 'mapped'."
        raise ValueError(message)
    l2 = steps.prior_precision(model) if l2 is None else check_number("l2", l2, low=0)
    codes = steps.query_codes(source, trained, trunk.config.seq_len)
    batches = steps.query_batches(source.obs, model.batches)
    labels = steps.cell_labels(source, layer)

    places = steps.places_in(codes, trained)
    fitted = fitted_peaks(source, trained, model, places, peaks)
    vectors = steps.peak_vectors(codes, places, model, trunk, device)
    batch_weight, batch_bias = steps.batch_part(batches, source.obs, vectors.shape[1])
    used = labels.rows(np.flatnonzero(fitted))
    fit = fit_cells(vectors[fitted], used, l2=l2, center=batch_weight)
    odd = steps.odd_cells(labels, vectors, places, batch_weight, fit, trained, model, l2=l2, rng=generator)
    n_open = used.cell_counts()
    n_useless = int(((n_open == 0) | (n_open == used.n_peaks)).sum())
    n_failed = int((~fit.converged).sum()) - n_useless
    info(
        f"{labels.n_cells:,} cells mapped on {int(fitted.sum()):,} of {len(fitted):,} peaks with l2={l2:.3g}"
        + (f", {int(odd.sum()):,} of them out of the reference's distribution" if odd is not None else "")
        + (
            f'; {n_useless:,} have no open training peak, so that their vectors mean nothing: pass peaks="all"'
            if n_useless
            else ""
        )
        + (f"; {n_failed:,} have no optimum, pass a larger l2=" if n_failed else "")
    )

    container, adata = target(query, mod, copy=copy)
    error_column, odd_column = map_cells_columns(key_added)
    call = {"name": MAPPED, "key": key, "layer": layer, "l2": l2, "peaks": peaks, "seed": recorded_seed(rng)}
    write_model(
        adata,
        key_added,
        trunk=trunk,
        cell_embedding=fit.weight - batch_weight,
        cell_bias=fit.bias - batch_bias,
        peak_embedding=vectors,
        params={
            **call,
            "average": model.average,
            "seen": seen_column(key_added),
            "n_latent": vectors.shape[1],
            "trunk": trunk.config.to_dict(),
        },
        history={},
        batches=batches,
        obs={error_column: fit.standard_error.astype(np.float32), **({} if odd is None else {odd_column: odd})},
        var={seen_column(key_added): fitted},
    )
    return container if copy else None
