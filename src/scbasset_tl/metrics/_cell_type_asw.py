"""How far apart are the cell types?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData


@doc_params
def cell_type_asw(data: AnnData | MuData, *, label_key: str, use_rep: str = "X_scbasset", mod: str = "atac") -> float:
    """Mean silhouette width of the labels, scaled to (s + 1) / 2 :cite:p:`Luecken2022`.

    Parameters
    ----------
    {data}
    label_key
        Column of ``.obs`` with the labels, for instance cell types. Cells without one are left out.
    use_rep
        Entry of ``.obsm`` in which distances are taken (Euclidean).
    {mod}

    Returns
    -------
    The score, from 0 (every cell nearer to another label) over .5 (labels lie in each other) to 1 (far apart). All
    pairs of cells are compared: 50,000 cells take about a minute.

    Raises
    ------
    KeyError
        If ``.obs`` has no ``label_key`` or ``.obsm`` no ``use_rep``.
    ValueError
        If there are fewer than two labels, or as many as cells.

    Examples
    --------
    >>> import anndata
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> place = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> adata = anndata.AnnData(np.zeros((4, 1)), obsm={{"X_scbasset": place}})
    >>> adata.obs["cell_type"] = ["B", "B", "T", "T"]
    >>> round(sb.metrics.cell_type_asw(adata, label_key="cell_type"), 3)
    0.944
    """
    from scbasset_tl._adata.cells import labelled_cells, representation
    from scbasset_tl._adata.resolve import resolve

    adata = resolve(data, mod)
    cells, (labels,) = labelled_cells(adata, label_key)
    return scaled_silhouette(representation(adata, use_rep)[cells], labels, label_key)


def scaled_silhouette(x: np.ndarray, labels: np.ndarray, label_key: str, *, cosine: bool = False) -> float:
    """(s + 1) / 2 for points (n, d) with the labels of ``obs[label_key]`` as numbers from 0 (n,).

    With ``cosine`` points are vectors of length 1 or 0, else their distances are Euclidean.
    """
    from scbasset_tl.stats.silhouette import cosine_silhouette, euclidean_silhouette

    n_labels = int(labels.max()) + 1
    if not 2 <= n_labels < len(x):
        message = (
            f"obs[{label_key!r}] has {n_labels} different labels for {len(x)} cells; "
            "the silhouette needs at least 2, and fewer than cells."
        )
        raise ValueError(message)
    return ((cosine_silhouette if cosine else euclidean_silhouette)(x, labels) + 1) / 2
