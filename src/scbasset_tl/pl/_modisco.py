"""Logos of what TF-MoDISco found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData


@doc_params
def modisco(
    data: AnnData | MuData,
    *,
    group: str | None = None,
    n_patterns: int = 8,
    key: str = "modisco",
    mod: str = "atac",
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Logos of recurring patterns: the mean contribution of each base at a pattern's sites.

    Parameters
    ----------
    {data}
    group
        The group whose patterns to draw; ``None``: the first.
    n_patterns
        How many to draw at most, the most frequent of positive contributions first.
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.modisco` wrote.
    {mod}
    {ax}
        For a single pattern.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, ``ax`` if it was given, else the :class:`matplotlib.figure.Figure`.

    Raises
    ------
    KeyError
        If there is no such entry or group.
    ValueError
        If no pattern was found.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.modisco(adata, sliding_window_size=16, flank_size=4, min_metacluster_size=20, n_leiden_runs=1)
    >>> if len(sb.get.modisco(adata)):
    ...     figure = sb.pl.modisco(adata, show=False)
    """
    import numpy as np

    from scbasset_tl._adata.kinds import MODISCO
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import find
    from scbasset_tl._adata.sequence.modisco import pattern_table
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize, ax=ax)
    check_positive_int("n_patterns", n_patterns)
    entry = find(resolve(data, mod), MODISCO, key)
    table = pattern_table(entry)
    if table.empty:
        message = f"uns[{key!r}] holds no pattern to draw: run tl.modisco with more regions or smaller clusters."
        raise ValueError(message)
    chosen = table["group"].iloc[0] if group is None else group
    rows = np.flatnonzero(table["group"] == chosen)[:n_patterns]
    if not len(rows):
        message = f"uns[{key!r}] has no patterns of group {group!r}; it has {sorted(set(table['group']))}."
        raise KeyError(message)
    paper.one_panel(len(rows), "patterns")
    logos = [np.asarray(entry["contribution"])[row][slice(*np.asarray(entry["core"])[row])] for row in rows]
    titles = [_title(pattern) for pattern in table.iloc[rows].itertuples()]
    longest = max(map(len, logos))
    width = max(4.5, 0.8 + 0.22 * longest, 0.8 + 0.09 * max(map(len, titles)))
    if ax is not None:
        _draw(ax, logos[0], titles[0], longest)
        ax.set_ylabel("mean contribution", fontsize="medium")
        return paper.finish(ax.figure, ax)
    figure = paper.figure(width, 1.5 * len(rows) + 0.4)
    for panel, logo, title in zip(figure.subplots(len(rows), 1, squeeze=False)[:, 0], logos, titles, strict=True):
        _draw(panel, logo, title, longest)
    figure.suptitle(str(chosen), fontsize="large")
    figure.supylabel("mean contribution", fontsize="medium")
    return paper.finish(figure, figure)


def _draw(ax: Axes, logo: Any, title: str, width: int) -> None:
    from scbasset_tl.pl._logo import draw_logo

    draw_logo(ax, logo, start=1)
    ax.set_title(title, fontsize="medium", loc="left")
    ax.set_xticks([])
    ax.set_xlim(0.5, width + 0.5)
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def _title(pattern: Any) -> str:
    named = f"{pattern.motif} (p = {pattern.p_value:.0e}), " if pattern.motif else ""
    return f"{named}{pattern.n_sites} sites"
