"""Do two representations give a cell the same neighbours?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator
from scbasset_tl.metrics._arguments import neighbor_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from anndata import AnnData
    from mudata import MuData


@doc_params
def neighbor_score(
    data: AnnData | MuData,
    *,
    other_rep: str,
    use_rep: str = "X_scbasset",
    k: int | Sequence[int] = 50,
    mod: str = "atac",
    other_mod: str | None = None,
    rng: int | np.random.Generator | None = 0,
) -> float | dict[int, float]:
    """Mean share of nearest neighbours that a cell has in both of two representations :cite:p:`Yuan2022`.

    Parameters
    ----------
    {data}
    other_rep
        Entry of ``.obsm`` to compare with, for instance an embedding of the RNA of the same cells.
    use_rep
        Entry of ``.obsm`` in which neighbours are sought (Euclidean distance).
    k
        Number of neighbours, the cell itself not counted; or several numbers.
    {mod}
    other_mod
        Modality of a MuData that holds ``other_rep``; ``None`` is ``mod``. It must have the same cells, in any order.
    {rng}
        Used for more than 32,768 cells only: up to there the neighbours are exact.

    Returns
    -------
    The score, from 0 to 1; for several ``k`` a dictionary of them. Unrelated representations of n cells score
    k / (n - 1).

    Raises
    ------
    KeyError
        If a representation or modality is missing.
    ValueError
        If the modalities differ in their cells, or ``k`` is not below the number of cells.

    Examples
    --------
    >>> import anndata
    >>> import numpy as np
    >>> import scbasset_tl as stl
    >>> place = np.array([[0.0], [0.1], [0.3], [9.0], [9.1], [9.3]])
    >>> adata = anndata.AnnData(np.zeros((6, 1)), obsm={{"X_scbasset": place, "X_rna": -place}})
    >>> stl.metrics.neighbor_score(adata, other_rep="X_rna", k=2)
    1.0
    """
    import numpy as np

    from scbasset_tl._adata.cells import representation
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.stats.neighbors import nearest, shared_fraction

    numbers, generator = neighbor_numbers(k), as_generator(rng)
    adata, other = resolve(data, mod), resolve(data, mod if other_mod is None else other_mod)
    if other is not adata and not (other.obs_names.is_unique and adata.obs_names.is_unique):
        message = f"cell names repeat in {mod!r} or {other_mod!r}, so that cells cannot be matched: make them unique."
        raise ValueError(message)
    order = np.arange(adata.n_obs) if other is adata else other.obs_names.get_indexer(adata.obs_names)
    if other.n_obs != adata.n_obs or (order < 0).any():
        message = (
            f"modality {mod!r} has {adata.n_obs} cells, {other_mod!r} {other.n_obs}, {int((order >= 0).sum())} of them "
            "in both; they must be the same: run muon.pp.intersect_obs(mdata) first."
        )
        raise ValueError(message)
    one, _ = nearest(representation(adata, use_rep), max(numbers), rng=generator)
    two, _ = nearest(representation(other, other_rep)[order], max(numbers), rng=generator)
    scores = {number: shared_fraction(one[:, :number], two[:, :number]) for number in numbers}
    return scores if np.ndim(k) else scores[numbers[0]]
