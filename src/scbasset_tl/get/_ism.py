"""In-silico mutagenesis, read for cells, groups or a contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.sequence.ism_scores import ISMScores


@doc_params
def ism(
    data: AnnData | MuData,
    regions: Any = None,
    *,
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    contrast: tuple[str, str] | None = None,
    obs: Any = None,
    relative: bool = False,
    window: int | tuple[int, int] | None = None,
    fasta: str | PathLike[str] | None = None,
    key: str = "ism",
    model_key: str | None = None,
    mod: str = "atac",
) -> ISMScores:
    """What each base at each position changes in cells, groups of cells, or between two groups :cite:p:`Yuan2022`.

    It is read from what :func:`scbasset_tl.tl.ism` stored; regions and positions that are not there are computed, and
    not stored. Values are changes of depth-normalised logits.

    Parameters
    ----------
    {data}
    regions
        As in :func:`scbasset_tl.tl.ism`; all stored ones by default.
    groupby
        Column of ``.obs``: one output for each of its categories, the mean of their cells.
    groups
        Only these categories.
    contrast
        One output: the first category of this pair minus the second.
    obs
        Without ``groupby``, one output for each of these cells: names, positions, a mask or a slice; all by default.
    relative
        Subtract the mean over all cells of the data, as the original's logos do, so that differences between cell types
        stay. A contrast has no such mean.
    window
        Read only so many bp around the middle of the sequence, or its positions ``(first, last)``. By default what is
        stored, or else the whole sequence.
    fasta
        FASTA for regions that are neither stored nor peaks.
    key
        Slot that :func:`scbasset_tl.tl.ism` wrote.
    model_key
        Entry of ``.uns`` with the model; by default that of the stored mutagenesis, or else ``"scbasset"``.
    {mod}

    Returns
    -------
    :class:`scbasset_tl.get.ISMScores`; nothing is written to the data.

    Raises
    ------
    KeyError
        If nothing is stored and no region is named, or there is no such model, column, group, cell or peak.
    ValueError
        If what is stored was computed with another network than that of the model, and as in :func:`scbasset_tl.tl.ism`.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.ism(adata, [0, 1], window=30)
    >>> scores = sb.get.ism(adata, groupby="cell_type")
    >>> scores, scores.importance.shape
    (ISMScores: 5 outputs × 2 regions × 30 bp, (5, 2, 30))
    """
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.readout import output_vectors
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.sequence.ism_scores import model_of, read_scores, relative_to_all

    adata = resolve(data, mod)
    model = read_model(adata, model_of(adata, key) if model_key is None else model_key)
    vectors = output_vectors(adata, model, groupby=groupby, groups=groups, contrast=contrast, obs=obs)
    if relative and contrast is None:
        vectors = relative_to_all(vectors, model)
    return read_scores(adata, model, vectors, regions=regions, fasta=fasta, key=key, window=window)
