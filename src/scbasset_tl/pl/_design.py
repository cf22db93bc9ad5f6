"""Designed sequences: how their scores rose, where they are open, and what one of them is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

_LETTERS: Final = 200
_LETTER: Final = 0.072  # inches of the figure for each, so that the logo has letters


@doc_params
def design(
    data: AnnData | MuData,
    *,
    sequence: str | int | None = None,
    window: int | tuple[int, int] | None = None,
    logo: bool = True,
    palette: Any = None,
    key: str = "design",
    mod: str = "atac",
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Course of the scores, logits of all groups before and after, and the logo of one designed sequence.

    On the left a line for each sequence, the mean in black. On the right the logits of the designed sequences in each
    group, filled, beside those of what they started from, open. Below, the in-silico mutagenesis of one sequence for the
    score: the height of a letter is the score with its base minus the mean over the four bases, over both strands.
    Implanted motifs are marked. The logo takes as long as a round of :func:`scbasset_tl.tl.design`.

    Parameters
    ----------
    {data}
    sequence
        Name or number of the sequence in the logo; by default the one with the highest score.
    window
        Positions in the logo: so many bp around the middle, or ``(first, last)``; by default those that could change.
        Up to 200 bp are drawn as letters, more as heights.
    logo
        Draw the logo.
    palette
        Colours of the groups; by default those that scanpy has stored for the column, or else matplotlib's.
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.design` wrote.
    {mod}
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of the two or three
    :class:`matplotlib.axes.Axes`.

    Raises
    ------
    KeyError
        If there is no such entry or sequence.
    ValueError
        If the model was trained again since.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.design(adata, groupby="cell_type", group="type_1", n_sequences=3, n_rounds=2)
    >>> len(sb.pl.design(adata, show=False))
    3
    """
    import numpy as np

    from scbasset_tl._adata.kinds import DESIGN
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import find
    from scbasset_tl._adata.sequence.design import final, scores
    from scbasset_tl._adata.sequence.ism import check_window
    from scbasset_tl.pl._colors import group_colors
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    adata = resolve(data, mod)
    entry = find(adata, DESIGN, key)
    course, (before, after) = scores(entry), final(entry)
    groups = [str(name) for name in entry["groups"]]
    if logo:
        last = np.asarray(entry["n_rounds"], dtype=int)
        bounds = check_window(window, np.asarray(entry["codes"]).shape[1]) if window is not None else None
        shown, marks = _logo(adata, entry, _row(entry, sequence, course[np.arange(len(last)), last]), bounds)
    below = 0.08 * max(map(len, groups))
    width = 3.8 + max(2.6, 0.5 + 0.45 * len(groups))
    if logo and shown.codes.shape[1] <= _LETTERS:
        width = max(width, _LETTER * shown.codes.shape[1])
    figure = paper.figure(width, 2.6 + below + (2.1 if logo else 0))
    layout: list[Any] = [["course", "groups"], ["logo", "logo"]] if logo else [["course", "groups"]]
    ratios = [2.4 + below, 1.5] if logo else [1]
    axes = figure.subplot_mosaic(layout, height_ratios=ratios)
    _draw_course(axes["course"], course)
    colors = group_colors(groups, palette, adata, str(entry["params"]["groupby"]))
    _draw_groups(axes["groups"], before, after, groups, colors)
    axes["groups"].set_title(f"designed for {entry['target']}", fontsize="medium")
    if logo:
        from scbasset_tl.pl._ism_tracks import draw_into

        draw_into(axes["logo"], shown, marks)
        axes["logo"].set_ylabel("importance\n(score)")
    return paper.finish(figure, np.array(list(axes.values())))


def _row(entry: Mapping[str, Any], sequence: str | int | None, score: np.ndarray) -> int:
    """The sequence that is meant."""
    import numpy as np

    if sequence is None:
        return int(score.argmax())
    names = [str(name) for name in entry["names"]]
    if sequence in names:
        return names.index(str(sequence))
    if isinstance(sequence, int | np.integer) and not isinstance(sequence, bool) and 0 <= sequence < len(names):
        return int(sequence)
    message = f"sequence must be one of {len(names)} designed sequences, {names[0]!r} to {names[-1]!r} or a number from 0, got {sequence!r}."
    raise KeyError(message)


def _logo(
    adata: AnnData, entry: Mapping[str, Any], row: int, bounds: tuple[int, int] | None
) -> tuple[Any, list[list[Any]]]:
    """Mutagenesis of a sequence for the score, as that of a region, and the implanted motifs."""
    import numpy as np

    from scbasset_tl._adata.sequence.design import score_changes
    from scbasset_tl._adata.sequence.ism_scores import ISMScores
    from scbasset_tl.pl._ism_tracks import Mark

    first, end = bounds or (int(value) for value in entry["params"]["window"])
    codes = np.asarray(entry["codes"])[[row]]
    raw = score_changes(adata, entry, codes, (first, end))
    name = str(entry["names"][row])
    shown = ISMScores(["score"], [name], np.array([""], dtype=object), np.array([first]), codes[:, first:end], raw)
    marks: list[Mark] = []
    if entry.get("edits"):
        columns = ("sequence", "start", "new", "motif", "strand")
        for owner, start, new, motif, strand in zip(*(entry["edits"][column] for column in columns), strict=True):
            if int(owner) == row and str(motif):
                mark = Mark(int(start), int(start) + len(str(new)), f"{motif} {strand}")
                # what was written over is there no more
                marks = [other for other in marks if other.end <= mark.start or other.start >= mark.end] + [mark]
    return shown, [[mark for mark in marks if mark.start < end and mark.end > first]]


def _draw_course(ax: Axes, course: np.ndarray) -> None:
    """A line for each sequence up to its last round; the mean continues with its last score."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    style: dict[str, Any] = {"marker": "o", "markersize": 3} if course.shape[1] < 3 else {}
    ax.plot(course.T, color="lightgray", linewidth=0.8, **style)
    rounds = np.arange(course.shape[1])
    last = np.minimum(rounds, np.isfinite(course).sum(axis=1, keepdims=True) - 1)
    ax.plot(np.take_along_axis(course, last, axis=1).mean(axis=0), color="black", label="mean", **style)
    ax.set(xlabel="round", ylabel="score (logit)")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    ax.legend(frameon=False, fontsize="small", loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)


def _draw_groups(ax: Axes, before: np.ndarray, after: np.ndarray, groups: list[str], colors: list[Any]) -> None:
    """Logits of each sequence in each group."""
    import numpy as np

    places, spread = np.arange(len(groups)), np.linspace(-0.12, 0.12, len(before)) if len(before) > 1 else np.zeros(1)
    for place, color in zip(places, colors, strict=True):
        ax.scatter(place - 0.2 + spread, before[:, place], s=14, facecolors="none", edgecolors=[color], linewidths=0.8)
        ax.scatter(place + 0.2 + spread, after[:, place], s=14, color=[color], linewidths=0)
    ax.axhline(0, color="gray", linewidth=0.5, zorder=0)
    ax.set_xticks(places, groups, rotation=90)
    ax.set_ylabel("logit\n(open: start)")
    ax.spines[["top", "right"]].set_visible(False)
