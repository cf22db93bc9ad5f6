"""Masked entries and what was predicted for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from scbasset_tl._adata.cells import check_unique
from scbasset_tl._adata.columns import obs_column
from scbasset_tl._adata.matrix import open_peaks, slot_name
from scbasset_tl._validate import check_name

if TYPE_CHECKING:
    from anndata import AnnData


def masked_entries(adata: AnnData, layer: str | None, masked: str) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Open entries before and after masking, bool CSR."""
    if check_name("masked", masked) == layer:
        message = (
            f"masked={masked!r} and layer={layer!r} are one layer: name the one with fewer open entries as masked."
        )
        raise ValueError(message)
    full, kept = open_peaks(adata, layer), open_peaks(adata, masked)
    n_common = int(full.multiply(kept).nnz)
    if n_common < kept.nnz:
        message = (
            f"layers[{masked!r}] has {kept.nnz - n_common:,} open entries that {slot_name(layer)} does not have: it is not "
            "made from it by masking. Use pp.downsample_counts(data, 0.9, by='entries'), or name the layers with masked= and layer=."
        )
        raise ValueError(message)
    if n_common == full.nnz:
        message = f"layers[{masked!r}] has all {full.nnz:,} open entries of {slot_name(layer)}: nothing is masked."
        raise ValueError(message)
    return full, kept


def group_shares(adata: AnnData, opened: sparse.csr_matrix, label_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Share of the cells of each label in which each peak is open, and the number of each cell's label, -1 for none."""
    codes, _ = pd.factorize(obs_column(adata.obs, label_key, argument="label_key"))
    if not (codes >= 0).any():
        message = f"label_key: no cell has a value in obs[{label_key!r}]."
        raise ValueError(message)
    labelled = np.flatnonzero(codes >= 0)
    member = sparse.csr_matrix(
        (np.ones(len(labelled)), (codes[labelled], labelled)), shape=(codes.max() + 1, adata.n_obs)
    )
    return (member @ opened).toarray() / np.bincount(codes[labelled])[:, None], codes


def predictions(adata: AnnData, predicted: pd.DataFrame | str) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the cells that are predicted, and the predictions (n, n_vars) in the order of the peaks."""
    if isinstance(predicted, str):
        if predicted not in adata.layers:
            message = f"predicted: layers has no {predicted!r}; it has {list(adata.layers)}."
            raise KeyError(message)
        values = adata.layers[predicted]
        values = values.toarray() if sparse.issparse(values) else np.asarray(values)
        cells = np.arange(adata.n_obs)
    elif isinstance(predicted, pd.DataFrame):
        check_unique(adata.obs_names, "cell names repeat in the data")
        check_unique(predicted.columns, "predicted: peak names repeat in its columns")
        cells, peaks = adata.obs_names.get_indexer(predicted.index), predicted.columns.get_indexer(adata.var_names)
        for what, names, position in (("cells", predicted.index, cells), ("peaks", adata.var_names, peaks)):
            if (position < 0).any():
                where = "not in the data" if what == "cells" else "missing in its columns"
                message = (
                    f"predicted: {int((position < 0).sum())} of {len(position)} {what} are {where}, first "
                    f"{str(names[position < 0][0])!r}; it must be cells × all peaks of the data."
                )
                raise KeyError(message)
        values = predicted.to_numpy()[:, peaks]
    else:
        message = (
            f"predicted must be a DataFrame, cells × peaks, or the name of a layer, got {type(predicted).__name__}."
        )
        raise TypeError(message)
    if not np.isfinite(values).all():
        message = f"predicted has {int((~np.isfinite(values)).sum())} values that are NaN or infinite."
        raise ValueError(message)
    return cells, values
