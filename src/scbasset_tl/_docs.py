"""Parameter texts shared by several docstrings, each written once."""

from __future__ import annotations

from functools import wraps
from inspect import cleandoc, signature
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")

_TEXTS = {
    "data": """\
data
    AnnData of cells × peaks, or a MuData that holds one.""",
    "mod": """\
mod
    Modality of a MuData to work on; ignored for an AnnData.""",
    "copy": """\
copy
    Return a changed copy of the same container type instead of writing in place.""",
    "key": """\
key
    Entry of ``.uns`` that a trained model was written to (``key_added`` of :func:`scbasset_tl.tl.scbasset`).""",
    "accelerator": """\
accelerator
    Device that reads the sequences: ``"cpu"``, ``"gpu"``, or ``"auto"``, which takes a GPU if there is one. Results
    agree to rounding: TF32 is switched off.""",
    "average": """\
average
    How the network reads each sequence: ``"none"`` as it is; ``"strands"`` both strands; ``"strands_shifts"`` each
    strand moved by -3 to 3 bases as in training, 14 readings. Peak vectors, and so logits, are the mean over the
    readings. ``None``: as the stored peak vectors were made (``average`` of :func:`scbasset_tl.tl.scbasset`); the data's
    own peaks are then not read again.""",
    "rng": """\
rng
    Seed or :class:`numpy.random.Generator`. The same seed on the same machine gives the same result.""",
    "layer": """\
layer
    Layer with the accessibility matrix; ``None`` is ``.X``. Stored values above zero count as open.""",
    "ax": """\
ax
    Axes to draw in, e.g. one of :func:`matplotlib.pyplot.subplots`.""",
    "figsize": """\
figsize
    Width and height of the figure in inches. By default it fits the content; plots without a size of their own follow
    ``figure.figsize`` of matplotlib, for each panel, where it has been set (as ``sc.set_figure_params`` does).""",
    "show": """\
show
    Show the figure at once. ``None``: if the backend has a screen, and neither ``ax`` is given nor the figure returned.
    ``False``: it stays pyplot's current figure, which ``plt.savefig`` writes.
return_fig
    Return the figure. It is then the caller's alone: pyplot neither shows nor keeps it.""",
}

_ELSEWHERE = {
    "seed": "rng=",
    "random_state": "rng=",
    "max_epoch": "max_epochs=",
    "n_epochs": "max_epochs=",
    "epochs": "max_epochs=",
    "train_size": "fractions=(0.9, 0.05, 0.05) of pp.split_peaks",
    "validation_size": "fractions=(0.9, 0.05, 0.05) of pp.split_peaks",
    "use_gpu": 'accelerator="gpu"',
    "device": 'accelerator="gpu"',
    "labels_key": "label_key=",
    "cluster_key": "groupby=",
    "n_components": "n_latent=",
    "n_dims": "n_latent=",
    "embedding_dim": "n_latent=",
    "modality": "mod=",
    "strands": "average=",
    "inplace": "copy=True, which returns a changed copy",
    "save": "return_fig=True and fig.savefig(path)",
}
"""What arguments of scanpy, scvi-tools and geniml are called here, or what does their work."""


def doc_params(function: F) -> F:
    """Fill ``{data}``, ``{mod}`` … in a docstring (braces of other meaning are doubled there).

    An argument that other packages have is refused with what it is called here.
    """
    parameters = signature(function).parameters
    names = set(parameters)
    ordered = [name for name, parameter in parameters.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]

    @wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        for name in kwargs.keys() & _ELSEWHERE.keys() - names:
            ours = _ELSEWHERE[name]
            if ours.partition("=")[0] in names or " of " in ours:
                message = f"{function.__name__}() has no argument {name!r}; use {ours}."
                raise TypeError(message)
        if len(args) > len(ordered):
            message = (
                f"{function.__name__}() takes only {', '.join(ordered)} by position: name every other argument, as in "
                f"argument={args[len(ordered)]!r:.40}."
            )
            raise TypeError(message)
        return function(*args, **kwargs)

    call.__doc__ = cleandoc(function.__doc__ or "").format(**_TEXTS)
    return call  # type: ignore[return-value]
