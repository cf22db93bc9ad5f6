"""One variant: what it changes in the sequence, and for whom."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Final

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData

    from scbasset_tl._adata.sequence.variant_view import VariantView
    from scbasset_tl.pl._show import Canvas

_MAX_GROUPS: Final = 40
# inches
_LETTER, _MIN_LOGO, _MAX_LOGO = 0.11, 4.5, 12.0
_BARS, _BAR, _CHARACTER, _TICK = 2.2, 0.21, 0.075, 0.8


@doc_params
def variant_effect(
    data: AnnData | MuData,
    variant: int | str,
    *,
    fasta: str | PathLike[str],
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    logo_group: str | None = None,
    window: int = 60,
    peak: str | None = None,
    key: str = "variant_effect",
    mod: str = "atac",
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> np.ndarray | Figure | None:
    """Logos of the reference and the alternative sequence around a variant, and its effect in each group.

    The height of a letter is the logit with its base minus the mean over the four bases (in-silico mutagenesis of the
    forward strand). The sequences are aligned, with gaps where one of them has no base. The changed columns are shaded.

    Parameters
    ----------
    {data}
    variant
        Row of :func:`scbasset_tl.get.variant_effect`, ``chrom:pos:ref>alt`` (1-based), or an id. If the variant has
        several windows, the one in which it is most central is drawn.
    fasta
        FASTA file that the variants were scored with.
    groupby
        Column of ``.obs``: a bar for each of its categories, the mean over their cells. Without it, a histogram of all
        cells.
    groups
        Categories of ``groupby`` to draw; ``None`` is all.
    logo_group
        Group of the logos; ``None``: the one with the largest effect, and the mean of all cells without ``groupby``.
    window
        Columns to draw around the variant, as far as the model's window goes.
    peak
        Draw the window of this peak.
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.variant_effect` wrote.
    {mod}
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of three
    :class:`matplotlib.axes.Axes`: reference, alternative, effect.

    Raises
    ------
    KeyError
        If there is no such entry, variant, peak, column or group.
    ValueError
        If an id is that of several variants, or there are too many groups to draw.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> fasta = sb.datasets.toy_genome("toy.fa", n_vars=200)
    >>> with sb.genome.Fasta(fasta) as genome:
    ...     ref = sb.genome.decode(genome.codes("chr1", 100, 104))
    >>> deletion = pd.DataFrame({{"chr": ["chr1"], "pos": [101], "ref": [ref], "alt": [ref[0]]}})
    >>> sb.tl.variant_effect(adata, deletion, fasta)
    >>> sb.pl.variant_effect(adata, 0, fasta=fasta, groupby="cell_type", show=False).shape
    (3,)
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.kinds import VARIANT_EFFECT
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.readout import output_vectors
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import find
    from scbasset_tl._adata.sequence.variant_effect import table
    from scbasset_tl._adata.sequence.variant_view import find_row, variant_view
    from scbasset_tl._files import as_path
    from scbasset_tl.genome.fasta import Fasta
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize)
    check_positive_int("window", window)
    adata = resolve(data, mod)
    entry = find(adata, VARIANT_EFFECT, key)
    model = read_model(adata, str(entry["model"]["key"]))
    vectors = output_vectors(adata, model, groupby=groupby, groups=groups)
    row = find_row(entry, variant, peak)
    effect = pd.Series(vectors.to_numpy() @ np.asarray(entry["delta"])[row], index=vectors.index)
    whose, vector = _logo_vector(vectors, effect, groupby, logo_group)
    with Fasta(as_path("fasta", fasta)) as genome:
        view = variant_view(adata, entry, row, genome, vector, width=window)
    figure, axes = _draw(view, table(entry).iloc[row], effect, whose, paper, by_group=groupby is not None)
    return paper.finish(figure, axes)


def _logo_vector(
    vectors: pd.DataFrame, effect: pd.Series, groupby: str | None, logo_group: str | None
) -> tuple[str, np.ndarray]:
    """Name and vector of the output that the logos are of."""
    if groupby is None:
        if logo_group is not None:
            message = f"logo_group={logo_group!r} names a category of an obs column: pass it with groupby=."
            raise ValueError(message)
        return "all cells", vectors.to_numpy().mean(axis=0)
    if len(vectors) > _MAX_GROUPS:
        message = f"obs[{groupby!r}] has {len(vectors)} groups, too many to draw (at most {_MAX_GROUPS}): choose with groups=."
        raise ValueError(message)
    if logo_group is not None and logo_group not in vectors.index:
        message = f"logo_group: {logo_group!r} is not among the groups {list(vectors.index)[:20]}."
        raise KeyError(message)
    row = int(effect.abs().argmax()) if logo_group is None else list(vectors.index).index(logo_group)
    return str(vectors.index[row]), vectors.to_numpy()[row]


def _draw(
    view: VariantView, line: pd.Series, effect: pd.Series, whose: str, paper: Canvas, *, by_group: bool
) -> tuple[Figure, np.ndarray]:
    import numpy as np

    logo = min(max(_LETTER * len(view.pos), _MIN_LOGO), _MAX_LOGO)
    names = [fill(str(name), 28, max_lines=2, placeholder="…") for name in effect.index] if by_group else [""]
    longest = max(len(part) for name in names for part in name.split("\n"))
    bars = _BARS + _CHARACTER * longest
    n_lines = sum(1 + name.count("\n") for name in names)
    figure = paper.figure(logo + bars + 0.9, max(3.4, _BAR * n_lines + 1.2))
    grid = figure.add_gridspec(2, 2, width_ratios=[logo, bars])
    top = figure.add_subplot(grid[0, 0])
    bottom = figure.add_subplot(grid[1, 0], sharex=top, sharey=top)
    right = figure.add_subplot(grid[:, 1])
    _draw_logos(top, bottom, view, str(line["chrom"]), logo)
    top.set_title(fill(_title(line), int(logo / 0.09)), fontsize="medium")
    figure.supylabel(fill(f"importance, {whose} (logit)", 34, max_lines=2, placeholder="…"), fontsize="medium")
    _draw_effect(right, effect, names if by_group else None)
    return figure, np.array([top, bottom, right])


def _draw_logos(top: Axes, bottom: Axes, view: VariantView, chrom: str, width: float) -> None:
    """Both sequences on one scale, positions below."""
    import numpy as np

    from scbasset_tl.pl._ism_tracks import draw_row

    for ax, codes, importance, name in zip(
        (top, bottom), view.codes, view.importance, ("reference", "alternative"), strict=True
    ):
        ax.axvspan(view.changed[0] - 0.5, view.changed[1] - 0.5, color="0.9", linewidth=0, zorder=0)
        draw_row(ax, importance, codes, 0, width)
        ax.set_ylabel(name)
    top.tick_params(bottom=False, labelbottom=False)
    top.spines["bottom"].set_visible(False)
    # round positions, as many as have room
    step = next((step for step in (5, 10, 20, 50, 100, 200) if step * width / len(view.pos) > _TICK), 500)
    columns = np.flatnonzero((view.pos > 0) & (view.pos % step == 0))
    bottom.set_xticks(columns, [f"{view.pos[column]:,}" for column in columns])
    bottom.set_xlabel(f"position on {chrom} (1-based)")


def _draw_effect(ax: Axes, effect: pd.Series, names: list[str] | None) -> None:
    """A bar for each group, or a histogram of the cells."""
    from matplotlib.ticker import MaxNLocator

    if names is None:
        ax.hist(effect, bins=min(40, max(8, round(len(effect) ** 0.5))), color="lightsteelblue")
        ax.set_ylabel("cells")
    else:
        ax.barh(range(len(effect)), effect, color=["tab:red" if value < 0 else "tab:blue" for value in effect])
        ax.set_yticks(range(len(effect)), names)
        room = max(0, 4 - len(effect)) / 2  # two bars would be blocks
        ax.set_ylim(len(effect) - 0.4 + room, -0.6 - room)
    ax.axvline(0, color="black", linewidth=0.5)
    ax.set_xlabel("effect (logit)")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=3))
    ax.ticklabel_format(axis="x", scilimits=(-3, 3))  # small effects would have long labels
    ax.tick_params(labelsize="small")
    ax.spines[["top", "right"]].set_visible(False)


def _title(line: pd.Series) -> str:
    """The variant, shortened, its id and the peak."""
    ref, alt = (allele if len(allele) <= 12 else f"{allele[:9]}… ({len(allele)} bp)" for allele in line[["ref", "alt"]])
    named = "" if line["id"] == "." else f" ({line['id']})"
    return f"{line['chrom']}:{line['pos']:,} {ref} > {alt}{named}" + (f" in {line['peak']}" if line["peak"] else "")
