"""From what the user passed to the AnnData that a verb reads and writes."""

from __future__ import annotations

from copy import copy as shallow
from os import PathLike
from typing import TYPE_CHECKING, TypeVar

from anndata import AnnData

from scbasset_tl._adata.columns import both_levels
from scbasset_tl._keys import FEATURE_TYPES, GENES, PEAKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from mudata import MuData


D = TypeVar("D")


READ_PEAKS = "scanpy.read_10x_h5 leaves peaks out unless called with gex_only=False"


def resolve(data: AnnData | MuData, mod: str = "atac", *, argument: str = "mod") -> AnnData:
    """The AnnData to read: ``data`` itself, or modality ``mod`` of a MuData with the columns of ``mdata.obs`` beside its own.

    A column that both have is that of the modality, which :func:`say_level` tells. Errors call ``mod`` by its ``argument``.
    """
    own = _modality(data, mod, argument)
    adata = _with_tables(own)
    _check_columns(adata)
    return adata if own is data else _with_shared_columns(adata, data.obs, mod)


def _modality(data: AnnData | MuData, mod: str, argument: str = "mod") -> AnnData:
    if isinstance(data, AnnData):
        return data
    from mudata import MuData

    if not isinstance(data, MuData):
        message = f"data must be an AnnData or a MuData, got {_type_name(data)}."
        if isinstance(data, str | PathLike):
            message += " Read it first, e.g. anndata.read_h5ad(path)."
        elif ways := [name for name in ("to_memory", "to_adata") if hasattr(data, name)]:
            message += f" Pass an anndata.AnnData: data.{ways[0]}()."
        elif data is None:
            message += " Functions of pp and tl change the data and return None: call sb.pp.filter_peaks(adata), not adata = sb.pp.filter_peaks(adata)."
        elif hasattr(data, "shape"):
            message += " Make one of cells × peaks, anndata.AnnData(matrix), with the peaks' regions (chr1:100-600) as var_names."
        raise TypeError(message)
    if mod not in data.mod:
        meant = {"mod": "the ATAC modality", "rna": "the RNA modality"}.get(argument, "one of these")
        message = f"MuData has no modality {mod!r}; it has {list(data.mod)}. Pass {argument}= with the name of {meant}."
        raise KeyError(message)
    return data.mod[mod]


def _with_tables(adata: AnnData) -> AnnData:
    """Lazily read data (``anndata.experimental.read_lazy``) with ``obs`` and ``var`` in memory, and the rest where it is."""
    if not hasattr(adata.obs, "to_memory"):
        return adata
    twin = shallow(adata)
    twin._obs, twin._var = adata.obs.to_memory(), adata.var.to_memory()
    return twin


def _check_columns(adata: AnnData) -> None:
    """Refuse two columns of one name, as ``pandas.concat(axis=1)`` makes them: none of them could be meant."""
    for name, table in (("obs", adata.obs), ("var", adata.var)):
        if not table.columns.is_unique:
            twice = list(dict.fromkeys(table.columns[table.columns.duplicated()]))
            message = (
                f"data.{name} has several columns called {twice[0]!r}: data.{name} = data.{name}.loc[:, "
                f"~data.{name}.columns.duplicated()] keeps the first."
            )
            raise ValueError(message)


def _with_shared_columns(adata: AnnData, shared: pd.DataFrame, mod: str) -> AnnData:
    """``adata`` with more columns of ``obs``: everything else is the same memory, and ``adata`` does not change."""
    # names that are not unique cannot be matched
    if shared.columns.empty or not shared.index.is_unique:
        return adata
    twin = shallow(adata)
    twin._obs = both_levels(adata.obs, shared, mod)  # twin.obs = would copy the matrix of a view
    return twin


def _type_name(data: object) -> str:
    """The class; with its package where the name alone could be anndata's."""
    kind = type(data)
    ambiguous = any(name in kind.__name__ for name in ("AnnData", "MuData"))
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}" if ambiguous else kind.__name__


def writable(data: AnnData | MuData, mod: str, *, copy: bool) -> AnnData:
    """As :func:`resolve`, for a verb that writes: refuses, before any work, what could not be written to after it."""
    adata = resolve(data, mod)
    if adata.isbacked and adata.is_view and not copy:
        message = (
            "data is a part of a backed AnnData, which cannot be written to: pass copy=True, or data.to_memory() instead "
            "of data."
        )
        raise ValueError(message)
    return adata


def writable_peaks(
    data: AnnData | MuData, mod: str, *, copy: bool, region_keys: Sequence[str] | None = None
) -> AnnData:
    """As :func:`writable`, for a verb whose columns must be peaks: neither peaks × cells nor genes beside peaks."""
    adata = writable(data, mod, copy=copy)
    if adata.n_vars == 0:
        message = f"the data have no peaks (n_vars is 0). {READ_PEAKS}."
        raise ValueError(message)
    if region_keys is None:
        from scbasset_tl.genome.regions import check_orientation

        check_orientation(adata.var, adata.obs)
    check_feature_types(adata)
    return adata


def check_feature_types(adata: AnnData) -> None:
    """Refuse genes beside peaks, as a 10x multiome matrix holds them."""
    if FEATURE_TYPES not in adata.var:
        return
    counts = adata.var[FEATURE_TYPES].astype(object).dropna().astype(str).value_counts()
    others = {kind: int(number) for kind, number in counts.items() if kind != PEAKS}
    if others and (PEAKS in counts or GENES in others):
        select = f'adata = adata[:, adata.var["{FEATURE_TYPES}"] == "{PEAKS}"].copy()'
        what = f"var[{FEATURE_TYPES!r}] has {others}"
        message = (
            f"{what} beside {counts[PEAKS]} {PEAKS}, and only peaks can be used: {select}."
            if PEAKS in counts
            else f"{what} and no {PEAKS!r}: pass the data, or mod= of the modality, that hold the peaks. {READ_PEAKS}."
        )
        raise ValueError(message)


def target(data: D, mod: str, *, copy: bool) -> tuple[D, AnnData]:
    """The container to return and the AnnData to write to; with ``copy`` both are new and ``data`` stays as it is."""
    container = data
    if copy:
        resolve(data, mod)  # fail before the copy is paid for
        container = _copy(data)
    return container, _modality(container, mod)


def _copy(data: D) -> D:
    if isinstance(data, AnnData) and data.isbacked:
        # AnnData.copy() of a backed object wants a file name; a copy in memory is what copy=True promises
        return data.to_memory()
    return data.copy()  # type: ignore[attr-defined]
