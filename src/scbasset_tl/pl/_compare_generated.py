"""Generated cells beside real ones, as one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, draw_seed
from scbasset_tl._threads import same_threads
from scbasset_tl._validate import check_one_of, check_positive_int

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from mudata import MuData

    from scbasset_tl._adata.compare.generated import Cells

_COLORS: Final = {"real": "0.35", "generated": "tab:orange"}
_N_COMPONENTS: Final = 30


@doc_params
def compare_generated(
    real: AnnData | MuData,
    generated: AnnData | MuData,
    *,
    training: AnnData | MuData | None = None,
    label_key: str | None = None,
    basis: Literal["umap", "lsi"] = "umap",
    n_top_peaks: int = 200,
    max_cells: int = 3000,
    layer: str | None = None,
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
    palette: Any = None,
    cmap: Any = "viridis",
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Draw what :func:`scbasset_tl.metrics.compare_generated` measures: generated cells against real ones.

    The mean profiles, one point a peak; real and generated cells in one embedding, each set over the other one in light
    grey; their depths; the correlations of pairs of peaks over cells; and how near they come to the training cells, where
    generated cells that are much nearer than real ones are copies.

    Parameters
    ----------
    real
        AnnData of cells × peaks, or a MuData that holds one: with ``training`` cells that the model has not seen.
    generated
        What :func:`scbasset_tl.tl.generate` returned, or other draws of the same peaks in ``.X``.
    training
        The cells that the model was trained on. Without them a random half of ``real`` is in their place in the last
        panel, and the other half in all others.
    label_key
        Column of ``.obs`` of all of them by which the embedding is coloured.
    basis
        UMAP of the LSI of both sets together, or the first two dimensions of the LSI.
    n_top_peaks
        Most accessible peaks whose pairs are drawn.
    max_cells
        Cells of each set that are drawn, equally many, at random; the means are those of all cells.
    layer
        Layer of ``real`` and ``training`` with the accessibility; ``None`` is ``.X``. Values above zero count as open.
    {mod}
    {rng}
    palette
        Colours of the labels: a list, a dict from label to colour, or a name of matplotlib's. By default those that scanpy
        has stored for ``label_key`` in ``real``.
    cmap
        Colormap of the two panels of densities.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of its six
    :class:`matplotlib.axes.Axes`.

    Raises
    ------
    KeyError
        If a layer, modality or label column is missing.
    ValueError
        If the peaks differ, there are fewer than 10 cells of a set, or 20 real ones, or ``generated`` holds probabilities.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=200, n_vars=500)
    >>> sb.pl.compare_generated(adata[:100], adata[100:], label_key="cell_type", basis="lsi", show=False).shape
    (2, 3)
    """
    from scbasset_tl._adata.compare.generated import read_sets
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.pl._colors import color_map
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    check_one_of("basis", basis, ["umap", "lsi"])
    check_positive_int("n_top_peaks", n_top_peaks, minimum=3)
    check_positive_int("max_cells", max_cells, minimum=10)
    colormap, generator = color_map(cmap), as_generator(rng)
    sets = read_sets(real, generated, training, layer=layer, label_key=label_key, mod=mod)
    target, reference = (sets.real, sets.training) if sets.training else sets.real.halves(generator)
    n = min(max_cells, len(target.labels), len(sets.generated.labels))
    drawn = {"real": target.draw(n, generator), "generated": sets.generated.draw(n, generator)}
    colors = {} if label_key is None else _colors(drawn, palette, resolve(real, mod), label_key)
    points = _embed(drawn, basis, generator)
    figure = paper.figure(12, 7.6, panels=(2, 3))
    axes = figure.subplots(2, 3)
    _draw_means(axes[0, 0], target, sets.generated, colormap)
    _draw_cells(axes[0, 1:], points, drawn, colors)
    for ax in axes[0, 1:]:
        ax.set_xlabel(f"{basis.upper()} 1", fontsize="small")
        ax.set_ylabel(f"{basis.upper()} 2", fontsize="small")
    _draw_depth(axes[1, 0], drawn)
    _draw_pairs(axes[1, 1], drawn, n_top_peaks, colormap)
    kind = "real" if sets.training is None else "training"
    _draw_nearest(axes[1, 2], drawn, reference.draw(max_cells, generator), kind, generator)
    for ax in axes.flat:
        ax.title.set_fontsize("medium")
    return paper.finish(figure, axes)


def _colors(drawn: dict[str, Cells], palette: Any, source: AnnData, label_key: str) -> dict[str, Any]:
    from scbasset_tl.pl._colors import group_colors

    labels = sorted({label for cells in drawn.values() for label in cells.labels} - {""})
    default = "tab10" if len(labels) <= 10 else "tab20"
    return dict(zip(labels, group_colors(labels, palette, source, label_key, default), strict=True))


def _draw_means(ax: Axes, target: Cells, generated: Cells, cmap: Colormap) -> None:
    from scbasset_tl.stats.two_sample import correlations

    real, made = (cells.opened.getnnz(axis=0) / cells.opened.shape[0] for cells in (target, generated))
    pearson, spearman = correlations(real, made)
    _draw_density(ax, real, made, cmap)
    ax.set(
        title=f"Mean profiles\nPearson {pearson:.3f}, Spearman {spearman:.3f}",
        xlabel="real: share of open cells",
        ylabel="generated: share of open cells",
    )


