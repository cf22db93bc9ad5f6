"""What more cells or reads bring, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from scbasset_tl.metrics import LearningCurve

_LABELS: Final = {
    "auroc_per_cell": "auROC per cell",
    "auroc_per_peak": "auROC per peak",
    "label_score": "label score",
}


@doc_params
def learning_curve(
    result: LearningCurve,
    *,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Draw the scores against cells and against open peaks per cell, with the curves through them.

    The dotted part of a curve is a guess: what twice the data would give.

    Parameters
    ----------
    result
        What :func:`scbasset_tl.metrics.learning_curve` returned.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of
    :class:`matplotlib.axes.Axes`, one for cells and one for reads, as far as there are such curves.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> curve = sb.metrics.learning_curve(adata, cells=[20, 60], reads=(1.0,), trunk=4, max_epochs=1)
    >>> sb.pl.learning_curve(curve, show=False).shape
    (1,)
    """
    import numpy as np

    from scbasset_tl.pl._show import canvas, legend_below
    from scbasset_tl.stats.power_law import PowerLaw

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    axes_of = list(dict.fromkeys(result.table["axis"]))
    figure = paper.figure(4.4 * len(axes_of), 4, panels=(1, len(axes_of)))
    axes = figure.subplots(1, len(axes_of), squeeze=False)[0]
    for ax, axis in zip(axes, axes_of, strict=True):
        part = result.table[result.table["axis"] == axis]
        n = part["n_cells" if axis == "cells" else "depth"].to_numpy(dtype=float)
        for number, (score, label) in enumerate(_LABELS.items()):
            if score not in part:
                continue
            ax.plot(n, part[score], "o", color=f"C{number}", label=label)
            fitted = result.fits[(result.fits["axis"] == axis) & (result.fits["score"] == score)]
            for row in fitted.itertuples():
                law = PowerLaw(row.limit, row.gain, row.exponent)
                for low, high, style in ((n.min(), n.max(), "-"), (n.max(), 2 * n.max(), ":")):
                    x = np.geomspace(low, high, 50)
                    ax.plot(x, law.at(x), style, color=f"C{number}")
        ax.set_xscale("log")
        ends = sorted({*n.round(), round(2 * n.max())})  # powers of ten and their parts would cover each other
        ax.set_xticks(ends, [f"{end:,.0f}" for end in ends])
        ax.minorticks_off()
        ax.set(xlabel="cells" if axis == "cells" else "open peaks per cell", ylabel="score")
        legend_below(ax)
    return paper.finish(figure, axes)
