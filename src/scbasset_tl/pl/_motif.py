"""The logo of one motif."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scbasset_tl.genome.motifs import Motif


@doc_params
def motif(
    motif: Motif,
    *,
    information: bool = True,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Logo of a motif: the letters of each position by their share of its information content.

    Parameters
    ----------
    motif
        The motif, e.g. one of those from :func:`scbasset_tl.io.read_motifs`.
    information
        Heights in bits, against equally frequent bases; otherwise probabilities.
    {ax}
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else the
    :class:`matplotlib.axes.Axes`.

    Raises
    ------
    TypeError
        If ``motif`` is something else.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> gata = sb.genome.Motif("MA1", "GATA1", [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0.9, 0, 0, 0.1]])
    >>> sb.pl.motif(gata, show=False).get_ylabel()
    'bits'
    """
    from matplotlib.ticker import MaxNLocator

    from scbasset_tl.genome import motifs
    from scbasset_tl.pl._logo import draw_logo
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize, ax=ax)
    if not isinstance(motif, motifs.Motif):
        message = (
            f"motif must be one scbasset_tl.genome.Motif, got {type(motif).__name__}; io.read_motifs gives a list."
        )
        raise TypeError(message)
    ax = paper.axes(max(3.5, 0.8 + 0.3 * len(motif)), 2.2)
    heights = motif.pwm * motifs.information(motif.pwm)[:, None] if information else motif.pwm
    draw_logo(ax, heights, start=1)
    ax.set(ylim=(0, 2 if information else 1), ylabel="bits" if information else "probability", xlabel="position (bp)")
    ax.set_title(motif.name if motif.name == motif.id else f"{motif.name}\n{motif.id}", fontsize="medium")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.spines[["top", "right"]].set_visible(False)
    return paper.finish(ax.figure, ax)
