"""Curves of activities that tell perturbed cells from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from scbasset_tl.metrics import Perturbation


@doc_params
def perturbation(
    result: Perturbation,
    *,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Draw the precision–recall and the ROC curve of each motif :cite:p:`Yuan2022`.

    Dotted lines are what chance gives.

    Parameters
    ----------
    result
        What :func:`scbasset_tl.metrics.perturbation` returned.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of two
    :class:`matplotlib.axes.Axes`.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    >>> sb.tl.tf_activity(adata, motif, n_background=50, n_null=0)
    >>> scores = sb.metrics.perturbation(adata, "TF1", groupby="cell_type", perturbed="type_2", control="type_1")
    >>> sb.pl.perturbation(scores, show=False).shape
    (2,)
    """
    from scbasset_tl.pl._show import canvas, legend_below

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    figure = paper.figure(8.4, 4.4 + 0.1 * len(result.summary), panels=(1, 2))
    axes = figure.subplots(1, 2)
    summary = result.summary.set_index(["motif", "method"])
    several = summary.index.get_level_values("method").nunique() > 1
    chance = summary["auprc_by_chance"].iloc[0]
    axes[0].axhline(chance, color="0.5", lw=1, ls=":")
    axes[1].axline((0, 0), slope=1, color="0.5", lw=1, ls=":")
    for ax, curve, area in zip(axes, ("pr", "roc"), ("auprc", "auroc"), strict=True):
        points = result.curves[result.curves["curve"] == curve]
        areas = summary[area].to_dict()
        motifs = list(dict.fromkeys(points["motif"]))
        for (motif, method), part in points.groupby(["motif", "method"], sort=False):
            name = f"{motif}, {method}" if several else motif
            ax.plot(
                part["x"],
                part["y"],
                color=f"C{motifs.index(motif)}",
                ls="--" if method == "baseline" else "-",
                drawstyle="steps-pre" if curve == "pr" else "default",
                label=f"{name} {areas[motif, method]:.3f}",
            )
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        legend_below(ax)
    axes[0].set(xlabel="recall", ylabel="precision", title=f"auPR (chance {chance:.3f})")
    axes[1].set(xlabel="false positive rate", ylabel="true positive rate", title="auROC")
    return paper.finish(figure, axes)
