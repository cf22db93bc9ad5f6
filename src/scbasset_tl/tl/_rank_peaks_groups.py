"""Peaks that are open differently between groups of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import SCBASSET
from scbasset_tl._validate import check_one_of
from scbasset_tl.tl._arguments import refuse_meaningless

if TYPE_CHECKING:
    from collections.abc import Sequence

D = TypeVar("D")


@doc_params
def rank_peaks_groups(
    data: D,
    groupby: str,
    *,
    kind: Literal["denoised", "raw"] = "denoised",
    groups: str | Sequence[str] | None = None,
    reference: str = "rest",
    normalize_depth: bool = True,
    scale: Literal["logit", "sigmoid"] = "logit",
    layer: str | None = None,
    key: str = "scbasset",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Rank peaks by how differently they are open in a group of cells, denoised or raw :cite:p:`Yuan2022`.

    Wilcoxon's rank-sum test of each peak, with the correction for ties, as ``scanpy.tl.rank_genes_groups`` with
    ``method="wilcoxon", tie_correct=True`` makes it, but without the dense matrix that it would need: denoised values are
    computed for a block of peaks at a time, and raw ones are counted.

    Use p-values of denoised values to rank peaks, not as evidence. Denoised cells of one group are alike because the
    model made them so, and even small differences become significant. ``kind="raw"`` tests whether the data themselves
    show a difference. Neither test knows about replicates.

    Parameters
    ----------
    {data}
    groupby
        Column of ``.obs``; cells without a value are left out.
    kind
        ``"denoised"``: the model's accessibility. ``"raw"``: open or not, to compare with; no model is needed.
    groups
        Categories to compare; ``None`` is all.
    reference
        Category to compare with; ``"rest"``: all other cells.
    normalize_depth
        Leave the cells' biases (and batches) out, of denoised values.
    scale
        ``"logit"`` or ``"sigmoid"``, of denoised values.
    layer
        Layer with the accessibility of raw values; ``None`` is ``.X``. Values above zero count as open.
    {key}
    {mod}
    key_added
        Name of the slot instead of ``rank_peaks_groups``, or for raw values ``rank_peaks_groups_raw``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.uns['rank_peaks_groups' | key_added]` : :class:`dict`
        ``names``, ``scores`` (z), ``pvals``, ``pvals_adj`` (Benjamini and Hochberg) and ``logfoldchanges``, records with a
        field for each group and all peaks, highest score first; ``params``, the call; ``model``, what tells the model of
        denoised values from another. The fold change is log2 of the odds ratio for logits (the difference of mean
        logits), and log2 of the ratio of means otherwise.

    ``scanpy.get.rank_genes_groups_df(adata, group, key="rank_peaks_groups")`` makes a table of it.

    Raises
    ------
    KeyError
        If there is no such model, layer, column or group.
    ValueError
        If an argument cannot be used, or there is nothing to compare.

    Examples
    --------
    >>> import scanpy as sc
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.rank_peaks_groups(adata, "cell_type")
    >>> table = sc.get.rank_genes_groups_df(adata, "type_1", key="rank_peaks_groups")
    >>> list(table)
    ['names', 'scores', 'logfoldchanges', 'pvals', 'pvals_adj']
    """
    from scbasset_tl._adata.compare.peak_ranks import as_scanpy, compare_denoised, compare_raw, grouping
    from scbasset_tl._adata.kinds import RANKED_PEAKS, RAW_RANKED_PEAKS
    from scbasset_tl._adata.model.denoised import low_rank
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots

    source = writable_peaks(data, mod, copy=copy)
    denoised = check_one_of("kind", kind, ("denoised", "raw")) == "denoised"
    check_one_of("scale", scale, ("logit", "sigmoid"))
    of_denoised = {"scale": scale != "logit", "key": key != SCBASSET}
    refuse_meaningless(kind, of_denoised=of_denoised, of_raw={"layer": layer is not None})
    result = RANKED_PEAKS if denoised else RAW_RANKED_PEAKS
    slots = claim(source, result, key_added, key=key if denoised else None)
    chosen = grouping(source.obs, groupby, groups, reference)
    model = read_model(source, key) if denoised else None
    if model is not None:
        matrix = low_rank(source, model, normalize_depth=normalize_depth, scale=scale)
        compared = compare_denoised(matrix, chosen)
    else:
        compared = compare_raw(source, layer, chosen)
    params = {
        "groupby": groupby,
        "reference": str(reference),
        "method": "wilcoxon",
        "corr_method": "benjamini-hochberg",
        "use_raw": False,
        "kind": kind,
        **({"key": key, "normalize_depth": bool(normalize_depth), "scale": scale} if denoised else {"layer": layer}),
    }
    made = {
        **entry(result, params, slots, origin=None if model is None else model.origin()),
        **as_scanpy(compared, chosen, source.var_names),
    }
    container, adata = target(data, mod, copy=copy)
    write_slots(adata, uns={slots["uns"]: made})
    return container if copy else None