def _draw_density(ax: Axes, x: np.ndarray, y: np.ndarray, cmap: Colormap) -> None:
    """Hexagons, the darker the more points, with the diagonal, on equal axes."""
    import numpy as np

    low, high = np.quantile([x, y], 0.0005), max(x.max(), y.max())
    margin = 0.03 * (high - low) or 0.1
    ends = low - margin, high + margin
    ax.hexbin(x, y, gridsize=60, bins="log", mincnt=1, cmap=cmap, extent=(*ends, *ends), linewidths=0.1)
    ax.axline((0, 0), slope=1, color="0.5", linewidth=1)
    ax.set(xlim=ends, ylim=ends, aspect="equal")


def _draw_cells(
    axes: np.ndarray, points: dict[str, np.ndarray], drawn: dict[str, Cells], colors: dict[str, Any]
) -> None:
    """Each set over the other one, by label where there are labels."""
    import numpy as np

    size = float(np.clip(4000 / len(points["real"]), 2, 14))
    for ax, (name, other) in zip(axes, (("real", "generated"), ("generated", "real")), strict=True):
        ax.scatter(*points[other].T, color="0.9", s=size, lw=0, rasterized=True)
        own = drawn[name].labels
        ax.scatter(*points[name][own == ""].T, color=_COLORS[name], s=size, lw=0, rasterized=True)
        for label, color in colors.items():
            ax.scatter(*points[name][own == label].T, color=color, s=size, lw=0, label=label, rasterized=True)
        ax.set(title=f"{name.capitalize()} cells", xticks=[], yticks=[])
    if colors:
        axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize="small", markerscale=2.5)


def _embed(drawn: dict[str, Cells], basis: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Two coordinates of each cell."""
    import numpy as np
    from scipy import sparse

    from scbasset_tl.stats.lsi import Lsi

    opened = sparse.vstack([cells.opened for cells in drawn.values()], format="csr")
    points = Lsi.fit(opened, _N_COMPONENTS, rng=rng).transform(opened)
    if basis == "umap":
        import anndata
        import scanpy as sc

        scratch = anndata.AnnData(np.zeros((len(points), 0), dtype=np.float32), obsm={"lsi": points.astype(np.float32)})
        seed = draw_seed(rng)
        with same_threads():
            sc.pp.neighbors(scratch, use_rep="lsi", random_state=seed)
            sc.tl.umap(scratch, random_state=seed)
        points = scratch.obsm["X_umap"]
    return dict(zip(drawn, np.split(points[:, :2], 2), strict=True))


def _draw_depth(ax: Axes, drawn: dict[str, Cells]) -> None:
    import numpy as np

    from scbasset_tl.stats.two_sample import ks

    depth = {name: np.diff(cells.opened.indptr) for name, cells in drawn.items()}
    _draw_histograms(ax, {name: np.log10(values.clip(1)) for name, values in depth.items()})
    ax.set(
        title=f"Depth\nKolmogorov-Smirnov {ks(*depth.values()):.3f}",
        xlabel="log10 open peaks of the cell",
        ylabel="cells",
    )


def _draw_pairs(ax: Axes, drawn: dict[str, Cells], n_top_peaks: int, cmap: Colormap) -> None:
    import numpy as np

    from scbasset_tl.stats.two_sample import coaccessibility, correlations

    top = np.argsort(-drawn["real"].opened.getnnz(axis=0), kind="stable")[:n_top_peaks]
    pairs = np.stack([coaccessibility(cells.opened, top) for cells in drawn.values()])
    real, made = pairs[:, np.isfinite(pairs).all(axis=0)]
    if len(real):
        _draw_density(ax, real, made, cmap)
    ax.set(
        title=f"Pairs of the {len(top)} most accessible peaks\nPearson {correlations(real, made)[0]:.3f}",
        xlabel="real: correlation over cells",
        ylabel="generated: correlation over cells",
    )


def _draw_nearest(ax: Axes, drawn: dict[str, Cells], reference: Cells, kind: str, rng: np.random.Generator) -> None:
    from scbasset_tl.stats.two_sample import median_ratio, nearest_distances

    queries = [cells.opened for cells in drawn.values()]
    real, made = nearest_distances(reference.opened, *queries, n_components=_N_COMPONENTS, rng=rng)
    _draw_histograms(ax, {"real": real, "generated": made})
    ax.set(
        title=f"Copies?\nmedian distance {median_ratio(made, real):.2f} times that of real cells",
        xlabel=f"distance to the nearest {kind} cell",
        ylabel="cells",
    )


def _draw_histograms(ax: Axes, values: dict[str, Any]) -> None:
    import numpy as np

    together = np.concatenate(list(values.values()))
    edges = np.histogram_bin_edges(together, bins=min(40, max(10, round(len(together) ** 0.5)))).tolist()
    for name, part in values.items():
        ax.hist(part, edges, color=_COLORS[name], alpha=0.25)
        ax.hist(part, edges, color=_COLORS[name], histtype="step", linewidth=1.5, label=name)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
