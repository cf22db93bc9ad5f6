"""Rows of logos, or of heights where letters could not be read, with marked stretches above them."""

from __future__ import annotations

from numbers import Real
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from scbasset_tl._log import info

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scbasset_tl._adata.sequence.ism_scores import ISMScores
    from scbasset_tl.pl._show import Canvas

_MAX_ROWS, _MAX_COLUMNS = 40, 6
# inches
_WIDEST: Final = 15.0
_NARROWEST: Final = 4.0
_LETTER: Final = 0.11
_READABLE: Final = 0.055
_CHARACTER: Final = 0.085
# points
_FONT: Final = 8
_LANE: Final = 15
_GAP: Final = 5


class Mark(NamedTuple):
    """A marked stretch, half-open."""

    start: int
    end: int
    label: str


def check_counts(n_rows: int, n_columns: int, ax: Axes | None) -> None:
    """Refuse what no figure holds, before anything is computed."""
    if n_rows > _MAX_ROWS or n_columns > _MAX_COLUMNS:
        message = (
            f"{n_rows} rows × {n_columns} regions are too many to draw (at most {_MAX_ROWS} × {_MAX_COLUMNS}): choose "
            "regions, and groups with groupby= and groups=, or cells with obs=; get.ism returns numbers for all."
        )
        raise ValueError(message)
    if ax is not None and (n_rows, n_columns) != (1, 1):
        message = f"ax= holds one row and one region, not {n_rows} × {n_columns}: leave it out."
        raise ValueError(message)


def marks_of(annotate: Any, scores: ISMScores) -> list[list[Mark]]:
    """The marks over each region."""
    n_regions = len(scores.regions)
    if annotate is None:
        return [[] for _ in range(n_regions)]
    rows = _rows(annotate)
    ends = scores.start + scores.codes.shape[1]
    marks: list[list[Mark]] = []
    for name, chrom, start, end in zip(scores.regions, scores.chrom, scores.start, ends, strict=True):
        here = (
            mark
            for mark, on in rows
            if mark.start < end
            and mark.end > start
            and on.get("region", name) == name
            and (not chrom or on.get("chrom", chrom) == chrom)
        )
        marks.append(list(dict.fromkeys(here)))  # a table of hits has a row for each group
    every, drawn = {mark for mark, _ in rows}, {mark for region in marks for mark in region}
    if outside := len(every - drawn):
        what = f"annotate: {outside} of {len(every)} stretches lie outside what is drawn"
        if not drawn:
            where = f"{scores.chrom[0]}:{scores.start[0]}-{ends[0]}"
            message = f"{what}, {where}; they are in the coordinates of the x axis, 0-based."
            raise ValueError(message)
        info(what)
    return marks


def draw_tracks(scores: ISMScores, marks: list[list[Mark]], paper: Canvas) -> tuple[Figure, np.ndarray]:
    """A row for each output, a column for each region, one scale."""
    n_rows, n_columns, width = scores.raw.shape[:3]
    names = [fill(name, 20, max_lines=4, placeholder="…") for name in scores.outputs]
    longest = max(len(line) for name in names for line in name.split("\n"))
    beside = _CHARACTER * longest + 1.2
    column = min(max(_LETTER * width, _NARROWEST), _WIDEST / n_columns)
    if paper.figsize:
        column = max(paper.figsize[0] - beside, 0.5) / n_columns
    lanes = [_lanes(region, start, width, column) for region, start in zip(marks, scores.start, strict=True)]
    n_lanes = max(1 + max(lane, default=-1) for lane in lanes)
    height = 0.75 if n_rows > 6 else 1.1
    figure = paper.figure(column * n_columns + beside, height * n_rows + 0.9 + n_lanes * _LANE / 72)
    axes = figure.subplots(n_rows, n_columns, sharex="col", sharey=True, squeeze=False)
    importance = scores.importance
    for (row, number), ax in np.ndenumerate(axes):
        draw_row(ax, importance[row, number], scores.codes[number], int(scores.start[number]), column)
        if number == 0:
            ax.set_ylabel(names[row], rotation=0, ha="right", va="center")
        if row < n_rows - 1:
            ax.tick_params(bottom=False)
            ax.spines["bottom"].set_visible(False)
    for number, (top, bottom) in enumerate(zip(axes[0], axes[-1], strict=True)):
        draw_marks(top, marks[number], lanes[number], column)
        top.set_title(_wrapped(scores.regions[number], column), fontsize="medium", pad=_GAP + n_lanes * _LANE)
        label_positions(bottom, str(scores.chrom[number]), column)
    figure.supylabel("importance (logit)", fontsize="medium")
    return figure, axes


def draw_into(ax: Axes, scores: ISMScores, marks: list[list[Mark]]) -> None:
    """The only row and region into axes of the user's."""
    width = ax.get_position().width * ax.figure.get_figwidth()  # type: ignore[union-attr]
    start, codes = int(scores.start[0]), scores.codes[0]
    draw_row(ax, scores.importance[0, 0], codes, start, width)
    lanes = _lanes(marks[0], start, len(codes), width)
    draw_marks(ax, marks[0], lanes, width)
    title = f"{scores.regions[0]}, {scores.outputs[0]}"
    ax.set_title(_wrapped(title, width), fontsize="medium", pad=_GAP + (1 + max(lanes, default=-1)) * _LANE)
    ax.set_ylabel("importance (logit)")
    label_positions(ax, str(scores.chrom[0]), width)


