"""Imputed accessibility, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def imputed(
    data: AnnData | MuData,
    *,
    key: str = "atac_diff_imputed",
    obs: Any = None,
    var: Any = None,
    scale: Literal["logit", "sigmoid"] = "sigmoid",
    mod: str = "atac",
) -> pd.DataFrame:
    """Imputed accessibility of any block of cells and peaks, from :func:`scbasset_tl.tl.impute`.

    It is a product of stored slots and takes no more memory than the block asked for.

    Parameters
    ----------
    {data}
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.impute` wrote.
    obs, var
        Cells and peaks: names, positions, a mask or a slice; ``None`` is all.
    scale
        ``"sigmoid"``: the probability that the peak is open at the cell's depth; ``"logit"``.
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame` (dtype `float32`), cells × peaks.

    Raises
    ------
    KeyError
        If there is nothing imputed, or no such cell or peak.
    ValueError
        If the model was trained again since, or an argument cannot be used.
    MemoryError
        If the block would not fit into memory; nothing is computed then.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.atac_diff(adata, max_steps=20)
    >>> sb.tl.impute(adata)
    >>> sb.get.imputed(adata, obs=slice(0, 3), var=[0, 5]).shape
    (3, 2)
    """
    import pandas as pd

    from scbasset_tl._adata.atac_diff.space import decoded
    from scbasset_tl._adata.atac_diff.store import read_imputed
    from scbasset_tl._adata.positions import positions
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._space import check_memory
    from scbasset_tl._validate import check_one_of

    sigmoid = check_one_of("scale", scale, ("logit", "sigmoid")) == "sigmoid"
    adata = resolve(data, mod)
    features, decoder = read_imputed(adata, key)
    rows, columns = positions("obs", adata.obs_names, obs), positions("var", adata.var_names, var)
    what = f"a block of {len(rows):,} × {len(columns):,} values"
    check_memory(4 * len(rows) * len(columns), what, advice="ask for fewer cells or peaks at a time.")
    values = decoded(features[rows], decoder[columns], sigmoid=sigmoid).dense()
    return pd.DataFrame(values, index=adata.obs_names[rows], columns=adata.var_names[columns])
