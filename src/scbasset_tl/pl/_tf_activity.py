"""TF activities, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._log import info
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
    palette: Any = None,
    cmap: Any = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
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
        Names or ids of motifs, or genes (``"RUNX1"`` for all motifs of this factor), in the order to draw them; the heat
        map orders them itself. By default those with the smallest p-values, and among equal ones those that vary most; only
        significant ones (FDR at most 0.05) if there are any.
    kind
        ``"heatmap"``: mean of each group; ``"violin"``: distribution in each group; ``"embedding"``: each cell.
    groupby
        Column of ``.obs`` for heat map and violins; by default that of :func:`scbasset_tl.tl.tf_activity`.
    basis
        Slot of ``.obsm``, of the modality or else of the MuData, of which the embedding shows the first two columns. By
        default ``X_umap``, or if there is none the first two principal components of the model's cell vectors.
    n_top
        Number of motifs to choose without ``motifs``; by default 30 in a heat map and 6 otherwise.
    key
        Entry of ``.uns`` with the activities.
    {mod}
    palette
        Colours of the violins: a list, a dict from group to colour, one colour, or a name of matplotlib's. By default those
        that scanpy has stored for ``groupby``.
    cmap
        Colormap of the heat map and the embedding; by default red and blue on both sides of zero.
    {ax}
        For violins and the embedding of a single motif, and for the heat map.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else the
    :class:`matplotlib.axes.Axes` of the heat map, or an array of one for each motif (``ax`` itself if it was given).

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
    from scbasset_tl.pl._colors import color_map, group_colors
    from scbasset_tl.pl._embedding import coordinates
    from scbasset_tl.pl._show import canvas
    from scbasset_tl.pl._tf_panels import draw_embedding, draw_heatmap, draw_violins

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize, ax=ax)
    check_one_of("kind", kind, _N_TOP)
    adata = resolve(data, mod)
    activities = read(adata, key=key)
    chosen = activities[
        :, _choose(activities, motifs, _N_TOP[kind] if n_top is None else check_positive_int("n_top", n_top))
    ]
    params: Any = adata.uns[key]["params"]
    colormap = color_map("RdBu_r" if cmap is None else cmap)
    if kind != "heatmap":
        paper.one_panel(chosen.n_vars, "motifs")
    axes: Any
    if kind == "embedding":
        axes = draw_embedding(paper, chosen, *coordinates(data, adata, basis, params["key"]), colormap)
    else:
        column = _column(adata, groupby or params.get("groupby"))
        if kind == "heatmap":
            axes = draw_heatmap(paper, chosen, column, colormap)
        else:
            axes = draw_violins(
                paper, chosen, column, lambda names: group_colors(names, palette, adata, column, "lightsteelblue")
            )
    first = axes if kind == "heatmap" else axes[0]
    return paper.finish(first.figure, axes if ax is None else ax)


def _choose(activity: AnnData, motifs: str | Sequence[str] | None, n_top: int) -> list[str]:
    """Names of the motifs to draw."""
    from scbasset_tl.genome.motif_names import find_motifs

    table = activity.var
    if motifs is not None:
        places = find_motifs(motifs, list(table.index), list(table["id"]))
        if not places:
            message = "motifs is empty: name one motif or several, or leave it out for the clearest ones."
            raise ValueError(message)
        return [str(name) for name in table.index[places]]
    ranked = table.sort_values(["p_value", "sd"], ascending=[True, False])
    significant = ranked.index[ranked["fdr"] <= _FDR]
    if not len(significant) and ranked["fdr"].notna().any():
        info(f"no motif is significant (FDR at most {_FDR}): those with the smallest p-values are drawn")
    return list((significant if len(significant) else ranked.index)[:n_top])


def _column(adata: AnnData, groupby: str | None) -> str:
    from scbasset_tl._adata.columns import obs_column

    if groupby is None:
        message = (
            "groupby is needed: tl.tf_activity was called without it. Name a column of obs, or use kind='embedding'."
        )
        raise ValueError(message)
    obs_column(adata.obs, groupby, argument="groupby")
    return groupby
