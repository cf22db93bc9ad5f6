"""Does predicted accessibility find entries that were masked?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import DOWNSAMPLED
from scbasset_tl._random import as_generator
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def imputation(
    data: AnnData | MuData,
    predicted: pd.DataFrame | str,
    *,
    masked: str = DOWNSAMPLED,
    layer: str | None = None,
    label_key: str | None = None,
    n_zeros: int = 10,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
) -> pd.DataFrame:
    """Score imputed accessibility on open entries that were masked before the model was fitted :cite:p:`Huang2024`.

    The protocol is that of ATAC-Diff: a tenth of the open entries is masked, a model is fitted to what is left, and in
    each cell its predictions at the masked entries are compared with those at ten times as many peaks that are closed.
    :func:`scbasset_tl.pp.downsample_counts` with ``by="entries"`` masks; fit everything to the layer that it writes, or the
    score means nothing.

    Parameters
    ----------
    {data}
    predicted
        Predicted accessibility, as :func:`scbasset_tl.get.imputed` and :func:`scbasset_tl.get.accessibility` give it (cells
        × all peaks; some cells are enough), or the name of a layer. Probabilities or logits; only their order within
        a cell counts for the areas.
    masked
        Layer with the entries that are left.
    layer
        Layer with all entries; ``None`` is ``.X``. Values above zero count as open.
    label_key
        Column of ``.obs``: also correlate each cell with the share of cells of its label in which each peak is open.
    n_zeros
        Closed peaks that are drawn for each masked entry.
    rng
        Seed or generator that draws them.
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame`, a row for each cell in ``predicted``: ``n_masked``, ``auroc`` and ``average_precision``, NaN
    where nothing was masked; with ``label_key`` also ``pearson`` and ``spearman``. ``.mean()`` gives the scores.

    Raises
    ------
    KeyError
        If a layer, the column, cells or peaks are missing.
    ValueError
        If no entry was masked, entries are open in ``masked`` alone, or predictions are NaN.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.pp.downsample_counts(adata, 0.9, by="entries")
    >>> sb.tl.scbasset(adata, layer="downsampled", trunk=8, max_epochs=1)
    >>> predicted = sb.get.accessibility(adata, normalize_depth=False)
    >>> list(sb.metrics.imputation(adata, predicted))
    ['n_masked', 'auroc', 'average_precision']
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.compare.imputation import group_shares, masked_entries, predictions
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.stats.imputation import correlations, masked_scores

    adata = resolve(data, mod)
    check_positive_int("n_zeros", n_zeros)
    generator = as_generator(rng)
    full, kept = masked_entries(adata, layer, masked)
    means, group = (None, None) if label_key is None else group_shares(adata, full, label_key)
    cells, values = predictions(adata, predicted)
    areas = masked_scores(values, full, kept, cells, n_zeros=n_zeros, rng=generator)
    n_masked = (np.diff(full.indptr) - np.diff(kept.indptr))[cells]
    table = {"n_masked": n_masked, "auroc": areas[:, 0], "average_precision": areas[:, 1]}
    if means is not None and group is not None:
        correlated = correlations(values, means, group[cells])
        table |= {"pearson": correlated[:, 0], "spearman": correlated[:, 1]}
    return pd.DataFrame(table, index=adata.obs_names[cells])
