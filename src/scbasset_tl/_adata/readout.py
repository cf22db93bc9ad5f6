"""Which outputs a latent change is read for: cells, groups of cells, or a contrast of two groups."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import pandas as pd

from scbasset_tl._adata.columns import obs_column
from scbasset_tl._adata.positions import positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model


def output_vectors(
    adata: AnnData,
    model: Model,
    *,
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    contrast: tuple[str, str] | None = None,
    obs: Any = None,
) -> pd.DataFrame:
    """The vectors (n_out, K) that turn latent changes Δh (..., K) into outputs, as ``Δh @ vectors.T``.

    Without ``groupby`` they are those of the cells ``obs`` (all by default). With it they are the mean vectors of the
    categories of ``obs[groupby]`` (of ``groups`` alone if given), or with ``contrast=(a, b)`` the one difference of a
    minus b. As outputs are linear, the mean vector gives the mean of its cells' outputs.
    """
    if groupby is None:
        if groups is not None or contrast is not None:
            message = "groups= and contrast= name categories of an obs column: pass it with groupby=."
            raise ValueError(message)
        chosen = positions("obs", adata.obs_names, obs)
        return pd.DataFrame(model.cell_embedding[chosen], index=adata.obs_names[chosen])
    if obs is not None:
        message = "pass obs= for single cells or groupby= for groups, not both; subset the data to do so."
        raise ValueError(message)
    means = group_means(model.cell_embedding, adata.obs, groupby)
    if contrast is not None:
        pair = listed("contrast", contrast)
        if groups is not None or len(pair) != 2 or pair[0] == pair[1]:
            message = f"contrast must be two different groups, without groups=, got {contrast!r} and {groups!r}."
            raise ValueError(message)
        one, other = means.to_numpy()[find_groups(pair, means.index, groupby)]
        return pd.DataFrame([one - other], index=[f"{pair[0]} - {pair[1]}"])
    if groups is None:
        return means
    return means.iloc[find_groups(listed("groups", groups), means.index, groupby)]


def listed(name: str, given: Any) -> list[Any]:
    """Categories as a list; a value that is no list is a single category."""
    values = list(given) if pd.api.types.is_list_like(given) else [given]
    if not all(isinstance(value, Hashable) for value in values):
        message = f"{name} must be categories of the column groupby, got {given!r}."
        raise ValueError(message)
    return values


def group_means(vectors: np.ndarray, obs: pd.DataFrame, groupby: str) -> pd.DataFrame:
    """Mean vector of each category of ``obs[groupby]``; cells without one are left out."""
    column = _grouping_column(obs, groupby)
    return pd.DataFrame(vectors, index=obs.index).groupby(column, observed=True).mean()


def group_sizes(obs: pd.DataFrame, groupby: str) -> pd.Series:
    """Number of cells in each category of ``obs[groupby]``, in the order of :func:`group_means`."""
    column = _grouping_column(obs, groupby)
    return column.groupby(column, observed=True).size()


def _grouping_column(obs: pd.DataFrame, groupby: str) -> pd.Series:
    column = obs_column(obs, groupby, argument="groupby")
    if column.isna().all():
        message = f"groupby: no cell has a value in obs[{groupby!r}]."
        raise ValueError(message)
    return column


def group_row(vectors: np.ndarray, obs: pd.DataFrame, groupby: str, group: Any) -> tuple[pd.DataFrame, int]:
    """Mean vectors of all groups, and the row of one of them."""
    means = group_means(vectors, obs, groupby)
    wanted = listed("group", group)
    if len(wanted) != 1:
        message = f"group must be one category of obs[{groupby!r}], got {group!r}."
        raise ValueError(message)
    return means, int(find_groups(wanted, means.index, groupby)[0])


def find_groups(wanted: list[Any], categories: pd.Index, groupby: str) -> np.ndarray:
    """Positions of ``wanted`` among the ``categories`` of ``groupby``; ``.loc`` would take True and False for a mask."""
    # as objects, since the two may be of different types
    asked, has = (pd.Index(values, dtype=object, tupleize_cols=False) for values in (wanted, list(categories)))
    numbers = has.get_indexer(asked)
    if (numbers < 0).any() or not len(numbers):
        message = f"obs[{groupby!r}] has no group {list(asked[numbers < 0])}; it has {list(categories)[:20]}."
        raise KeyError(message)
    return numbers
