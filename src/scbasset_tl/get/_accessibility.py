"""Denoised accessibility, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    import numpy as np
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
    from scbasset_tl._adata.resolve import resolve

    check_one_of("scale", scale, ("logit", "sigmoid"))
    adata = resolve(data, mod)
    model = read_model(adata, key)
    cells, peaks = _positions("obs", adata.obs_names, obs), _positions("var", adata.var_names, var)
    if normalize_depth:
        values = model.cell_embedding[cells] @ model.require_peaks()[peaks].T
    else:
        weight, bias = model.raw_head(adata.obs)
        values = weight[cells] @ model.require_peaks()[peaks].T + bias[cells, None]
    if scale == "sigmoid":
        values = expit(values)
    return pd.DataFrame(values, index=adata.obs_names[cells], columns=adata.var_names[peaks])


def _positions(name: str, index: pd.Index, chosen: Any) -> np.ndarray:
    """Integer positions of names, positions, a mask or a slice."""
    from numbers import Integral

    import numpy as np
    import pandas as pd

    every = np.arange(len(index))
    if chosen is None:
        return every
    if isinstance(chosen, slice) and all(isinstance(end, Integral | None) for end in (chosen.start, chosen.stop)):
        return every[chosen]
    wanted = np.atleast_1d(np.asarray(chosen))
    is_text = wanted.dtype.kind in "UT" or all(isinstance(value, str) for value in wanted.flat)
    if wanted.ndim != 1 or not (is_text or wanted.dtype.kind in "bui"):
        message = f"{name} must be names, positions, a mask or a slice of positions, got {chosen!r}."
        raise ValueError(message)
    if wanted.dtype == bool:
        if len(wanted) != len(index):
            message = f"{name}: the mask has {len(wanted)} values, the data {len(index)}."
            raise ValueError(message)
        if isinstance(chosen, pd.Series) and not chosen.index.equals(index):
            message = f"{name}: the mask's index is not data.{name}_names; pass {name}=mask.loc[data.{name}_names]."
            raise ValueError(message)
        return every[wanted]
    if np.issubdtype(wanted.dtype, np.integer):
        outside = wanted[(wanted < -len(index)) | (wanted >= len(index))]
        if len(outside):
            message = f"{name}: position {outside[0]} is outside the {len(index)} of the data."
            raise KeyError(message)
        return every[wanted]
    if not index.is_unique:
        message = f"{name}: the names in data.{name}_names repeat, so that a name does not say which; pass positions."
        raise ValueError(message)
    found = index.get_indexer(pd.Index(wanted))
    if (found < 0).any():
        absent = [str(value) for value in wanted[found < 0]]
        message = f"{name}: {len(absent)} of {len(wanted)} names are not in data.{name}_names, first {absent[:3]}."
        raise KeyError(message)
    return found
