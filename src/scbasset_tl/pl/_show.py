"""Figures as scanpy makes them: pyplot's current one, or drawn into the caller's axes, or handed over alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# the backends that only write files
_SILENT = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


class Canvas(NamedTuple):
    """Where a plot goes, and what its caller gets back."""

    ax: Axes | None
    figsize: tuple[float, float] | None
    shown: bool
    return_fig: bool

    def figure(self, width: float, height: float, *, panels: tuple[int, int] | None = None) -> Figure:
        """A figure with constrained layout: of the size asked for, else the one that fits the content.

        With ``panels`` (rows, columns) of no size of their own, a ``figure.figsize`` that the user has set is that of each.
        """
        import matplotlib as mpl

        size, wanted = (width, height), mpl.rcParams["figure.figsize"]
        if panels is not None and list(wanted) != list(mpl.rcParamsDefault["figure.figsize"]):
            size = wanted[0] * panels[1], wanted[1] * panels[0]
        size = self.figsize or size
        if self.return_fig and not self.shown:  # the caller's alone: pyplot would keep it alive
            from matplotlib.figure import Figure

            return Figure(figsize=size, layout="constrained")
        import matplotlib.pyplot as plt

        return plt.figure(figsize=size, layout="constrained")

    def axes(self, width: float, height: float, *, panels: tuple[int, int] | None = None) -> Axes:
        """The caller's axes, or those of a new figure."""
        return self.figure(width, height, panels=panels).add_subplot() if self.ax is None else self.ax

    def grid(
        self, n: int, per_row: int, size: tuple[float, float], *, panels: bool = False, **layout: Any
    ) -> np.ndarray:
        """Axes (n,) of a new figure, row by row, or the caller's; ``panels`` as in :meth:`figure`."""
        import numpy as np

        if self.ax is not None:
            return np.array([self.ax])
        n_rows = -(-n // per_row)
        figure = self.figure(*size, panels=(n_rows, per_row) if panels else None)
        axes = figure.subplots(n_rows, per_row, squeeze=False, **layout).ravel()
        for ax in axes[n:]:
            ax.remove()
        return axes[:n]

    def one_panel(self, n: int, what: str) -> None:
        """Refuse the caller's axes for several panels, before anything is computed."""
        if self.ax is not None and n != 1:
            message = f"ax= holds one panel, not {n} {what}: leave ax= out, or draw one of them."
            raise ValueError(message)

    def finish(self, figure: Any, axes: Any) -> Any:
        """Show the figure if wanted; the figure, the axes, or ``None`` if they were shown."""
        if self.shown:
            import matplotlib.pyplot as plt

            plt.show()
        if self.return_fig:
            return figure
        return None if self.shown else axes


def canvas(
    *, show: bool | None, return_fig: bool, figsize: Sequence[float] | None = None, ax: Axes | None = None
) -> Canvas:
    """Check the caller's arguments; ``show=None`` shows the figure on a screen, unless ``ax`` or ``return_fig`` is given."""
    import matplotlib as mpl
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        message = f"ax must be one matplotlib Axes, got {type(ax).__name__}: of several pass one, e.g. ax=axes[0]."
        raise TypeError(message)
    if ax is not None and figsize is not None:
        message = "figsize is the size of a new figure, and ax= has one already: pass one of the two."
        raise ValueError(message)
    if show is None:
        show = ax is None and not return_fig and mpl.get_backend().lower() not in _SILENT
    return Canvas(ax, _size(figsize), show, return_fig)


def _size(figsize: Sequence[float] | None) -> tuple[float, float] | None:
    from scbasset_tl._validate import check_number

    if figsize is None:
        return None
    if isinstance(figsize, str) or not hasattr(figsize, "__len__") or len(figsize) != 2:
        message = f"figsize must be (width, height) in inches, got {figsize!r}."
        raise ValueError(message)
    width, height = (check_number("figsize", value, low=0, open_low=True) for value in figsize)
    return width, height


def legend_below(ax: Axes, **kwargs: Any) -> None:
    """A legend under the axis label, where it covers no data."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False, fontsize="small", **kwargs)
