"""Do a cell's neighbours share its label?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator
from scbasset_tl.metrics._arguments import neighbor_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def label_score(
    data: AnnData | MuData,
    *,
    label_key: str,
    use_rep: str = "X_scbasset",
    metric: Literal["euclidean", "cosine"] = "euclidean",
    k: int | Sequence[int] = 50,
    by_label: bool = False,
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> float | dict[int, float] | pd.Series | pd.DataFrame:
    """Mean share of a cell's nearest neighbours that have its label :cite:p:`Yuan2022`.

    Parameters
    ----------
    {data}
    label_key
        Column of ``.obs`` with the labels, for instance cell types. Cells without one are left out, as neighbours too.
    use_rep
        Entry of ``.obsm`` in which neighbours are sought.
    metric
        Distance between two cells. ``"cosine"`` ignores the length of the vectors, which in scBasset's embedding grows with a
        cell's number of reads; the original uses Euclidean distance.
    k
        Number of neighbours, the cell itself not counted; or several numbers.
    by_label
        Give the mean over the cells of each label by itself: which types are told apart.
    {mod}
    {rng}
        Used for more than 32,768 cells only: up to there the neighbours are exact.

    Returns
    -------
    The score, from 0 to 1; for several ``k`` a dictionary of them. With ``by_label`` a :class:`pandas.Series` of the labels'
    scores, or for several ``k`` a :class:`pandas.DataFrame` with a column for each.

    Raises
    ------
    KeyError
        If ``.obs`` has no ``label_key`` or ``.obsm`` no ``use_rep``.
    ValueError
        If ``k`` is not below the number of labelled cells, or the representation is not finite.

    Examples
    --------
    >>> import anndata
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> place = np.array([[0.0], [0.1], [0.3], [9.0], [9.1], [9.3]])
    >>> adata = anndata.AnnData(np.zeros((6, 1)), obsm={{"X_scbasset": place}})
    >>> adata.obs["cell_type"] = ["B", "B", "T", "T", "T", "T"]
    >>> sb.metrics.label_score(adata, label_key="cell_type", k=[1, 2])
    {{1: 0.8333333333333334, 2: 0.6666666666666666}}
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.cells import labelled_cells, representation
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.stats.neighbors import nearest

    adata, numbers = resolve(data, mod), neighbor_numbers(k)
    cells, (labels,) = labelled_cells(adata, label_key)
    neighbors, _ = nearest(representation(adata, use_rep, metric)[cells], max(numbers), rng=as_generator(rng))
    same = labels[neighbors] == labels[:, None]
    if by_label:
        names = adata.obs[label_key].iloc[cells].astype(str).to_numpy()
        table = pd.DataFrame({number: same[:, :number].mean(axis=1) for number in numbers}).groupby(names).mean()
        return table if np.ndim(k) else table[numbers[0]].rename("label_score")
    scores = {number: float(same[:, :number].mean()) for number in numbers}
    return scores if np.ndim(k) else scores[numbers[0]]