def draw_row(ax: Axes, importance: np.ndarray, codes: np.ndarray, start: int, width: float) -> None:
    """Letters if each has enough of ``width`` (inches), else filled heights."""
    from matplotlib.ticker import MaxNLocator

    from scbasset_tl.pl._logo import draw_logo

    if width / len(codes) >= _READABLE:
        draw_logo(ax, importance[:, None] * (codes[:, None] == np.arange(4)), start=start, shade_negative=False)
    else:
        positions = start + np.arange(len(codes))
        for heights, color in ((np.maximum(importance, 0), "tab:blue"), (np.minimum(importance, 0), "tab:red")):
            ax.fill_between(positions, 0, heights, step="mid", color=color, linewidth=0.3)
        ax.axhline(0, color="black", linewidth=0.5)
        ax.set_xlim(start - 0.5, start + len(codes) - 0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=3))
    ax.tick_params(labelsize="small")


def draw_marks(ax: Axes, marks: list[Mark], lanes: list[int], width: float) -> None:
    """Brackets with labels above the axes of ``width`` inches, each in its lane."""
    from matplotlib.lines import Line2D
    from matplotlib.markers import TICKDOWN
    from matplotlib.transforms import ScaledTranslation

    low, high = ax.get_xlim()
    inches = ax.figure.dpi_scale_trans
    style: dict[str, Any] = {"color": "black", "linewidth": 1, "marker": TICKDOWN, "markersize": 4}
    for mark, lane in zip(marks, lanes, strict=True):
        above = ax.get_xaxis_transform() + ScaledTranslation(0, (_GAP + lane * _LANE) / 72, inches)
        ends = [max(mark.start - 0.5, low), min(mark.end - 0.5, high)]
        ax.add_artist(Line2D(ends, [1, 1], transform=above, clip_on=False, **style))
        x, side = sum(ends) / 2, "center"
        half = _text_width(mark.label) / 2 * (high - low) / (0.9 * width)
        if x - half < low:
            x, side = low, "left"
        elif x + half > high:
            x, side = high, "right"
        ax.text(x, 1, mark.label, transform=above, ha=side, va="bottom", fontsize=_FONT)


def label_positions(ax: Axes, chrom: str, width: float) -> None:
    """Genomic positions, as many as have room."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    ax.xaxis.set_major_locator(MaxNLocator(nbins=max(2, int(width / 1.1)), integer=True, min_n_ticks=1))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_xlabel(f"position on {chrom} (bp)" if chrom else "position in the sequence (bp)")


def _rows(annotate: Any) -> list[tuple[Mark, dict[str, str]]]:
    """Marks with the region or contig that each is meant for, if it says."""
    if hasattr(annotate, "columns"):
        columns = ["start", "end", "label" if "label" in annotate else "motif"]
        if absent := [column for column in columns if column not in annotate]:
            message = f"annotate has no column {absent}; it needs start, end and label, and has {list(annotate)}."
            raise KeyError(message)
        where = [column for column in ("region", "chrom") if column in annotate]
        given = [tuple(row) for row in annotate[columns].itertuples(index=False)]
        places = {column: annotate[column].astype(str).tolist() for column in where}
        on = [{column: places[column][row] for column in where} for row in range(len(given))]
    else:
        given = [tuple(row) for row in annotate]
        on = [{} for _ in given]
    for row in given:
        if len(row) != 3 or not all(isinstance(end, Real) and end % 1 == 0 for end in row[:2]) or row[0] >= row[1]:
            message = f"annotate must hold (start, end, label) with whole numbers start < end, got {row!r}."
            raise ValueError(message)
    return [(Mark(int(row[0]), int(row[1]), str(row[2])), place) for row, place in zip(given, on, strict=True)]


def _lanes(marks: list[Mark], start: int, width: int, inches: float) -> list[int]:
    """Lane of each mark, so that neither brackets nor labels of one lane meet."""
    per_inch = width / (0.9 * inches)
    lanes = [0] * len(marks)
    ends: list[float] = []
    for number in sorted(range(len(marks)), key=lambda number: marks[number].start):
        mark = marks[number]
        half = (_text_width(mark.label) / 2 + 0.05) * per_inch
        middle = (max(mark.start, start) + min(mark.end, start + width)) / 2
        middle = min(max(middle, start + half), start + width - half)
        low, high = min(mark.start, middle - half), max(mark.end, middle + half)
        free = [lane for lane, end in enumerate(ends) if end <= low]
        lanes[number] = free[0] if free else len(ends)
        if free:
            ends[free[0]] = high
        else:
            ends.append(high)
    return lanes


def _text_width(text: str) -> float:
    """Width of a label in inches."""
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), text, size=_FONT, usetex=False).get_extents().width / 72 if text.strip() else 0


def _wrapped(text: str, width: float) -> str:
    return fill(text, max(8, int(width / _CHARACTER)), max_lines=3, placeholder="…")
