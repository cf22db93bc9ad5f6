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
    >>> import scbasset_tl as sb
    >>> place = np.array([[0.0], [0.1], [0.3], [9.0], [9.1], [9.3]])
    >>> adata = anndata.AnnData(np.zeros((6, 1)), obsm={{"X_scbasset": place, "X_rna": -place}})
    >>> sb.metrics.neighbor_score(adata, other_rep="X_rna", k=2)
    1.0
    """
    import numpy as np

    from scbasset_tl._adata.cells import paired_representations
    from scbasset_tl.stats.neighbors import nearest, shared_fraction

    numbers, generator = neighbor_numbers(k), as_generator(rng)
    _, *pair = paired_representations(data, use_rep, other_rep, mod, other_mod)
    one, two = (nearest(x, max(numbers), rng=generator)[0] for x in pair)
    scores = {number: shared_fraction(one[:, :number], two[:, :number]) for number in numbers}
    return scores if np.ndim(k) else scores[numbers[0]]
