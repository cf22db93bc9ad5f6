"""Batches of a batch-corrected model: their columns of ``obs``, their names, and their vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.columns import pack_categories, say_level, unpack_categories

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Batches:
    """Batch vectors (b, n_latent) and biases (b,) of a batch-corrected model, and the obs columns they belong to."""

    columns: list[str]
    categories: list[list[str]]  # one list for each column
    weight: np.ndarray
    bias: np.ndarray

    def design(self, obs: pd.DataFrame) -> np.ndarray:
        """Row of ``weight`` for each cell and column, int64 (n_obs, n_columns)."""
        return batch_design(obs, self.columns, self.categories)


def batch_design(obs: pd.DataFrame, columns: list[str], categories: list[list[str]]) -> np.ndarray:
    """Index of each cell's category in the concatenated ``categories``, int64 (n_obs, n_columns)."""
    design, first = np.empty((len(obs), len(columns)), dtype=np.int64), 0
    for number, (column, levels) in enumerate(zip(columns, categories, strict=True)):
        if column not in obs:
            message = f"obs[{column!r}], the batch column of this model, is missing."
            raise KeyError(message)
        say_level(obs, column)
        values = batch_names(obs[column], levels)
        codes = pd.Categorical(values, categories=levels).codes
        if (codes < 0).any():
            unknown = sorted(set(values[codes < 0]))
            message = f"obs[{column!r}] has batches {unknown[:5]} that the model does not know; it knows {levels}."
            raise ValueError(message)
        design[:, number] = codes.astype(np.int64) + first
        first += len(levels)
    return design


def batch_names(values: pd.Series, levels: list[str]) -> pd.Series:
    """A batch column as text, with each number written as the batches ``levels`` write it: 0, 0.0 and "0" are one batch."""
    if values.isna().any():
        message = (
            f"obs[{values.name!r}], a batch column, has no value for {int(values.isna().sum())} cells; fill them first."
        )
        raise ValueError(message)
    numbers = {number: level for level in reversed(levels) if (number := _number(level)) is not None}
    text = values.astype(str)
    same = {name: numbers[number] for name in set(text) - set(levels) if (number := _number(name)) in numbers}
    return text.replace(same)


def _number(text: str) -> float | None:
    """The number that a batch is called by, or ``None``; "01" and "1_0" are names."""
    plain = text.removesuffix(".0")
    try:
        return float(text) if plain == str(int(plain)) else None
    except ValueError:
        return None


def pack_batches(batches: Batches) -> dict[str, Any]:
    """What ``uns`` keeps of the batches."""
    return {
        **pack_categories(batches.columns, batches.categories),
        "weight": np.array(batches.weight, dtype=np.float32),
        "bias": np.array(batches.bias, dtype=np.float32),
    }


def unpack_batches(stored: Mapping[str, Any]) -> Batches:
    """The batches that :func:`pack_batches` made an entry of."""
    return Batches(*unpack_categories(stored), np.asarray(stored["weight"]), np.asarray(stored["bias"]))
