"""What a vote on labels reads: vectors of query and reference in one space, and the reference's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scbasset_tl._adata.cells import labelled_cells, representation
from scbasset_tl._adata.columns import obs_column

if TYPE_CHECKING:
    from anndata import AnnData


class Voters(NamedTuple):
    """The labelled cells of a reference."""

    vectors: np.ndarray  # (m, d)
    codes: np.ndarray  # (m,)
    categories: list[str]  # sorted


def voters(reference: AnnData, label_key: str, use_rep: str, k: int) -> Voters:
    """The cells of the reference that have a label; at least ``k``."""
    cells, _ = labelled_cells(reference, label_key)
    if len(cells) < k:
        message = f"reference: obs[{label_key!r}] has {len(cells)} labelled cells, fewer than k={k}: pass a smaller k."
        raise ValueError(message)
    labels = pd.Categorical(reference.obs[label_key].iloc[cells].astype(str))
    return Voters(representation(reference, use_rep)[cells], np.asarray(labels.codes), list(labels.categories))


def query_vectors(query: AnnData, use_rep: str, width: int) -> np.ndarray:
    """The vectors of the cells to label."""
    vectors = representation(query, use_rep)
    if vectors.shape[1] != width:
        message = (
            f"query: obsm[{use_rep!r}] has {vectors.shape[1]} columns, the reference's vectors {width}: they are not in one "
            "space. Map the query onto the reference's model with tl.map_cells(query, reference)."
        )
        raise ValueError(message)
    return vectors


def cluster_majority(names: np.ndarray, query: AnnData, cluster_key: str) -> np.ndarray:
    """The most frequent name in each cell's cluster; a cell without a cluster keeps its own."""
    clusters = obs_column(query.obs, cluster_key, argument="cluster_key").astype(object).to_numpy()
    if pd.isna(clusters).all():
        return names
    most = pd.crosstab(clusters, names).idxmax(axis=1)
    return np.array([most.get(cluster, name) for cluster, name in zip(clusters, names, strict=True)], dtype=object)
