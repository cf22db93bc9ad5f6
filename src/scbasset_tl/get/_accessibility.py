"""Denoised accessibility, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def accessibility(
    data: AnnData | MuData,
    *,
    obs: Any = None,
    var: Any = None,
    normalize_depth: bool = True,
    scale: Literal["logit", "sigmoid"] = "logit",
    key: str = "scbasset",
    mod: str = "atac",
) -> pd.DataFrame:
    """Predicted accessibility of any block of cells and peaks :cite:p:`Yuan2022`.

    A product of stored slots: no genome, no network, and no more memory than the block asked for.

    ======================  =====================  ======================================================
    ``normalize_depth``     ``scale``              value for peak vector h, cell vector w, cell bias c
    ======================  =====================  ======================================================
    true                    ``"logit"``            h · w, the paper's depth-normalised accessibility
    true                    ``"sigmoid"``          sigmoid(h · w), the original code's since 2023
    false                   ``"logit"``            h · w + c
    false                   ``"sigmoid"``          sigmoid(h · w + c), the model's probability
    ======================  =====================  ======================================================

    In a batch-corrected model the normalised values leave the batches out, the others hold each cell's own.

    Parameters
    ----------
    {data}
    obs, var
        Cells and peaks: names, positions, a mask or a slice; ``None`` is all.
    normalize_depth
        Leave the cells' biases (and batches) out.
    scale
        ``"logit"`` or ``"sigmoid"``.
    {key}
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame` (dtype `float32`), cells × peaks.

    Raises
    ------
    KeyError
        If there is no such model, cell or peak.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.get.accessibility(adata, obs=slice(0, 3), var=[0, 5]).shape
    (3, 2)
    """
    import pandas as pd
    from scipy.special import expit

    from scbasset_tl._adata.model import read_model
    from scbasset_tl._adata.positions import positions
    from scbasset_tl._adata.resolve import resolve

    check_one_of("scale", scale, ("logit", "sigmoid"))
    adata = resolve(data, mod)
    model = read_model(adata, key)
    cells, peaks = positions("obs", adata.obs_names, obs), positions("var", adata.var_names, var)
    if normalize_depth:
        values = model.cell_embedding[cells] @ model.require_peaks()[peaks].T
    else:
        weight, bias = model.raw_head(adata.obs)
        values = weight[cells] @ model.require_peaks()[peaks].T + bias[cells, None]
    if scale == "sigmoid":
        values = expit(values)
    return pd.DataFrame(values, index=adata.obs_names[cells], columns=adata.var_names[peaks])
