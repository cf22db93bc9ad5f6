"""In-silico mutagenesis as sequence logos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mudata import MuData


@doc_params
def ism(
    data: AnnData | MuData,
    regions: Any,
    *,
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    contrast: tuple[str, str] | None = None,
    obs: Any = None,
    relative: bool = False,
    window: int | tuple[int, int] | None = None,
    annotate: pd.DataFrame | Sequence[tuple[int, int, str]] | None = None,
    fasta: str | PathLike[str] | None = None,
    key: str = "ism",
    model_key: str | None = None,
    mod: str = "atac",
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
    show: bool | None = None,
    return_fig: bool = False,
) -> Axes | np.ndarray | Figure | None:
    """Logos of what each base contributes, one row for each group and one column for each region :cite:p:`Yuan2022`.

    The height of a letter is the logit with its base minus the mean over the four bases
    (:attr:`scbasset_tl.get.ISMScores.importance`), on one scale in all rows and columns. If letters would be too narrow
    to read, the heights alone are drawn. What :func:`scbasset_tl.tl.ism` has not stored is computed, which takes
    seconds for a region of 1,344 bp.

    Parameters
    ----------
    {data}
    regions
        One region or up to six, as in :func:`scbasset_tl.tl.ism`.
    groupby, groups, contrast, relative
        As in :func:`scbasset_tl.get.ism`. Without ``groupby`` and ``obs`` there is one row, the mean of all cells.
    obs
        Without ``groupby``, one row for each of these cells.
    window
        Draw only so many bp around the middle of the sequence, or its positions ``(first, last)``.
    annotate
        Stretches to mark above the logos: triples (start, end, label), half-open, in the coordinates of the x axis; or a
        table with these columns, or with ``motif`` for the label as :func:`scbasset_tl.get.motif_hits` has it. Columns
        ``region`` and ``chrom`` say over which regions.
    fasta
        FASTA for regions that are neither stored nor peaks.
    key
        Slot that :func:`scbasset_tl.tl.ism` wrote.
    model_key
        Entry of ``.uns`` with the model; by default that of the stored mutagenesis, or else ``"scbasset"``.
    {mod}
    ax
        Axes to draw a single row and column in.
    {figsize}
    {show}

    Returns
    -------
    ``None`` if shown, the :class:`matplotlib.figure.Figure` with ``return_fig``, else an array of
    :class:`matplotlib.axes.Axes`, rows × columns (``ax`` itself if it was given).

    Raises
    ------
    KeyError
        If there is no such model, column, group, cell or peak.
    ValueError
        For more rows or columns than can be drawn, annotations that lie outside, and as in :func:`scbasset_tl.get.ism`.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.pl.ism(adata, 0, groupby="cell_type", window=40, show=False).shape
    (5, 1)
    """
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.readout import output_vectors
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.sequence.ism_scores import model_of, read_scores, relative_to_all
    from scbasset_tl._adata.windows import find_places
    from scbasset_tl.pl import _ism_tracks as tracks
    from scbasset_tl.pl._show import canvas

    paper = canvas(show=show, return_fig=return_fig, figsize=figsize, ax=ax)
    adata = resolve(data, mod)
    model = read_model(adata, model_of(adata, key) if model_key is None else model_key)
    vectors = output_vectors(adata, model, groupby=groupby, groups=groups, contrast=contrast, obs=obs)
    if groupby is None and obs is None:
        vectors = vectors.mean().to_frame("all cells").T
        if relative:
            message = "relative=True leaves nothing of the mean of all cells: pass groupby= or obs=."
            raise ValueError(message)
    tracks.check_counts(len(vectors), len(find_places(adata, regions).name), ax)
    if relative and contrast is None:
        vectors = relative_to_all(vectors, model)
    scores = read_scores(adata, model, vectors, regions=regions, fasta=fasta, key=key, window=window)
    marks = tracks.marks_of(annotate, scores)
    if ax is not None:
        tracks.draw_into(ax, scores, marks)
        return paper.finish(ax.figure, ax)
    figure, axes = tracks.draw_tracks(scores, marks, paper)
    return paper.finish(figure, axes)
