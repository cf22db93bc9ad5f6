"""Raw and denoised accessibility side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_one_of, check_positive_int

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from matplotlib.figure import Figure
    from mudata import MuData


@doc_params
def accessibility(
    data: AnnData | MuData,
    groupby: str,
    *,
    obs: Any = None,
    var: Any = None,
    n_cells: int = 200,
    n_peaks: int = 500,
    order: Literal["group", "cluster"] = "group",
    standardize: bool = True,
    normalize_depth: bool = True,
    layer: str | None = None,
    key: str = "scbasset",
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
    palette: Any = None,
    cmap: Any = None,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Draw the same cells × peaks raw, open or not, and denoised by the model :cite:p:`Yuan2022`.

    A stripe beside each panel has the colour of each cell's group. As in the paper's figure 4a a random part of the cells
    and of the peaks that are open in them is drawn, unless ``obs`` and ``var`` choose them.

    Parameters
    ----------
    {data}
    groupby
        Column of ``.obs`` that the cells are coloured by; cells without a value are left out.
    obs, var
        Cells and peaks: names, positions, a mask or a slice. By default ``n_cells`` and ``n_peaks`` random ones.
    n_cells, n_peaks
        Most cells and peaks to draw; those that ``obs`` or ``var`` names are all drawn.
    order
        ``"group"``: cells by group, peaks by the group in which the model has them most open, alike in both panels.
        ``"cluster"``: as in the paper each panel by a hierarchical clustering of its own cells and peaks (average linkage of
        Euclidean distances), which does not know the groups.
    standardize
        Draw each peak's denoised values less their mean over the cells drawn, and over their standard deviation.
    normalize_depth
        Leave the cells' biases (and batches) out of the denoised values.
    layer
        Layer with the accessibility matrix; ``None`` is the one that the model was trained on.
    {key}
    {mod}
    {rng}
    palette
        Colours of the groups: a list, a dict from group to colour, or a name of matplotlib's. By default those that scanpy has
        stored for ``groupby``.
    cmap
        Colormap of the denoised values; by default ``"viridis"``.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of two
    :class:`matplotlib.axes.Axes`, raw and denoised.

    Raises
    ------
    KeyError
        If there is no such model, cell, peak, layer or column.
    ValueError
        If no cell or no peak is left to draw.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.pl.accessibility(adata, "cell_type", show=False).shape
    (2,)
    """
    import numpy as np
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._random import as_generator
    from scbasset_tl.pl._colors import color_map, group_colors
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    check_one_of("order", order, ("group", "cluster"))
    sizes = check_positive_int("n_cells", n_cells), check_positive_int("n_peaks", n_peaks)
    colormap = color_map("viridis" if cmap is None else cmap)
    adata = resolve(data, mod)
    cells, peaks, opened, values = _blocks(
        adata, obs, var, groupby, sizes, layer, key, normalize_depth, as_generator(rng)
    )
    column = adata.obs[groupby].iloc[cells].astype("category").cat.remove_unused_categories()
    names = [str(name) for name in column.cat.categories]
    colors = np.array(group_colors(names, palette, adata, groupby))
    codes = column.cat.codes.to_numpy()
    if standardize:
        spread = values.std(axis=0)
        values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    orders = [_by_group(codes, values)] * 2 if order == "group" else [_clustered(opened), _clustered(values)]
    figure = paper.figure(10, 5.2, panels=(1, 2))
    grid = figure.subplots(1, 4, width_ratios=[1, 24, 1, 24], gridspec_kw={"wspace": 0})
    white = ListedColormap(["white", "black"])
    shown = ((opened, white, (0, 1)), (values, colormap, tuple(np.quantile(values, [0.01, 0.99]))))
    for (rows, columns), (block, colors_of_values, limits), stripe, ax in zip(
        orders, shown, grid[::2], grid[1::2], strict=True
    ):
        stripe.imshow(colors[codes[rows]][:, None], aspect="auto", interpolation="nearest")
        stripe.set(xticks=[], yticks=[])
        image = ax.imshow(
            block[np.ix_(rows, columns)],
            aspect="auto",
            interpolation="nearest",
            cmap=colors_of_values,
            vmin=limits[0],
            vmax=limits[1],
        )
        ax.set(xticks=[], yticks=[], xlabel=f"{len(columns):,} peaks")
    grid[0].set_ylabel(f"{len(cells):,} cells")
    grid[1].set_title(f"Raw, {opened.mean():.1%} open")
    grid[3].set_title("Denoised")
    bar = figure.colorbar(image, ax=grid[3], extend="both", aspect=40)
    bar.set_label("accessibility" + (", standardized per peak" if standardize else " (logit)"))
    patches = [Patch(color=color, label=name) for name, color in zip(names, colors, strict=True)]
    figure.legend(
        handles=patches, loc="outside lower center", ncols=min(len(names), 8), frameon=False, fontsize="small"
    )
    return paper.finish(figure, grid[1::2])


def _blocks(
    adata: AnnData,
    obs: Any,
    var: Any,
    groupby: str,
    sizes: tuple[int, int],
    layer: str | None,
    key: str,
    normalize_depth: bool,  # noqa: FBT001
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions of cells and of peaks, and what is open and how open the model has it, float32 (cells, peaks)."""
    import numpy as np

    from scbasset_tl._adata.matrix import open_entries_from
    from scbasset_tl._adata.model.denoised import low_rank
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.positions import positions
    from scbasset_tl._adata.readout import group_means

    model = read_model(adata, key)
    group_means(model.cell_embedding, adata.obs, groupby)  # its checks
    cells, peaks = positions("obs", adata.obs_names, obs), positions("var", adata.var_names, var)
    cells = cells[adata.obs[groupby].notna().to_numpy()[cells]]
    if obs is None and len(cells) > sizes[0]:
        cells = np.sort(rng.choice(cells, sizes[0], replace=False))
    if not len(cells):
        message = f"obs: none of the cells asked for has a value in obs[{groupby!r}]: there is nothing to draw."
        raise ValueError(message)
    layer = model.entry["params"].get("layer") if layer is None else layer
    opened = open_entries_from(adata, layer, cells=cells)
    if var is None:
        peaks = np.flatnonzero(opened.peak_counts())
        if len(peaks) > sizes[1]:
            peaks = np.sort(rng.choice(peaks, sizes[1], replace=False))
    if not len(peaks):
        message = "var: there is no peak to draw" + (": none is open in the cells." if var is None else ".")
        raise ValueError(message)
    matrix = low_rank(adata, model, normalize_depth=normalize_depth, scale="logit", peaks=model.require_peaks()[peaks])
    return cells, peaks, opened.rows(peaks).dense().T.astype(np.float32), matrix.rows(cells).dense()


def _by_group(codes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells by group, and peaks by the group that stands out most, the most different of each first."""
    import numpy as np

    means = np.stack([values[codes == code].mean(axis=0) for code in range(codes.max() + 1)])
    means = means - values.mean(axis=0)
    return np.argsort(codes, kind="stable"), np.lexsort((-means.max(axis=0), means.argmax(axis=0)))


def _clustered(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orders of rows and columns in which those that are alike lie side by side."""
    import numpy as np
    from scipy.cluster.hierarchy import leaves_list, linkage

    return tuple(  # type: ignore[return-value]
        leaves_list(linkage(part, "average", optimal_ordering=True)) if len(part) > 1 else np.zeros(1, dtype=int)
        for part in (block, block.T)
    )
