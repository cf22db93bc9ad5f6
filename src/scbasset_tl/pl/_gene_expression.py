"""Gene scores against expression, before and after denoising."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from scbasset_tl.metrics import GeneExpression


@doc_params
def gene_expression(
    result: GeneExpression,
    *,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Draw the correlations of gene scores and expression, per cell and per gene :cite:p:`Yuan2022`.

    With a baseline, each point is a cell or a gene: its correlation with the baseline on the x axis, with the scores on
    the y axis. Denoising has improved the points above the line. Without a baseline, histograms.

    Parameters
    ----------
    result
        What :func:`scbasset_tl.metrics.gene_expression_correlation` returned.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of two
    :class:`matplotlib.axes.Axes`.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=200)
    >>> genes = pd.DataFrame({{"gene": ["TF1", "TF2", "TF3"], "chr": "chr1", "tss": [3_000, 12_000, 20_000]}})
    >>> sb.tl.gene_scores(mdata, genes, kind="raw")
    >>> result = sb.metrics.gene_expression_correlation(mdata, key="gene_scores_raw")
    >>> sb.pl.gene_expression(result, show=False).shape
    (2,)
    """
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    figure = paper.figure(8, 4, panels=(1, 2))
    axes = figure.subplots(1, 2)
    for ax, kind, table in zip(axes, ("cell", "gene"), (result.per_cell, result.per_gene), strict=True):
        ax.set_title(f"{len(table):,} {kind}{'' if len(table) == 1 else 's'}, median r {table['r'].median():.2f}")
        if "r_baseline" not in table:
            ax.hist(table["r"], bins=40, color="C0")
            ax.axvline(0, color="0.5", lw=1)
            ax.set(xlabel=f"Pearson r per {kind}", ylabel=f"{kind}s")
            continue
        dense = len(table) > 500
        ax.plot(
            table["r_baseline"],
            table["r"],
            ".",
            ms=4 if dense else 9,
            alpha=0.3 if dense else 0.7,
            mew=0,
            color="C0",
            rasterized=True,
        )
        low, high = table.min().min(), table.max().max()
        limits = (low - 0.05 * (high - low), high + 0.05 * (high - low))
        ax.axline((0, 0), slope=1, color="0.5", lw=1)
        above = (table["r"] > table["r_baseline"]).mean()
        ax.text(0.97, 0.03, f"{above:.0%} above the line", transform=ax.transAxes, ha="right")
        ax.set(xlabel=f"Pearson r per {kind}, baseline", ylabel=f"Pearson r per {kind}", xlim=limits, ylim=limits)
        ax.set_aspect("equal")
    return paper.finish(figure, axes)
