"""Columns of ``obs`` from a modality and from its MuData, and a warning where both have one of the same name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scbasset_tl._adata.results import texts
from scbasset_tl._log import warning
from scbasset_tl._validate import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_LEVELS: Final = "_scbasset_tl_levels"
_SHOWN: Final = 20
_CLUSTERINGS: Final = ("leiden", "louvain")


@dataclass
class _Levels:
    """Columns that the MuData has as well, and those of them that the user was warned about."""

    shared: pd.DataFrame
    mod: str
    said: set[str] = field(default_factory=set)


def both_levels(obs: pd.DataFrame, shared: pd.DataFrame, mod: str) -> pd.DataFrame:
    """``obs`` of modality ``mod`` with those columns of ``shared``, the MuData's, that it lacks; neither changes."""
    both = obs.copy(deep=False)
    more = shared[shared.columns.difference(obs.columns, sort=False)]
    if len(more.columns):
        # names are mostly in one order, and comparing them is faster than finding each
        both = both.join(more.set_axis(obs.index) if shared.index.equals(obs.index) else more.reindex(obs.index))
    if len(twice := shared.columns.intersection(obs.columns)):
        # an attribute, not a column: it stays behind wherever the table is copied or cut
        object.__setattr__(both, _LEVELS, _Levels(shared[twice], mod))
    return both


def column_names(argument: str, given: Any) -> list[str]:
    """The names that a user gave as text or as a list, none of them twice."""
    names = [check_name(argument, name) for name in (given if isinstance(given, list | tuple) else [given])]
    if len(set(names)) < len(names):
        message = f"{argument} names a column twice: {names}."
        raise ValueError(message)
    return names


def pack_categories(columns: list[str], categories: list[list[str]]) -> dict[str, Any]:
    """Columns and the categories of each as what ``uns`` keeps."""
    # flat lists: a column name as a dictionary key may hold characters that files refuse
    return {
        "columns": list(columns),
        "n_categories": [len(levels) for levels in categories],
        "categories": [level for levels in categories for level in levels],
    }


def unpack_categories(stored: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The inverse of :func:`pack_categories`."""
    columns, flat = texts(stored["columns"]), texts(stored["categories"])
    ends = np.cumsum(np.asarray(stored["n_categories"], dtype=int))
    return columns, [flat[first:end] for first, end in zip([0, *ends[:-1]], ends, strict=True)]


def obs_column(obs: pd.DataFrame, column: Any, *, argument: str = "") -> pd.Series:
    """The column that a user named by ``argument``; warns if the MuData has another of that name."""
    if check_name(argument or "a column of obs", column) not in obs:
        prefix = f"{argument}: " if argument else ""
        message = f"{prefix}obs has no column {column!r}; it has {list(obs.columns)[:_SHOWN]}."
        if column in _CLUSTERINGS:
            message += f" scanpy.tl.{column} writes it, after scanpy.pp.neighbors."
        raise KeyError(message)
    say_level(obs, column)
    return obs[column]


def as_text(column: pd.Series) -> np.ndarray:
    """Values as text; whole numbers are written as such, as pandas makes floats of them where a value is missing."""
    numbers = column.cat.categories if hasattr(column, "cat") else column
    if numbers.dtype.kind != "f":
        return np.asarray(column.astype(object).astype(str), dtype=object)
    column = column.astype(numbers.dtype)
    whole = (column.dropna() % 1 == 0).all()
    return np.asarray(column.astype("Int64" if whole else object).astype(str), dtype=object)


def say_level(obs: pd.DataFrame, column: str) -> None:
    """Warn once that the modality's column was read, where that of the MuData holds other values."""
    levels: _Levels | None = getattr(obs, _LEVELS, None)
    if levels is None or column not in levels.shared or column in levels.said:
        return
    levels.said.add(column)
    ours = obs[column].astype(object)
    theirs = levels.shared[column].reindex(obs.index).astype(object)
    differ = int(((ours != theirs) & ~(ours.isna() & theirs.isna())).sum())
    if differ:
        warning(
            f"{column!r} is a column of mdata[{levels.mod!r}].obs and of mdata.obs, with other values in {differ:,} of "
            f"{len(obs):,} cells: that of mdata[{levels.mod!r}].obs is read. Rename one of them"
        )
