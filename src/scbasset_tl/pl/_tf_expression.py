"""Activities of factors beside the expression of their genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import TF_ACTIVITY
from scbasset_tl._validate import check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from scbasset_tl._adata.rna.expression import Pairs
    from scbasset_tl.metrics import TFExpression
    from scbasset_tl.pl._show import Canvas

_PER_ROW: Final = 3
_MANY: Final = 2000
_COLORS: Final = {"activator": "tab:red", "repressor": "tab:blue"}


@doc_params
def tf_expression(
    data: MuData | TFExpression,
    motifs: str | Sequence[str] | None = None,
    *,
    kind: Literal["scatter", "embedding"] = "scatter",
    groupby: str | None = None,
    basis: str | None = None,
    n_top: int = 6,
    layer: str | None = None,
    gene_symbols: str | None = None,
    activity_key: str = TF_ACTIVITY,
    rna: str = "rna",
    mod: str = "atac",
    palette: Any = None,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Draw the activity of transcription factors against the expression of their genes :cite:p:`Yuan2022`.

    From data, the cells of some factors: a scatter of activity (y axis) and expression (x axis), or both on an
    embedding side by side, as in the paper's figure 5c. From a result with a baseline, all factors at once, as in
    figure 5b: the correlation of the baseline (x axis) and of the activities (y axis). From a result without one, the
    sorted correlations.

    Parameters
    ----------
    data
        MuData with the cells' accessibility and their expression, or what
        :func:`scbasset_tl.metrics.tf_expression_correlation` returned.
    motifs
        Names of motifs; for a result, those to name in the figure. By default those of the largest correlation,
        positive or negative.
    kind
        ``"scatter"``: one panel a motif; ``"embedding"``: two panels a motif, expression and activity.
    groupby
        Column of the accessibility's ``.obs`` that colours the points of a scatter.
    basis
        Slot of ``.obsm``, of the modality or else of the MuData, of which the embedding shows the first two columns. By
        default ``X_umap``, or if there is none the first two principal components of the model's cell vectors.
    n_top
        Number of motifs to choose without ``motifs``.
    layer
        Layer with the expression, best normalised and log-transformed; ``None`` is ``.X``, as it is.
    gene_symbols
        Column of the expression's ``.var`` with gene symbols; ``None``: the names.
    activity_key
        Entry of ``.obsm`` and ``.uns`` that :func:`scbasset_tl.tl.tf_activity` wrote.
    rna
        Modality with the expression.
    {mod}
    palette
        Colours of the groups: a list, a dict from group to colour, one colour, or a name of matplotlib's. By default those
        that scanpy has stored for ``groupby``.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of
    :class:`matplotlib.axes.Axes`: one for each motif, two for each on an embedding (motifs × 2), one for a result.

    Raises
    ------
    KeyError
        If activities, a modality, a motif or a column are missing.
    ValueError
        If no motif names a gene.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(mdata, trunk=8, max_epochs=1)
    >>> toy = mdata["atac"].uns["toy"]["motifs"]
    >>> motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"])]
    >>> sb.tl.tf_activity(mdata, motifs, n_background=50, n_null=0)
    >>> sb.pl.tf_expression(mdata, ["TF1", "TF2"], show=False).shape
    (2,)
    """
    import numpy as np

    from scbasset_tl._adata.rna.expression import pair_with_expression
    from scbasset_tl.metrics import TFExpression
    from scbasset_tl.pl._show import canvas
    from scbasset_tl.stats.agreement import column_correlations

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    check_one_of("kind", kind, ("scatter", "embedding"))
    check_positive_int("n_top", n_top)
    if isinstance(data, TFExpression):
        ax = paper.axes(5.2, 5, panels=(1, 1))
        _draw_result(ax, data.table, _chosen(data.table["motif"].tolist(), data.table["r"].to_numpy(), motifs, n_top))
        return paper.finish(ax.figure, np.array([ax]))
    pairs = pair_with_expression(
        data, activity_key=activity_key, mod=mod, rna=rna, layer=layer, gene_symbols=gene_symbols
    )
    r = column_correlations(pairs.activity, pairs.expression)
    numbers = _chosen(pairs.motif, r, motifs, n_top)
    if kind == "embedding":
        axes = _draw_embedding(paper, data, pairs, numbers, r, basis, activity_key=activity_key, mod=mod)
    else:
        axes = _draw_scatter(paper, data, pairs, numbers, r, groupby, palette, mod=mod)
    return paper.finish(axes.flat[0].figure, axes)


def _chosen(names: list[str], r: np.ndarray, motifs: str | Sequence[str] | None, n_top: int) -> list[int]:
    """Numbers of the motifs to draw."""
    import numpy as np

    if motifs is None:
        return [int(number) for number in np.argsort(-np.abs(np.nan_to_num(r)), kind="stable")[:n_top]]
    wanted = [motifs] if isinstance(motifs, str) else list(motifs)
    if absent := [name for name in wanted if name not in names] or not wanted:
        message = f"motifs: {absent if wanted else wanted} have no activity with the expression of a gene; there are {names[:5]} …"
        raise KeyError(message)
    return [names.index(name) for name in wanted]


