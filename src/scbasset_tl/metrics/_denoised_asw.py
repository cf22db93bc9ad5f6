"""How far apart are the cell types after denoising?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


@doc_params
def denoised_asw(data: AnnData | MuData, *, label_key: str, key: str = "scbasset", mod: str = "atac") -> float:
    """Mean silhouette width of the labels by the cells' denoised accessibility, scaled to (s + 1) / 2 :cite:p:`Yuan2022`.

    The distance of two cells is 1 minus the Pearson correlation of their rows of the denoised matrix (logits without
    biases), as the paper scores denoising. It is computed from 32 numbers for each cell, without the matrix
    and without the distances of all pairs of cells.

    Parameters
    ----------
    {data}
    label_key
        Column of ``.obs`` with the labels, for instance cell types. Cells without one are left out.
    {key}
    {mod}

    Returns
    -------
    The score, from 0 (every cell nearer to another label) over .5 (labels lie in each other) to 1 (far apart).

    Raises
    ------
    KeyError
        If there is no such model or column.
    ValueError
        If there are fewer than two labels, or as many as cells.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> 0 < sb.metrics.denoised_asw(adata, label_key="cell_type") < 1
    True
    """
    from scbasset_tl._adata.cells import labelled_cells
    from scbasset_tl._adata.model.denoised import low_rank
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.metrics._cell_type_asw import scaled_silhouette

    adata = resolve(data, mod)
    matrix = low_rank(adata, read_model(adata, key), normalize_depth=True, scale="logit")
    cells, (labels,) = labelled_cells(adata, label_key)
    return scaled_silhouette(matrix.rows(cells).correlation_coordinates(), labels, label_key, cosine=True)
