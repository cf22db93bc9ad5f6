"""The kinds of plots of TF activity, each from an AnnData of cells × motifs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from scbasset_tl.pl._show import Canvas

    Colours = Callable[[list[str]], list[Any]]

_ALIKE: Final = 0.05  # 1 - Pearson correlation
_PER_ROW: Final = 3
_WIDEST: Final = 12  # inches
_MANY: Final = 5000


def draw_heatmap(paper: Canvas, activity: AnnData, groupby: str, cmap: Colormap) -> Axes:
    """Mean of each group: motifs in rows, beside the tree of their likeness."""
    means = activity.to_df().groupby(activity.obs[groupby], observed=True).mean()
    names, n_groups = [str(group) for group in means.index], len(means)
    body = max(0.32 * n_groups, 1.2), max(0.2 * activity.n_vars, 1.2)
    if paper.ax is None:
        figure = paper.figure(
            2.4 + 0.08 * _longest(activity.var_names) + body[0], 0.6 + 0.08 * _longest(names) + body[1]
        )
        tree, ax = figure.subplots(1, 2, width_ratios=[0.8, body[0]])
    else:
        ax = paper.ax
        tree = ax.inset_axes((-0.22, 0, 0.2, 1))
    order = _draw_tree(tree, np.asarray(activity.X))
    values = means.to_numpy().T[order]
    limit = float(np.abs(values).max()) or 1.0
    mesh = ax.pcolormesh(values, cmap=cmap, vmin=-limit, vmax=limit, edgecolors="white", linewidth=0.5)
    ax.set_xticks(np.arange(n_groups) + 0.5, names, rotation=90)
    ax.set_yticks(np.arange(activity.n_vars) + 0.5, activity.var_names[order], fontsize="small")
    ax.yaxis.tick_right()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(groupby, fontsize="medium")
    length = min(body[1], 2.0)
    bar = ax.figure.colorbar(mesh, ax=ax, shrink=length / body[1], aspect=10 * length, anchor=(0, 1))
    bar.set_label("mean activity (z)")
    return ax


def _draw_tree(ax: Axes, z: np.ndarray) -> np.ndarray:
    """The tree of motifs, a bar beside those that are alike; their order from bottom to top."""
    from scipy.cluster.hierarchy import dendrogram, fcluster

    order = np.arange(z.shape[1])
    if len(order) > 1:
        tree = likeness(z)
        order = np.array(dendrogram(tree, orientation="left", ax=ax, color_threshold=0)["leaves"])
        for branch in ax.collections:
            branch.set(color="gray", linewidth=0.8)
        cluster = fcluster(tree, _ALIKE, "distance")[order]
        beside = -0.05 * ax.get_xlim()[0]
        for number in np.unique(cluster):
            rows = np.flatnonzero(cluster == number)
            if len(rows) > 1:
                ends = 10 * rows[0] + 1, 10 * rows[-1] + 9  # a leaf takes 10 units
                ax.plot([beside, beside], ends, color="black", linewidth=2, solid_capstyle="butt", clip_on=False)
    ax.set_axis_off()
    return order


def draw_violins(paper: Canvas, activity: AnnData, groupby: str, colors: Colours) -> np.ndarray:
    """One panel a motif, one violin a group."""
    frame = activity.to_df()
    cells = activity.obs.groupby(activity.obs[groupby], observed=True).indices
    groups = {str(name): frame.iloc[rows] for name, rows in cells.items() if len(rows)}
    panel = max(2.4, 0.9 + 0.32 * len(groups))
    per_row = min(_PER_ROW, max(1, int(_WIDEST / panel)), activity.n_vars)
    n_rows = -(-activity.n_vars // per_row)
    below = 0.08 * _longest(groups)
    chosen, places = colors(list(groups)), np.arange(len(groups))
    size = panel * per_row, 2.2 * n_rows + below * (1 + (activity.n_vars % per_row > 0))
    axes = paper.grid(activity.n_vars, per_row, size, sharex=True)
    for ax, motif in zip(axes, activity.var_names, strict=True):
        violins = ax.violinplot([part[motif] for part in groups.values()], places, showmedians=True, showextrema=False)
        for body, color in zip(violins["bodies"], chosen, strict=True):
            body.set(facecolor=color, alpha=1)
        violins["cmedians"].set_color("black")
        ax.axhline(0, color="gray", linewidth=0.5, zorder=0)
        ax.set_title(motif, fontsize="medium")
        ax.set_xticks(places, list(groups), rotation=90)
    for ax in axes[::per_row]:
        ax.set_ylabel("activity (z)")
    for ax in axes[-per_row:]:
        ax.tick_params(labelbottom=True)
    return axes


def draw_embedding(paper: Canvas, activity: AnnData, points: np.ndarray, name: str, cmap: Colormap) -> np.ndarray:
    """One panel a motif, each with a scale of its own."""
    per_row = min(_PER_ROW, activity.n_vars)
    n_rows = -(-activity.n_vars // per_row)
    axes = paper.grid(activity.n_vars, per_row, (3.2 * per_row, 2.6 * n_rows + 0.4), panels=True)
    many = activity.n_obs > _MANY
    for column, (ax, motif) in enumerate(zip(axes, activity.var_names, strict=True)):
        values = np.asarray(activity.X)[:, column]
        limit = float(np.quantile(np.abs(values), 0.99)) or 1.0
        dots = ax.scatter(
            *points.T, c=values, cmap=cmap, vmin=-limit, vmax=limit, s=2 if many else 8, lw=0, rasterized=True
        )
        ax.set(title=motif, xticks=[], yticks=[])
        ax.title.set_fontsize("medium")
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xlabel(f"{name} 1", fontsize="small")
        ax.set_ylabel(f"{name} 2", fontsize="small")
        bar = ax.figure.colorbar(dots, ax=ax, extend="both", aspect=30)
        bar.ax.tick_params(labelsize="small")
        if paper.ax is not None:
            bar.set_label("activity (z-score)", fontsize="small")
    if paper.ax is None:
        axes[0].figure.supxlabel("activity (z-score)", fontsize="medium")
    return axes


def likeness(z: Any) -> np.ndarray:
    """Average linkage of motifs by 1 - Pearson correlation over cells (n_cells, M), neighbours being alike."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    centred = np.asarray(z, dtype=np.float64) - np.mean(z, axis=0, dtype=np.float64)
    norm = np.linalg.norm(centred, axis=0)
    centred /= np.where(norm > 0, norm, 1)
    distance = np.clip(1 - centred.T @ centred, 0, 2)
    np.fill_diagonal(distance, 0)
    return linkage(squareform(distance, checks=False), "average", optimal_ordering=True)


def _longest(names: Any) -> int:
    return max(len(str(name)) for name in names)
