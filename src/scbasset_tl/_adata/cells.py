"""What a score reads of the cells: one representation or two, and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.columns import obs_column
from scbasset_tl._adata.resolve import resolve
from scbasset_tl._adata.results import texts
from scbasset_tl._log import info
from scbasset_tl._validate import check_name, check_one_of

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


METRICS = ("euclidean", "cosine")


def representation(adata: AnnData, use_rep: str, metric: str = "euclidean") -> np.ndarray:
    """``obsm[use_rep]`` as finite floats (n_obs, d); for ``metric="cosine"`` as :func:`directions`."""
    check_one_of("metric", metric, METRICS)
    if check_name("use_rep", use_rep) not in adata.obsm:
        message = (
            f"obsm has no {use_rep!r}; it has {list(adata.obsm)}. tl.scbasset writes 'X_scbasset', and tl.map_cells does for "
            "new cells; pass use_rep= for another embedding."
        )
        raise KeyError(message)
    stored = adata.obsm[use_rep]
    x: Any = np.asarray(stored)
    if x.ndim != 2 or x.dtype.kind not in "buif" or not x.shape[1]:
        message = (
            f"obsm[{use_rep!r}] must be a dense numeric array (n_obs, d), got {type(stored).__name__} of shape "
            f"{stored.shape} and dtype {getattr(stored, 'dtype', x.dtype)}."
        )
        raise ValueError(message)
    if not len(x):
        message = f"obsm[{use_rep!r}] has 0 cells; there must be at least one."
        raise ValueError(message)
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if bad.size:
        message = (
            f"obsm[{use_rep!r}] is NaN or infinite for {bad.size} cells, first {list(adata.obs_names[bad[:3]])}: "
            "leave these cells out."
        )
        raise ValueError(message)
    x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
    return directions(x)[0] if metric == "cosine" else x


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, whose Euclidean distances order as cosine distances do; rows of zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length == 0, 1, length))


def directions(*vectors: np.ndarray) -> list[np.ndarray]:
    """Rows of length 1; if any are zeros one more column, in which these are 1: at a cosine distance of 1 from all others."""
    blank = [~rows.any(axis=1) for rows in vectors]
    units = [unit_length(rows) for rows in vectors]
    if not any(rows.any() for rows in blank):
        return units
    return [np.column_stack(parts) for parts in zip(units, blank, strict=True)]


def paired_representations(
    data: AnnData | MuData, use_rep: str, other_rep: str, mod: str, other_mod: str | None
) -> tuple[pd.Index, np.ndarray, np.ndarray]:
    """Names of the cells, and their places in ``obsm[use_rep]`` of ``mod`` and ``obsm[other_rep]`` of ``other_mod``.

    ``other_mod=None`` is ``mod``. Both must have the same cells, in any order.
    """
    adata = resolve(data, mod)
    other = adata if other_mod is None else resolve(data, other_mod, argument="other_mod")
    if other is not adata:
        check_unique(adata.obs_names, f"cell names repeat in modality {mod!r}")
        check_unique(other.obs_names, f"cell names repeat in modality {other_mod!r}")
    order = np.arange(adata.n_obs) if other is adata else other.obs_names.get_indexer(adata.obs_names)
    if other.n_obs != adata.n_obs or (order < 0).any():
        message = (
            f"modality {mod!r} has {adata.n_obs} cells, {other_mod!r} {other.n_obs}, {int((order >= 0).sum())} of them "
            "in both; they must be the same: run muon.pp.intersect_obs(mdata) first."
        )
        raise ValueError(message)
    return adata.obs_names, representation(adata, use_rep), representation(other, other_rep)[order]


def labelled_cells(adata: AnnData, *columns: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Positions of the cells with a value in all ``columns`` of obs, and their codes (0, 1, …) in each column."""
    for column in columns:
        obs_column(adata.obs, check_name("label_key", column))
    labelled = adata.obs[list(columns)].notna().all(axis=1).to_numpy()
    if not labelled.any():
        message = f"no cell has a value in obs[{list(columns)}]: there is nothing to score."
        raise ValueError(message)
    if not labelled.all():
        info(f"{int((~labelled).sum())} of {adata.n_obs} cells have no {' or no '.join(columns)}; they are left out.")
    return np.flatnonzero(labelled), [pd.factorize(adata.obs[column].to_numpy()[labelled])[0] for column in columns]


def check_unique(names: pd.Index, what: str) -> None:
    """Refuse ``names`` that repeat; ``what`` begins the error, such as "cell names repeat in the data"."""
    if not names.is_unique:
        repeated = texts(names[names.duplicated()].unique()[:3])
        message = f"{what}, such as {repeated}, so that they cannot be matched: make them unique."
        raise ValueError(message)
