"""Draw the picture of the landing page: what goes in, what comes out.

``python docs/images/overview.py`` writes overview.svg for wide windows and overview_tall.svg for phones.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from scbasset_tl.pl._logo import draw_logo

INK, BLUE, PALE = "#22303c", "#1f6f8b", "#eaf3f6"
TYPES = ["#1f6f8b", "#e07a5f", "#f2b134"]
LETTERS = {"A": "#2a9134", "C": "#1f6f8b", "G": "#e0a11b", "T": "#c8452f"}
TITLES = ["embedding", "denoised peaks", "TF activity", "bases that matter", "variant effects", "new cells"]
mpl.rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "overview", "text.color": INK, "font.size": 11})


class Layout(NamedTuple):
    """Positions of the parts, in inches from the lower left corner."""

    size: tuple[float, float]
    counts: tuple[float, float]
    genome: tuple[float, float]
    network: tuple[float, float]
    outputs: list[tuple[float, float]]
    output: tuple[float, float]  # width and height
    headings: list[tuple[float, float]]
    arrows: list[tuple[tuple[float, float], tuple[float, float]]]


WIDE = Layout(
    size=(10, 4.9),
    counts=(0.1, 2.35),
    genome=(0.1, 0.15),
    network=(2.8, 0.95),
    outputs=[(5.25 + 1.58 * (number % 3), 2.35 - 2.15 * (number // 3)) for number in range(6)],
    output=(1.48, 2.0),
    headings=[(1.15, 4.62), (3.7, 4.62), (7.55, 4.62)],
    arrows=[((2.25, 3.3), (2.78, 2.8)), ((2.25, 1.2), (2.78, 1.8)), ((4.63, 2.35), (5.15, 2.35))],
)
TALL = Layout(
    size=(4.5, 12.4),
    counts=(0.1, 9.9),
    genome=(2.3, 9.9),
    network=(1.35, 6.95),
    outputs=[(0.1 + 2.2 * (number % 2), 4.2 - 2.08 * (number // 2)) for number in range(6)],
    output=(2.1, 1.95),
    headings=[(2.25, 12.1), (3.9, 8.2), (2.25, 6.35)],
    arrows=[((1.15, 9.88), (1.75, 9.72)), ((3.35, 9.88), (2.75, 9.72)), ((2.25, 6.92), (2.25, 6.55))],
)


def draw(layout: Layout, out: str) -> None:
    rng = np.random.default_rng(3)
    width, height = layout.size
    figure = plt.figure(figsize=layout.size)
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, width), ylim=(0, height))
    canvas.set_axis_off()

    def box(x: float, y: float, wide: float, high: float, color: str) -> None:
        style = "round,pad=0,rounding_size=0.12"
        canvas.add_patch(FancyBboxPatch((x, y), wide, high, boxstyle=style, facecolor=color, edgecolor="none"))

    def panel(x: float, y: float, wide: float, high: float) -> plt.Axes:
        """Axes at a place of the canvas, without frame."""
        ax = figure.add_axes((x / width, y / height, wide / width, high / height))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.patch.set_alpha(0)
        return ax

    for (x, y), heading in zip(layout.headings, ["what you have", "one network", "what you get"], strict=True):
        canvas.text(x, y, heading, ha="center", weight="bold")
    for start, end in layout.arrows:
        canvas.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=16, color=INK, linewidth=1.6))

    # what goes in
    x, y = layout.counts
    box(x, y, 2.1, 2.0, PALE)
    canvas.text(x + 1.05, y + 1.77, "cells × peaks", ha="center")
    counts = rng.random((14, 22)) < np.where((np.arange(14)[:, None] // 5) == (np.arange(22) // 8), 0.55, 0.08)
    panel(x + 0.25, y + 0.15, 1.6, 1.45).imshow(counts, cmap="Blues", aspect="auto", vmax=1.4, interpolation="nearest")
    x, y = layout.genome
    box(x, y, 2.1, 2.0, PALE)
    canvas.text(x + 1.05, y + 1.65, "genome", ha="center")
    for row in range(4):
        for column, base in enumerate(rng.choice(list("ACGT"), 11)):
            place = x + 0.25 + 0.16 * column, y + 1.25 - 0.33 * row
            canvas.text(*place, base, color=LETTERS[base], family="monospace", weight="bold")

    # the network
    x, y = layout.network
    box(x, y, 1.8, 2.75, BLUE)
    for number, wide in enumerate((1.3, 1.1, 0.9, 0.7, 0.5)):
        box(x + 0.9 - wide / 2, y + 2.25 - 0.38 * number, wide, 0.24, "#9fd0dd")
    canvas.text(x + 0.9, y + 0.35, "sb.tl.scbasset", ha="center", color="white", family="monospace", size=9.5)

    # what comes out
    wide, high = layout.output
    for (x, y), title in zip(layout.outputs, TITLES, strict=True):
        box(x, y, wide, high, PALE)
        canvas.text(x + wide / 2, y + high - 0.24, title, ha="center", size=10)
        _output(title, panel(x + 0.14, y + 0.14, wide - 0.28, high - 0.55), rng)

    figure.savefig(Path(__file__).with_name(f"{out}.svg"), metadata={"Date": None})
    plt.close(figure)


def _output(title: str, ax: plt.Axes, rng: np.random.Generator) -> None:
    if title in ("embedding", "new cells"):
        centres = np.array([(0, 0), (3, 1), (1, 3)])
        for kind, color in enumerate(TYPES):
            points = centres[kind] + 0.5 * rng.standard_normal((45, 2))
            ax.scatter(*points.T, s=7, color=color if title == "embedding" else "0.8", linewidths=0)
            if title == "new cells":
                points = centres[kind] + 0.4 * rng.standard_normal((6, 2))
                ax.scatter(*points.T, s=26, color=color, edgecolor=INK, linewidths=0.7)
    elif title == "denoised peaks":
        smooth = np.where((np.arange(14)[:, None] // 5) == (np.arange(22) // 8), 0.75, 0.15)
        ax.imshow(smooth + 0.06 * rng.random((14, 22)), cmap="Blues", aspect="auto", vmin=0, vmax=1.1)
    elif title == "TF activity":
        values = np.eye(3)[[0, 0, 1, 1, 2, 2]] * 2 - 0.7 + 0.3 * rng.random((6, 3))
        ax.imshow(values, cmap="RdBu_r", aspect="auto", vmin=-1.8, vmax=1.8)
    elif title == "bases that matter":
        heights = np.zeros((13, 4))
        tall = (0.1, 0.15, 0.3, 0.9, 1, 0.8, 1, 0.9, 0.35, 0.1, 0.15, 0.1, 0.05)
        for place, (base, value) in enumerate(zip("CTAGATAAGCATG", tall, strict=True)):
            heights[place, "ACGT".index(base)] = value
        draw_logo(ax, heights)
        ax.set(ylim=(0, 1.6), xticks=[], yticks=[])
    else:
        ax.barh([2, 1, 0], [-0.9, -0.15, 0.05], color=TYPES, height=0.6)
        ax.axvline(0, color=INK, linewidth=1)
        ax.set(xlim=(-1.1, 0.4), ylim=(-0.7, 3.3))
        ax.text(-0.35, 2.75, "A → C", ha="center", family="monospace", weight="bold")


if __name__ == "__main__":
    draw(WIDE, "overview")
    draw(TALL, "overview_tall")
