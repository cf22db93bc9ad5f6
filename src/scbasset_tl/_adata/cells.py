"""What a score reads of the cells: a representation and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._log import info
from scbasset_tl._validate import check_name

if TYPE_CHECKING:
    from anndata import AnnData


def representation(adata: AnnData, use_rep: str) -> np.ndarray:
    """``obsm[use_rep]`` as finite floats (n_obs, d)."""
    if check_name("use_rep", use_rep) not in adata.obsm:
        message = f"obsm has no {use_rep!r}; it has {list(adata.obsm)}. tl.scbasset writes 'X_scbasset'; pass use_rep=."
        raise KeyError(message)
    stored = adata.obsm[use_rep]
    x: Any = np.asarray(stored)
    if x.ndim != 2 or x.dtype.kind not in "buif" or not x.shape[1]:
        message = (
            f"obsm[{use_rep!r}] must be a dense numeric array (n_obs, d), got {type(stored).__name__} of shape "
            f"{stored.shape} and dtype {getattr(stored, 'dtype', x.dtype)}."
        )
        raise ValueError(message)
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if bad.size:
        message = (
            f"obsm[{use_rep!r}] is NaN or infinite for {bad.size} cells, first {list(adata.obs_names[bad[:3]])}: "
            "leave these cells out."
        )
        raise ValueError(message)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def labelled_cells(adata: AnnData, *columns: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Positions of the cells with a value in all ``columns`` of obs, and their codes (0, 1, …) in each column."""
    for column in columns:
        if check_name("label_key", column) not in adata.obs:
            message = f"obs has no column {column!r}; it has {list(adata.obs.columns)[:20]}."
            raise KeyError(message)
    known = adata.obs[list(columns)].notna().all(axis=1).to_numpy()
    if not known.any():
        message = f"no cell has a value in obs[{list(columns)}]: there is nothing to score."
        raise ValueError(message)
    if not known.all():
        info(f"{int((~known).sum())} of {adata.n_obs} cells have no {' or no '.join(columns)}; they are left out.")
    return np.flatnonzero(known), [pd.factorize(adata.obs[column].to_numpy()[known])[0] for column in columns]
