"""Parameter texts shared by several docstrings, each written once."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")

DATA = """\
data
    AnnData of cells × peaks, or a MuData that holds one."""
MOD = """\
mod
    Modality of a MuData to work on; ignored for an AnnData."""
COPY = """\
copy
    Return a changed copy of the same container type instead of writing in place."""
KEY = """\
key
    Entry of ``.uns`` that a trained model was written to (``key_added`` of :func:`scbasset_tl.tl.scbasset`)."""
ACCELERATOR = """\
accelerator
    Where the network reads sequences: ``"cpu"``, ``"gpu"``, or ``"auto"``, which takes a GPU if there is one. Results agree to
    rounding: TF32 is switched off."""
RNG = """\
rng
    Seed or :class:`numpy.random.Generator`. The same seed on the same machine gives the same result."""
LAYER = """\
layer
    Layer with the accessibility matrix; ``None`` is ``.X``. Stored values above zero count as open."""
AX = """\
ax
    Axes to draw in, e.g. one of :func:`matplotlib.pyplot.subplots`."""
FIGSIZE = """\
figsize
    Width and height of the figure in inches. By default what fits the content; plots without a size of their own follow
    ``figure.figsize`` of matplotlib, for each panel, where it has been set (as ``sc.set_figure_params`` does)."""
SHOW = """\
show
    Show the figure at once. ``None``: if the backend has a screen, and neither ``ax`` is given nor the figure returned.
    ``False``: it stays pyplot's current figure, which ``plt.savefig`` writes.
return_fig
    Return the figure. It is then the caller's alone: pyplot neither shows nor keeps it."""

_TEXTS = {
    "data": DATA,
    "mod": MOD,
    "copy": COPY,
    "key": KEY,
    "accelerator": ACCELERATOR,
    "rng": RNG,
    "layer": LAYER,
    "ax": AX,
    "figsize": FIGSIZE,
    "show": SHOW,
}


def doc_params(function: F) -> F:
    """Fill ``{data}``, ``{mod}`` … in a docstring (braces of other meaning are doubled there)."""
    function.__doc__ = cleandoc(function.__doc__ or "").format(**_TEXTS)
    return function