def _draw_scatter(
    paper: Canvas,
    data: Any,
    pairs: Pairs,
    numbers: list[int],
    r: np.ndarray,
    groupby: str | None,
    palette: Any,
    *,
    mod: str,
) -> np.ndarray:
    """A panel for each motif."""
    import numpy as np

    from scbasset_tl._adata.columns import obs_column
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.pl._colors import group_colors

    adata = resolve(data, mod)
    parts: list[tuple[str | None, np.ndarray, Any]] = [(None, np.arange(len(pairs.cells)), "C0")]
    if groupby is not None:
        values = obs_column(adata.obs, groupby, argument="groupby").loc[pairs.cells]
        column = values.astype("category").cat.remove_unused_categories()
        names = [str(name) for name in column.cat.categories]
        colors = group_colors(names, palette, adata, groupby)
        cells_of = [np.flatnonzero(column.cat.codes == code) for code in range(len(names))]
        parts = list(zip(names, cells_of, colors, strict=True))
    per_row = min(_PER_ROW, len(numbers))
    n_rows = -(-len(numbers) // per_row)
    axes = paper.grid(len(numbers), per_row, (3 * per_row, 3 * n_rows + 0.4 * (groupby is not None)), panels=True)
    size = 3 if len(pairs.cells) > _MANY else 10
    for ax, number in zip(axes, numbers, strict=True):
        for name, cells, color in parts:
            x, y = pairs.expression[cells, number], pairs.activity[cells, number]
            ax.scatter(x, y, s=size, color=color, lw=0, alpha=0.6, label=name, rasterized=True)
        ax.set_title(f"{pairs.motif[number]} (r = {r[number]:.2f})", fontsize="medium")
        ax.set(xlabel=f"expression of {pairs.gene[number]}", ylabel="activity (z)")
    if groupby is not None:
        handles, labels = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(
            handles, labels, loc="outside lower center", ncols=min(len(labels), 6), frameon=False, fontsize="small"
        )
    return axes


def _draw_embedding(
    paper: Canvas,
    data: Any,
    pairs: Pairs,
    numbers: list[int],
    r: np.ndarray,
    basis: str | None,
    *,
    activity_key: str,
    mod: str,
) -> np.ndarray:
    """Two panels for each motif."""
    import numpy as np

    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.pl._embedding import coordinates

    adata = resolve(data, mod)
    model = str(adata.uns[activity_key].get("params", {}).get("key", "scbasset"))
    points, name = coordinates(data, adata, basis, model)
    points = points[adata.obs_names.get_indexer(pairs.cells)]
    figure = paper.figure(6.4, 2.7 * len(numbers), panels=(len(numbers), 2))
    axes = figure.subplots(len(numbers), 2, squeeze=False)
    size = 2 if len(points) > _MANY else 8
    for row, number in zip(axes, numbers, strict=True):
        limit = float(np.quantile(np.abs(pairs.activity[:, number]), 0.99)) or 1.0
        high = float(np.quantile(pairs.expression[:, number], 0.99)) or 1.0
        drawn = (
            (pairs.expression, "viridis", (0, high), f"{pairs.gene[number]}, expression"),
            (pairs.activity, "RdBu_r", (-limit, limit), f"{pairs.motif[number]}, activity (r = {r[number]:.2f})"),
        )
        for ax, (values, cmap, (low, top), title) in zip(row, drawn, strict=True):
            order = np.argsort(np.abs(values[:, number]), kind="stable")  # the largest on top
            dots = ax.scatter(
                *points[order].T, c=values[order, number], cmap=cmap, vmin=low, vmax=top, s=size, lw=0, rasterized=True
            )
            ax.set_title(title, fontsize="medium")
            ax.set(xticks=[], yticks=[], xlabel=f"{name} 1", ylabel=f"{name} 2")
            figure.colorbar(dots, ax=ax, extend="both", aspect=30)
    return axes


def _draw_result(ax: Axes, table: pd.DataFrame, named: list[int]) -> None:
    """All motifs: against the baseline, or in the order of their correlations."""
    import numpy as np

    from scbasset_tl.pl._show import legend_below

    compared = "r_baseline" in table
    r = table["r"].to_numpy()
    ranks = np.argsort(np.argsort(r, kind="stable"), kind="stable")
    x = table["r_baseline"].to_numpy() if compared else ranks
    for kind in dict.fromkeys(table["kind"]):
        part = (table["kind"] == kind).to_numpy()
        ax.plot(
            x[part],
            r[part],
            ".",
            color=_COLORS.get(kind, "0.6"),
            alpha=0.7,
            mew=0,
            ms=8,
            label=f"{kind} ({part.sum()})",
        )
    for number in named:
        ax.annotate(
            table["motif"].iloc[number],
            (x[number], r[number]),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize="x-small",
        )
    ax.axhline(0, color="0.8", lw=0.8, zorder=0)
    if compared:
        ax.axvline(0, color="0.8", lw=0.8, zorder=0)
        ax.axline((0, 0), slope=1, color="0.5", lw=1, zorder=0)
        ax.set_aspect("equal")
    ax.set(xlabel="r of the baseline" if compared else "motifs by r", ylabel="r of activity and expression")
    legend_below(ax)
