"""Figures that belong to the caller: pyplot learns of them only when they are to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# the backends that only write files
_SILENT = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


def will_show(*, show: bool | None, return_fig: bool) -> bool:
    """``show``, or by default whether there is a screen and nobody asked for the figure."""
    import matplotlib as mpl

    if show is None:
        return not return_fig and mpl.get_backend().lower() not in _SILENT
    return show


def new_figure(*, shown: bool, figsize: tuple[float, float]) -> Figure:
    """A figure with constrained layout; without ``shown``, pyplot does not keep it alive."""
    if shown:
        import matplotlib.pyplot as plt

        return plt.figure(figsize=figsize, layout="constrained")
    from matplotlib.figure import Figure

    return Figure(figsize=figsize, layout="constrained")


def legend_below(ax: Axes, **kwargs: Any) -> None:
    """A legend under the axis label, where it covers no data."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False, fontsize="small", **kwargs)


def finish(figure: Any, axes: Any, *, shown: bool, return_fig: bool) -> Any:
    """Show the figure if wanted; the figure, the axes, or ``None`` if they were shown."""
    if shown:
        import matplotlib.pyplot as plt

        plt.show()
    if return_fig:
        return figure
    return None if shown else axes
