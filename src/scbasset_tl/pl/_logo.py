"""Sequence logos: letters as high as their values, stacked at each position."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

COLORS: Final = ((0, 0.5, 0), (0, 0, 1), (1, 0.65, 0), (1, 0, 0))
"""Green A, blue C, orange G, red T."""
_WIDTH: Final = 0.95
_SHADE: Final = 0.4


def draw_logo(ax: Axes, heights: np.ndarray, *, start: int = 0, shade_negative: bool = True) -> None:
    """Draw letters of any heights (L, 4), in the order A, C, G, T; position ``i`` is at ``x = start + i``.

    Letters of negative height hang below zero, upside down. The higher a letter, the farther it is from zero, as in
    logomaker's default; all letters are one artist of matplotlib, so that hundreds of positions take no time. The x axis
    is cut to the logo; the y axis scales by itself, with those of the axes that it is shared with.

    Parameters
    ----------
    ax
        Axes to draw in.
    heights
        Height of each letter; those of height 0 are left out.
    start
        Position of the first letters.
    shade_negative
        Draw letters of negative height darker.
    """
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    heights = np.asarray(heights, dtype=np.float64)
    order = np.argsort(heights, axis=1, kind="stable")
    stacked = np.take_along_axis(heights, order, axis=1)
    tops = np.minimum(heights, 0).sum(axis=1, keepdims=True) + np.abs(stacked).cumsum(axis=1)
    paths, colors = [], []
    for position, place in np.argwhere(stacked):
        letter, height, top = order[position, place], stacked[position, place], tops[position, place]
        shape = _letter("ACGT"[letter])
        floor = top if height < 0 else top - height
        corner = (start + position - _WIDTH / 2, floor)
        paths.append(Path(np.multiply(shape.vertices, (_WIDTH, height)) + corner, shape.codes))
        colors.append(np.multiply(COLORS[letter], 1 - _SHADE * (shade_negative and height < 0)))
    letters = PathCollection(paths, facecolors=colors, linewidths=0)
    letters.sticky_edges.y.append(0)  # no margin below a logo of positive heights
    ax.add_collection(letters)
    ax.axhline(0, color="black", linewidth=0.5)
    ax.set_xlim(start - 0.5, start + len(heights) - 0.5)
    ax.autoscale_view(scalex=False)


@cache
def _letter(letter: str) -> Path:
    """The outline of a letter, stretched to the unit square; in the font that comes with matplotlib."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    outline = TextPath((0, 0), letter, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    box = outline.get_extents()
    return Path((outline.vertices - box.min) / box.size, outline.codes)
