"""Batch mixing against label score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDES: Final = ((1, 1), (-1, -1), (1, -1), (-1, 1))


@doc_params
def compare_models(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Draw :func:`scbasset_tl.metrics.compare_models`: what each model gives up in label score for mixing.

    Up and to the right is better. Models that know the batches are joined in the order of ``l2_cell``; the recommended one
    has a ring, and the dashed line is perfect mixing (batches shuffled over the cells). Models in the grey part lose more label
    score than ``max_loss`` of :func:`scbasset_tl.metrics.compare_models` allows, and are not recommended however well they mix.

    Parameters
    ----------
    table
        What :func:`scbasset_tl.metrics.compare_models` returned.
    {ax}
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else the
    :class:`matplotlib.axes.Axes`.

    Raises
    ------
    KeyError
        If ``table`` is another.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> columns = {{"l2_cell": [0, 1e-6], "label_score": [0.9, 0.89], "ilisi": [1.3, 1.7]}}
    >>> table = pd.DataFrame(
    ...     {{**columns, "ilisi_by_chance": 1.9, "recommended": [False, True]}}, index=["l2_0", "l2_1e-06"]
    ... )
    >>> sb.pl.compare_models(table, show=False).get_ylabel()
    'iLISI'
    """
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize, ax=ax)
    needed = ["l2_cell", "label_score", "ilisi", "ilisi_by_chance", "recommended"]
    if missing := [name for name in needed if name not in table]:
        message = f"table lacks the columns {missing}: pass what metrics.compare_models returned."
        raise KeyError(message)
    ax = paper.axes(5, 4, panels=(1, 1))
    path = table[table["l2_cell"].notna()].sort_values("l2_cell", kind="stable")
    ax.plot(path["label_score"], path["ilisi"], color="lightsteelblue", zorder=1)
    ax.scatter(table["label_score"], table["ilisi"], color="tab:blue", zorder=2)
    best = table[table["recommended"]]
    ax.scatter(best["label_score"], best["ilisi"], s=150, facecolors="none", edgecolors="tab:orange", linewidths=2)
    # weak strengths lie at nearly one point: each name goes to another side than the one before it
    for number, (key, row) in enumerate(table.sort_values(["l2_cell", "label_score"], kind="stable").iterrows()):
        side, up = _SIDES[number % len(_SIDES)]
        ax.annotate(
            str(key),
            (row["label_score"], row["ilisi"]),
            xytext=(6 * side, 6 * up),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="bottom" if up > 0 else "top",
        )
    ax.axhline(table["ilisi_by_chance"].mean(), color="grey", linestyle="--", linewidth=1)
    ax.margins(x=0.25, y=0.15)
    if "max_loss" in table.attrs:
        left, right = ax.get_xlim()
        least = table["label_score"].max() - table.attrs["max_loss"]
        ax.axvspan(min(left, least), least, color="0.93", zorder=0)
        ax.set_xlim(left, right)
    ax.set(xlabel="label score", ylabel="iLISI")
    return paper.finish(ax.figure, ax)
