"""Draw the picture of the landing page: what goes in, what comes out. ``python docs/images/overview.py`` writes overview.svg."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from scbasset_tl.pl._logo import draw_logo

INK, BLUE, PALE = "#22303c", "#1f6f8b", "#eaf3f6"
TYPES = ["#1f6f8b", "#e07a5f", "#f2b134"]
mpl.rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "overview", "text.color": INK, "font.size": 11})
rng = np.random.default_rng(3)
figure = plt.figure(figsize=(10, 4.9))
canvas = figure.add_axes((0, 0, 1, 1))
canvas.set(xlim=(0, 10), ylim=(0, 4.9))
canvas.set_axis_off()


def box(x: float, y: float, width: float, height: float, color: str) -> None:
    style = "round,pad=0,rounding_size=0.12"
    canvas.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=color, edgecolor="none"))


def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
    canvas.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=16, color=INK, linewidth=1.6))


def panel(x: float, y: float, width: float, height: float) -> plt.Axes:
    """Axes at a place of the canvas, without frame."""
    ax = figure.add_axes((x / 10, y / 4.9, width / 10, height / 4.9))
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.patch.set_alpha(0)
    return ax


# what goes in
canvas.text(1.15, 4.62, "what you have", ha="center", weight="bold")
box(0.1, 2.35, 2.1, 2.0, PALE)
canvas.text(1.15, 4.12, "cells × peaks", ha="center")
counts = rng.random((14, 22)) < np.where((np.arange(14)[:, None] // 5) == (np.arange(22) // 8), 0.55, 0.08)
panel(0.35, 2.5, 1.6, 1.45).imshow(counts, cmap="Blues", aspect="auto", vmax=1.4, interpolation="nearest")
box(0.1, 0.2, 2.1, 1.95, PALE)
canvas.text(1.15, 1.85, "genome", ha="center")
COLORS = {"A": "#2a9134", "C": "#1f6f8b", "G": "#e0a11b", "T": "#c8452f"}
for row in range(4):
    for column, base in enumerate(rng.choice(list("ACGT"), 11)):
        canvas.text(
            0.35 + 0.16 * column, 1.45 - 0.33 * row, base, color=COLORS[base], family="monospace", weight="bold"
        )

# the network
canvas.text(3.7, 4.62, "one network", ha="center", weight="bold")
box(2.8, 0.95, 1.8, 2.75, BLUE)
for number, width in enumerate((1.3, 1.1, 0.9, 0.7, 0.5)):
    box(3.7 - width / 2, 3.2 - 0.38 * number, width, 0.24, "#9fd0dd")
canvas.text(3.7, 1.3, "sb.tl.scbasset", ha="center", color="white", family="monospace", size=9.5)
arrow((2.25, 3.3), (2.78, 2.8))
arrow((2.25, 1.2), (2.78, 1.8))
arrow((4.63, 2.35), (5.15, 2.35))

# what comes out
canvas.text(7.55, 4.62, "what you get", ha="center", weight="bold")
TITLES = ["embedding", "denoised peaks", "TF activity", "bases that matter", "variant effects", "new cells"]
for number, title in enumerate(TITLES):
    x, y = 5.25 + 1.58 * (number % 3), 2.35 - 2.15 * (number // 3)
    box(x, y, 1.48, 2.0, PALE)
    canvas.text(x + 0.74, y + 1.76, title, ha="center", size=10)
    ax = panel(x + 0.14, y + 0.14, 1.2, 1.45)
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
        ax.imshow(
            np.eye(3)[[0, 0, 1, 1, 2, 2]] * 2 - 0.7 + 0.3 * rng.random((6, 3)),
            cmap="RdBu_r",
            aspect="auto",
            vmin=-1.8,
            vmax=1.8,
        )
    elif title == "bases that matter":
        heights = np.zeros((13, 4))
        for place, (base, height) in enumerate(
            zip("CTAGATAAGCATG", (0.1, 0.15, 0.3, 0.9, 1, 0.8, 1, 0.9, 0.35, 0.1, 0.15, 0.1, 0.05), strict=True)
        ):
            heights[place, "ACGT".index(base)] = height
        draw_logo(ax, heights)
        ax.set(ylim=(0, 1.6), xticks=[], yticks=[])
    else:
        ax.barh([2, 1, 0], [-0.9, -0.15, 0.05], color=TYPES, height=0.6)
        ax.axvline(0, color=INK, linewidth=1)
        ax.set(xlim=(-1.1, 0.4), ylim=(-0.7, 3.3))
        ax.text(-0.35, 2.75, "A → C", ha="center", family="monospace", weight="bold")

out = Path(__file__).with_name("overview.svg")
figure.savefig(out, metadata={"Date": None})
if len(sys.argv) > 1:  # to look at
    figure.savefig(sys.argv[1], dpi=130)
