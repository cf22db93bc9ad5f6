"""Which cells or peaks a user means, and which columns say where the peaks are."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.results import texts
from scbasset_tl._keys import DNA_CODE

if TYPE_CHECKING:
    from anndata import AnnData


def sequence_record(adata: AnnData) -> Mapping[str, Any]:
    """What :func:`scbasset_tl.pp.add_sequences` keeps in ``uns``; empty without sequences of its own."""
    record = adata.uns.get(DNA_CODE)
    return record if isinstance(record, Mapping) else {}


def region_keys(adata: AnnData) -> list[str] | None:
    """The columns of var with the regions, where the user had to name them for the sequences."""
    keys = sequence_record(adata).get("params", {}).get("region_keys")
    return None if keys is None else texts(keys)


def positions(name: str, index: pd.Index, chosen: Any) -> np.ndarray:
    """Integer positions of names, positions, a mask or a slice."""
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
    numbers = index.get_indexer(pd.Index(wanted))
    if (numbers < 0).any():
        absent = [str(value) for value in wanted[numbers < 0]]
        message = f"{name}: {len(absent)} of {len(wanted)} names are not in data.{name}_names, first {absent[:3]}."
        raise KeyError(message)
    return numbers
