"""Are the batches mixed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator
from scbasset_tl._validate import check_number, check_positive_int

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def batch_mixing(
    data: AnnData | MuData,
    *,
    batch_key: str,
    label_key: str | None = None,
    use_rep: str = "X_scbasset",
    k: int = 90,
    alpha: float = 0.05,
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> dict[str, float]:
    """KBET acceptance rate :cite:p:`Buttner2019` and LISI :cite:p:`Korsunsky2019` of a representation.

    kBET tests for each cell's neighbourhood, the cell included, whether batches have the same shares in it as in all
    cells (chi-square test). LISI is the effective number of batches, or labels, among the neighbours, weighted by
    distance at a perplexity of ``k`` // 3; the median over cells is given. Both are those of scib-metrics.

    Both reward batches that are mixed everywhere, which is wrong if batches differ in their cell types: then score the
    types that they share, one at a time (``adata[adata.obs["cell_type"] == "B"]``).

    Parameters
    ----------
    {data}
    batch_key
        Column of ``.obs`` with the batches. Cells without one are left out, as neighbours too.
    label_key
        Column of ``.obs`` with labels, for instance cell types, for ``clisi``. Cells without one are left out.
    use_rep
        Entry of ``.obsm`` in which neighbours are sought (Euclidean distance).
    k
        Size of the neighbourhood, the cell itself included. The larger, the more easily kBET rejects.
    alpha
        Level of kBET's tests.
    {mod}
    {rng}
        It decides the shuffled batches, and for more than 32,768 cells the neighbours.

    Returns
    -------
    ``kbet``, the share of cells whose neighbourhood is not rejected; ``ilisi``, from 1 (one batch in every neighbourhood)
    to ``n_batches``; both for batches shuffled over the cells, ``kbet_by_chance`` and ``ilisi_by_chance``, which is what
    perfect mixing scores; and with ``label_key`` ``clisi``, from 1 (labels keep apart, as they should) to ``n_labels``.

    Raises
    ------
    KeyError
        If ``.obs`` has no such column or ``.obsm`` no ``use_rep``.
    ValueError
        If several columns are given, there are fewer than two batches, a batch of one cell, or no more than ``k`` cells.

    Examples
    --------
    >>> import anndata
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> rng = np.random.default_rng(0)
    >>> batch = np.repeat([0, 1], 50)
    >>> adata = anndata.AnnData(
    ...     obsm={{"mixed": rng.normal(size=(100, 2)), "apart": batch[:, None] + rng.random((100, 1))}}
    ... )
    >>> adata.obs["batch"] = [f"donor {{number}}" for number in batch]
    >>> [round(sb.metrics.batch_mixing(adata, batch_key="batch", use_rep=rep, k=20)["ilisi"], 1) for rep in adata.obsm]
    [1.8, 1.0]
    """
    import numpy as np

    from scbasset_tl._adata.cells import labelled_cells, representation
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.stats.mixing import inverse_simpson, kbet_p_values
    from scbasset_tl.stats.neighbors import nearest

    check_columns(batch_key=batch_key, label_key=label_key)
    adata, generator = resolve(data, mod), as_generator(rng)
    check_positive_int("k", k, minimum=6)
    check_number("alpha", alpha, low=0, high=1)
    columns = [batch_key] if label_key is None else [batch_key, label_key]
    cells, (batch, *labels) = labelled_cells(adata, *columns)
    _check_batches(adata.obs[batch_key].iloc[cells], batch_key, k)
    neighbors, distances = nearest(representation(adata, use_rep)[cells], k - 1, rng=generator)

    def lisi(group: np.ndarray) -> float:
        return float(np.median(inverse_simpson(neighbors, distances, group, k // 3)))

    def kbet(group: np.ndarray) -> float:
        return float((kbet_p_values(neighbors, group) >= alpha).mean())

    by_chance = generator.permutation(batch)
    scores = {
        "kbet": kbet(batch),
        "kbet_by_chance": kbet(by_chance),
        "ilisi": lisi(batch),
        "ilisi_by_chance": lisi(by_chance),
    }
    scores["n_batches"] = int(batch.max()) + 1
    if labels:
        scores |= {"clisi": lisi(labels[0]), "n_labels": int(labels[0].max()) + 1}
    return scores


def check_columns(**columns: str | None) -> None:
    """Refuse several columns where one is meant, by the name of the argument."""
    for argument, given in columns.items():
        if given is not None and not isinstance(given, str):
            message = (
                f"{argument} must be the name of one column of obs, got {given!r}. Join several first: "
                "adata.obs['joined'] = adata.obs[columns].astype(str).agg('_'.join, axis=1)."
            )
            raise ValueError(message)


def _check_batches(batches: pd.Series, batch_key: str, k: int) -> None:
    sizes = batches.astype(str).value_counts()
    if len(sizes) < 2:
        message = f"obs[{batch_key!r}] has one batch, {list(sizes.index)}: there is nothing to mix."
        raise ValueError(message)
    if single := sorted(sizes.index[sizes == 1]):
        message = (
            f"obs[{batch_key!r}] has {len(single)} batches of one cell, first {single[:3]}: leave them out, or join them "
            "with others."
        )
        raise ValueError(message)
    if len(batches) <= k:
        message = f"k={k} is no neighbourhood among {len(batches)} cells: pass a smaller k, e.g. a quarter of a batch."
        raise ValueError(message)
