"""Does a cell's RNA find its own ATAC in a common space?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@dataclass(frozen=True, repr=False)
class RankDistance:
    """R_c of each cell, from 1 (RNA and ATAC of the cell are nearest to each other) to the number of cells."""

    per_cell: pd.Series

    @property
    def mean_rank(self) -> float:
        """Mean of R_c; (n + 1) / 2 by chance."""
        return float(self.per_cell.mean())

    @property
    def foscttm(self) -> float:
        """Fraction of samples closer than the true match, (R_c - 1) / (n - 1) on average, .5 by chance."""
        return (self.mean_rank - 1) / (len(self.per_cell) - 1)

    def __repr__(self) -> str:
        return (
            f"mean rank {self.mean_rank:.1f} of {len(self.per_cell)} cells, FOSCTTM {self.foscttm:.3f} (.5 by chance)"
        )


@doc_params
def embedding_rank_distance(
    data: AnnData | MuData,
    *,
    other_rep: str,
    use_rep: str = "X_scbasset",
    mod: str = "atac",
    other_mod: str | None = None,
) -> RankDistance:
    """RNA/ATAC embedding distance: the rank of a cell's own counterpart in a co-embedding :cite:p:`Yuan2022`.

    RNA and ATAC of the same cells are embedded as if they came from different cells. The ATAC profile of a cell has a
    rank among all ATAC profiles by its distance from the cell's RNA, and its RNA has one by the distance from its ATAC.
    R_c is the mean of the two ranks; scaled to [0, 1] and averaged over cells it is FOSCTTM :cite:p:`Singh2020`. Time
    grows with the square of the number of cells, memory does not.

    Parameters
    ----------
    {data}
    other_rep
        Entry of ``.obsm`` with the cells' other profiles, in the same space as ``use_rep``, e.g. from canonical
        correlation analysis.
    use_rep
        Entry of ``.obsm`` with the cells' places in the common space (Euclidean distance).
    {mod}
    other_mod
        Modality of a MuData that holds ``other_rep``; ``None`` is ``mod``. It must have the same cells, in any order.

    Returns
    -------
    ``per_cell`` (:class:`pandas.Series`), R_c with ties counted half, its mean ``mean_rank``, and ``foscttm``.

    Raises
    ------
    KeyError
        If a representation or modality is missing.
    ValueError
        If the modalities differ in their cells, the two representations in their width, or there is one cell only.

    Examples
    --------
    >>> import anndata
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> rna, atac = np.array([[0.0], [1.0], [2.0]]), np.array([[0.1], [1.9], [1.2]])
    >>> adata = anndata.AnnData(np.zeros((3, 1)), obsm={{"X_scbasset": atac, "X_rna": rna}})
    >>> sb.metrics.embedding_rank_distance(adata, other_rep="X_rna").per_cell.tolist()
    [1.0, 2.0, 2.0]
    """
    import pandas as pd

    from scbasset_tl._adata.cells import paired_representations
    from scbasset_tl.stats.rank_distance import counterpart_ranks

    names, one, other = paired_representations(data, use_rep, other_rep, mod, other_mod)
    if one.shape[1] != other.shape[1] or len(one) < 2:
        message = (
            f"obsm[{use_rep!r}] has shape {one.shape}, obsm[{other_rep!r}] {other.shape}: distances between them need one "
            "common space and at least 2 cells. Embed both together first, e.g. by sklearn.cross_decomposition.CCA."
        )
        raise ValueError(message)
    ranks = counterpart_ranks(one, other)
    return RankDistance(pd.Series((ranks[0] + ranks[1]) / 2, index=names, name="rank"))
