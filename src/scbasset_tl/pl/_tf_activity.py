"""TF activities, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

_N_TOP: Final = {"heatmap": 30, "embedding": 6, "violin": 6}
_FDR: Final = 0.05


@doc_params
def tf_activity(
    data: AnnData | MuData,
    motifs: str | Sequence[str] | None = None,
    *,
    kind: Literal["heatmap", "embedding", "violin"] = "heatmap",
    groupby: str | None = None,
    basis: str | None = None,
    n_top: int | None = None,
    key: str = "tf_activity",
    mod: str = "atac",
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | np.ndarray | Figure | None:
    """Draw the activities (z-scores) of :func:`scbasset_tl.tl.tf_activity`: by group, or on an embedding.

    The heat map puts motifs of like activity beside each other (average linkage of 1 - Pearson correlation over
    cells); a black bar stands beside those correlated by 0.95 or more, often of one family.

    Parameters
    ----------
    {data}
    motifs
        Names or ids of motifs, in the order to draw them (the heat map orders them itself). By default those with the
        smallest p-values, of equal ones those that vary most; only significant ones (FDR at most 0.05) if there are any.
    kind
        ``"heatmap"``: mean of each group; ``"violin"``: distribution in each group; ``"embedding"``: each cell.
    groupby
        Column of ``.obs`` for heat map and violins; by default that of :func:`scbasset_tl.tl.tf_activity`.
    basis
        Slot of ``.obsm`` of which the embedding shows the first two columns. By default ``X_umap``, or if there is none
        the first two principal components of the model's cell vectors.
    n_top
        Number of motifs to choose without ``motifs``; by default 30 in a heat map and 6 otherwise.
    key
        Entry of ``.uns`` with the activities.
    {mod}
    show
        Show the figure at once; ``None``: where the backend has a screen and the figure is not returned.
    return_fig
        Return the figure.

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else the
    :class:`matplotlib.axes.Axes` of the heat map, or an array of one for each motif.

    Raises
    ------
    KeyError
        If there are no such activities, motif, column or embedding.
    ValueError
        If no ``groupby`` is given and none is stored.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    >>> sb.tl.tf_activity(adata, motif, n_background=50, n_null=0)
    >>> sb.pl.tf_activity(adata, kind="violin", groupby="cell_type", show=False).shape
    (1,)
    """
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.get import tf_activity as read
    from scbasset_tl.pl._show import finish, new_figure, will_show
    from scbasset_tl.pl._tf_panels import draw_embedding, draw_heatmap, draw_violins

    check_one_of("kind", kind, _N_TOP)
    adata = resolve(data, mod)
    found = read(adata, key=key)
    chosen = found[:, _choose(found, motifs, _N_TOP[kind] if n_top is None else check_positive_int("n_top", n_top))]
    shown = will_show(show=show, return_fig=return_fig)
    params: Any = adata.uns[key]["params"]

    def figure(width: float, height: float) -> Figure:
        return new_figure(shown=shown, figsize=(width, height))

    axes: Any
    if kind == "embedding":
        axes = draw_embedding(figure, chosen, *_coordinates(adata, basis, params["key"]))
    else:
        column = _column(adata, groupby or params["groupby"])
        axes = (draw_heatmap if kind == "heatmap" else draw_violins)(figure, chosen, column)
    first = axes if kind == "heatmap" else axes[0]
    return finish(first.figure, axes, shown=shown, return_fig=return_fig)


def _choose(found: AnnData, motifs: str | Sequence[str] | None, n_top: int) -> list[str]:
    """Names of the motifs to draw."""
    table = found.var
    if motifs is not None:
        wanted = [motifs] if isinstance(motifs, str) else list(motifs)
        known = {**dict(zip(table["id"], table.index, strict=True)), **{name: name for name in table.index}}
        absent = [motif for motif in wanted if motif not in known]
        if absent or not wanted:
            message = f"motifs: {len(absent)} of {len(wanted)} have no activity, {absent[:3]}; there are {list(table.index[:5])} …"
            raise KeyError(message)
        return list(dict.fromkeys(known[motif] for motif in wanted))
    ranked = table.sort_values(["p_value", "sd"], ascending=[True, False])
    significant = ranked.index[ranked["fdr"] <= _FDR]
    return list((significant if len(significant) else ranked.index)[:n_top])


def _column(adata: AnnData, groupby: str | None) -> str:
    if groupby is None:
        message = (
            "groupby is needed: tl.tf_activity was called without it. Name a column of obs, or use kind='embedding'."
        )
        raise ValueError(message)
    if groupby not in adata.obs:
        message = f"groupby: obs has no column {groupby!r}; it has {list(adata.obs.columns)[:20]}."
        raise KeyError(message)
    return groupby


def _coordinates(adata: AnnData, basis: str | None, model: str) -> tuple[np.ndarray, str]:
    """Two coordinates of each cell, and what to call them."""
    import numpy as np

    from scbasset_tl._adata.cells import representation
    from scbasset_tl._adata.model import read_model

    if basis is None and "X_umap" not in adata.obsm:
        vectors = read_model(adata, model).cell_embedding
        centred = vectors - vectors.mean(0)
        u, s, _ = np.linalg.svd(centred, full_matrices=False)
        return (u * s)[:, :2], "PC"
    slot = basis or "X_umap"
    if slot not in adata.obsm and f"X_{slot}" in adata.obsm:
        slot = f"X_{slot}"
    points = representation(adata, slot)
    if points.shape[1] < 2:
        message = f"basis: obsm[{slot!r}] has one column; two are drawn."
        raise ValueError(message)
    return points[:, :2], slot.removeprefix("X_").replace("umap", "UMAP")
