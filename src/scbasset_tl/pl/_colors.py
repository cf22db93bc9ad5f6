"""Colours of groups and of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from matplotlib.colors import Colormap


def group_colors(names: Sequence[str], palette: Any, adata: AnnData, groupby: str, default: Any = None) -> list[Any]:
    """A colour for each name: of ``palette``, else those stored, else of ``default``, repeated where too few.

    Parameters
    ----------
    names
        Categories of ``groupby``.
    palette
        A name of matplotlib's colormaps or of one colour, a list of colours, or a dict from names to colours.
    adata, groupby
        Data and column of ``.obs`` whose categories scanpy may have given colours.
    default
        As ``palette``; ``None`` is matplotlib's own cycle.
    """
    from matplotlib import rcParams
    from matplotlib.colors import is_color_like, to_rgba

    stored = _stored(adata, groupby)
    if palette is None and all(name in stored for name in names):
        palette = stored
    if palette is None:
        palette = rcParams["axes.prop_cycle"] if default is None else default
    if hasattr(palette, "by_key"):  # a cycler, as rcParams and scanpy have
        palette = palette.by_key()["color"]
    if isinstance(palette, dict):
        colors = {str(name): color for name, color in palette.items()}
        if missing := [name for name in names if name not in colors]:
            message = f"palette has no colour for {missing[:5]}; it has {list(colors)[:20]}."
            raise ValueError(message)
        chosen = [colors[name] for name in names]
    elif is_color_like(palette):
        chosen = [palette] * len(names)
    elif isinstance(palette, str) or hasattr(palette, "N"):
        chosen = _of_colormap(color_map(palette, "palette"), len(names))
    else:
        turns = list(palette)
        if not turns:
            message = "palette is empty: pass colours, or leave it out."
            raise ValueError(message)
        chosen = [turns[number % len(turns)] for number in range(len(names))]
    for color in chosen:
        if not is_color_like(color):
            message = f"palette: {color!r} is no colour that matplotlib knows."
            raise ValueError(message)
    return [to_rgba(color) for color in chosen]


def _stored(adata: AnnData, groupby: str) -> dict[str, Any]:
    """The colours that scanpy has given the categories of a column, if it has."""
    colors, column = adata.uns.get(f"{groupby}_colors"), adata.obs.get(groupby)
    categories: Any = column.cat.categories if hasattr(column, "cat") else []
    if colors is None or len(colors) < len(categories):
        return {}
    return dict(zip(map(str, categories), map(str, np.asarray(colors, dtype=object)), strict=False))


def _of_colormap(colormap: Colormap, n: int) -> list[Any]:
    """Neighbouring colours of a list such as tab20, colours far apart of a scale such as viridis."""
    listed = getattr(colormap, "colors", None) if colormap.N <= 32 else None
    if listed is not None:
        return [listed[number % len(listed)] for number in range(n)]
    return [colormap(number / max(n - 1, 1)) for number in range(n)]


def color_map(cmap: Any, argument: str = "cmap") -> Colormap:
    """The colormap of this name, or the one given."""
    from matplotlib import colormaps
    from matplotlib.colors import Colormap

    if isinstance(cmap, Colormap):
        return cmap
    if not isinstance(cmap, str) or cmap not in colormaps:
        message = f"{argument}: matplotlib has no colormap {cmap!r}; try 'viridis', 'RdBu_r' or 'tab20'."
        raise ValueError(message)
    return colormaps[cmap]
