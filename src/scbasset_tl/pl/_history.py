"""The course of a training run, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData


@doc_params
def history(
    data: AnnData | MuData,
    *,
    key: str = "scbasset",
    mod: str = "atac",
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Loss and auROC of each epoch; the epoch whose weights were kept is marked.

    The auROC of training peaks is that of the training steps (dropout and augmentation on, weights moving), so that
    it can lie below that of validation peaks.

    Parameters
    ----------
    {data}
    {key}
    {mod}
    ax
        Axes to draw the auROC in; the loss has its own scale on their right side.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else the
    :class:`matplotlib.axes.Axes` of the auROC.

    Raises
    ------
    KeyError
        If there is no such model, or it was not trained here.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=2)
    >>> sb.pl.history(adata, show=False).get_xlabel()
    'epoch'
    """
    from scbasset_tl._adata.model.store import read_network
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.get import history as read_history
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize, ax=ax)
    adata = resolve(data, mod)
    table = read_history(adata, key=key)
    ax = paper.axes(5, 3.4, panels=(1, 1))
    draw_history(ax, table, best_epoch=int(read_network(adata, key).entry["history"]["best_epoch"]))
    return paper.finish(ax.figure, ax)


def draw_history(ax: Axes, table: pd.DataFrame, *, best_epoch: int) -> None:
    """Draw the auROC on the left scale, the loss on the right one, with one legend."""
    from matplotlib.ticker import MaxNLocator

    from scbasset_tl.pl._show import legend_below

    # a single epoch is a point, which a line alone would not show
    style: dict[str, Any] = {"marker": "o", "markersize": 3} if len(table) < 30 else {}
    lines = ax.plot(table.index, table["train_auroc"], color="tab:blue", label="auROC, training peaks", **style)
    if table["val_auroc"].notna().any():
        lines += ax.plot(table.index, table["val_auroc"], color="tab:orange", label="auROC, validation peaks", **style)
    loss_ax = ax.twinx()
    lines += loss_ax.plot(table.index, table["loss"], color="tab:gray", linestyle="--", label="loss", **style)
    lines.append(
        ax.axvline(best_epoch, color="black", linewidth=0.8, linestyle=":", label=f"best epoch ({best_epoch})")
    )
    ax.set(xlabel="epoch", ylabel="auROC per cell", xlim=(0.5, len(table) + 0.5))
    loss_ax.set_ylabel("loss (cross-entropy)", color="dimgray")
    loss_ax.tick_params(axis="y", colors="dimgray")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    legend_below(ax, handles=lines)
