"""A report as one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from scbasset_tl.get._report import Report


@doc_params
def report(
    data: AnnData | MuData | Report,
    *,
    layer: str | None = None,
    color: str | None = None,
    basis: str | None = None,
    key: str = "scbasset",
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Draw :func:`scbasset_tl.get.report`: accuracy beside its baselines, depth, and the training; the verdict on top.

    Parameters
    ----------
    data
        AnnData of cells × peaks, a MuData that holds one, or a report that was made before.
    layer, rng
        As in :func:`scbasset_tl.get.report`; not used with a report.
    color
        Column of ``.obs``, such as ``"cell_type"``: draw the cells beside it, coloured by its categories.
    basis
        Slot of ``.obsm`` to draw the cells at, by default ``X_umap`` if there is one, else the first two principal
        components of the cell vectors.
    {key}
    {mod}
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of its four
    :class:`matplotlib.axes.Axes`, and in front of them that of the cells if ``color`` asked for it.

    Raises
    ------
    KeyError
        If there is no such model, column or slot.
    ValueError
        If ``color`` comes with a report that was made before: it has no cells to draw.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=2)
    >>> sb.pl.report(adata, show=False).shape
    (2, 2)
    """
    import numpy as np

    from scbasset_tl.get._report import Report
    from scbasset_tl.get._report import report as make_report
    from scbasset_tl.pl._embedding import draw_groups
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    adata, points, axis = _cells(data, color, basis, key=key, mod=mod)
    report = data if isinstance(data, Report) else make_report(data, layer=layer, key=key, mod=mod, rng=rng)
    with_cells = adata is not None
    figure = paper.figure(15 if with_cells else 10, 8, panels=(2, 3 if with_cells else 2))
    grid = figure.add_gridspec(2, 3 if with_cells else 2)
    axes = np.array([[figure.add_subplot(grid[row, column - 2]) for column in range(2)] for row in range(2)])
    _draw_per_cell(axes[0, 0], report)
    _draw_per_peak(axes[0, 1], report)
    _draw_depth(axes[1, 0], report)
    _draw_course(axes[1, 1], report)
    if adata is not None and color is not None:
        ax = figure.add_subplot(grid[:, 0])
        draw_groups(ax, adata, points, axis, color)
        ax.set_box_aspect(1)
        axes = np.array([ax, *axes.ravel()])
    figure.suptitle(f"Verdict: {report.verdict}\n{report.sentences['verdict']}", wrap=True)
    return paper.finish(figure, axes)


def _cells(data: Any, color: str | None, basis: str | None, *, key: str, mod: str) -> tuple[AnnData | None, Any, str]:
    """The cells to draw, where they lie, and the name of the axes; none without ``color``."""
    from scbasset_tl._adata.columns import obs_column
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.get._report import Report
    from scbasset_tl.pl._embedding import coordinates

    if color is None:
        return None, None, ""
    if isinstance(data, Report):
        message = f"color={color!r} needs the cells, which a report does not hold: pass the AnnData or MuData itself."
        raise ValueError(message)
    adata = resolve(data, mod)
    if obs_column(adata.obs, color, argument="color").isna().all():
        message = f"color: no cell has a value in obs[{color!r}]."
        raise ValueError(message)
    return adata, *coordinates(data, adata, basis, key)


def _draw_per_cell(ax: Axes, report: Report) -> None:
    numbers = report.numbers
    lines = {"chance": 0.5, "mean": numbers["per_cell"], "peaks' own means": numbers["peak_mean_per_cell"]}
    if "gc_per_cell" in numbers:
        lines["GC content"] = numbers["gc_per_cell"]
    _draw_auroc(ax, report.cells["auroc"], lines, title="Each cell, over held-out peaks", ylabel="cells")


def _draw_per_peak(ax: Axes, report: Report) -> None:
    numbers = report.numbers
    lines = {
        "chance": 0.5,
        "mean": numbers["per_peak"],
        "sequences swapped": numbers["per_peak_null"],
        "depth alone": numbers["depth_only_per_peak"],
    }
    _draw_auroc(ax, report.peaks["auroc"], lines, title="Each held-out peak, over cells", ylabel="peaks")


def _draw_auroc(ax: Axes, values: pd.Series, lines: dict[str, float], *, title: str, ylabel: str) -> None:
    from scbasset_tl.pl._show import legend_below

    values = values.dropna()
    ax.hist(values, bins=min(40, max(8, round(len(values) ** 0.5))), color="lightsteelblue")
    styles: list[dict[str, Any]] = [
        {"color": "black", "linestyle": ":"},
        {"color": "tab:blue"},
        {"color": "tab:orange", "linestyle": "--"},
        {"color": "tab:green", "linestyle": "-."},
    ]
    for (name, value), style in zip(lines.items(), styles, strict=False):
        ax.axvline(value, label=f"{name} {value:.3f}", **style)
    ax.set(xlabel="auROC", ylabel=ylabel, title=title)
    legend_below(ax)


def _draw_depth(ax: Axes, report: Report) -> None:
    cells = report.cells
    many = len(cells) > 5000
    # thousands of points as vectors make a file that no viewer opens
    ax.scatter(
        cells["log10_depth"], cells["intercept"], s=2 if many else 10, alpha=0.2 if many else 0.6, lw=0, rasterized=True
    )
    r = report.numbers["intercept_depth_r"]
    ax.set(xlabel="log10 open peaks of the cell", ylabel="intercept", title=f"Depth (Pearson {r:.3f})")


def _draw_course(ax: Axes, report: Report) -> None:
    from scbasset_tl.pl._history import draw_history

    ax.set_title("Training")
    if report.history is None:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "weights from a file: no history", ha="center", va="center", transform=ax.transAxes)
        return
    draw_history(ax, report.history, best_epoch=int(report.numbers["best_epoch"]))
