"""Write the slots of a trained model into an existing file, without touching its matrix."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem, write_elem

from scbasset_tl._adata.backing import released
from scbasset_tl._adata.kinds import MODEL
from scbasset_tl._adata.model.store import read_model
from scbasset_tl._files import held, replacing, resolved
from scbasset_tl._folders import replacing_folder, restore
from scbasset_tl._hdf5 import safe_hdf5
from scbasset_tl._keys import SPLIT
from scbasset_tl._space import check_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

STAGE = "scbasset_tl_unfinished"
_MARGIN = 1 << 24  # what a file grows by beyond its arrays
_FICLONE: Final = 0x40049409
_ZARR_HEADERS: Final = ("zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata")


def model_elements(adata: AnnData, key: str) -> dict[tuple[str, str], Any]:
    """(Field, name) and content of every slot of a model, and the split that it was trained with."""
    model = read_model(adata, key)
    model.require_peaks()
    elements: dict[tuple[str, str], Any] = {}
    for part, slot in MODEL.slots.items():
        name, store = str(model.entry["slots"].get(part, "")), getattr(adata, slot.field)
        if name in store:
            elements[slot.field, name] = np.asarray(store[name])
    if SPLIT in adata.var:
        elements["var", SPLIT] = pd.Categorical(adata.var[SPLIT])
    return {**elements, ("uns", key): dict(model.entry)}  # last: only then is there a model


def write_elements(
    path: Path, adata: AnnData, elements: Mapping[tuple[str, str], Any], *, container: AnnData | MuData, mod: str
) -> None:
    """Put ``elements`` into the h5ad, h5mu or zarr at ``path``, in which ``adata`` has its cells and peaks.

    They are written into a copy, which takes the place of ``path`` in one step.
    """
    path = resolved(path)
    restore(path)
    need = _n_bytes(elements) + _MARGIN
    if path.is_dir():
        _check_fits(path, _zarr_root(path, "r"), adata, mod)
        check_disk(need, path.parent, f"the model in {str(path)!r}", advice="make room first.")
        with replacing_folder(path, lambda file: file.name in _ZARR_HEADERS) as copy:
            _put(_anndata_group(path, _zarr_root(copy, "r+"), mod), elements)
            _consolidate(copy)
        return
    if not h5py.is_hdf5(path):
        message = f"path={str(path)!r} is neither an h5ad or h5mu file nor a zarr store."
        raise ValueError(message)
    with released(path, container), held(path):
        with _own_handle(path) as root:
            _check_fits(path, root, adata, mod)
        with replacing(path, n_bytes=need + path.stat().st_size) as copy:
            if not _reflinked(path, copy):
                need += path.stat().st_size
                what = f"the model in {str(path)!r}, with the copy of the file that it is written to,"
                check_disk(need, path.parent, what, advice="make room first.")
                shutil.copyfile(path, copy)
            with safe_hdf5(copy, "r+") as (root, _):
                _put(_anndata_group(path, root, mod), elements)


@contextmanager
def _own_handle(path: Path) -> Iterator[h5py.File]:
    """The file, read through Python, since HDF5 would wait for our own lock."""
    with path.open("rb") as raw:
        try:
            root = h5py.File(raw, "r")
        except OSError as error:  # HDF5 names no file that Python opened
            message = f"path={str(path)!r} is damaged or was not written to its end ({error}): write it again."
            raise ValueError(message) from error
        with root:
            yield root


def _reflinked(source: Path, target: Path) -> bool:
    """Whether the file system could make a copy that shares its blocks."""
    try:
        from fcntl import ioctl
    except ImportError:  # Windows
        return False
    with source.open("rb") as old, target.open("wb") as new:
        try:
            ioctl(new.fileno(), _FICLONE, old.fileno())
        except OSError:
            return False
    return True


def _check_fits(path: Path, root: Any, adata: AnnData, mod: str) -> None:
    group = _anndata_group(path, root, mod)
    for field, names in (("obs", adata.obs_names), ("var", adata.var_names)):
        _check_names(path, group[field], field, names)


def _put(group: Any, elements: Mapping[tuple[str, str], Any]) -> None:
    if "uns" in group and STAGE in group["uns"]:  # left by an earlier version that was killed
        del group[f"uns/{STAGE}"]
    for field, name in _left_over(group, elements):
        del group[field][name]
        if field in ("obs", "var"):
            order = [str(column) for column in group[field].attrs["column-order"]]
            group[field].attrs["column-order"] = [column for column in order if column != name]
    for (field, name), value in elements.items():
        if field not in group:  # other writers leave empty ones out
            write_elem(group, field, {})
        if name in group[field]:
            del group[field][name]
        write_elem(group[field], name, value)
        if field in ("obs", "var"):
            order = [str(column) for column in group[field].attrs["column-order"]]
            group[field].attrs["column-order"] = list(dict.fromkeys([*order, name]))


def _left_over(group: Any, elements: Mapping[tuple[str, str], Any]) -> list[tuple[str, str]]:
    """Slots (field, name) of the models in the file that are replaced by models without them."""
    entries = [f"uns/{name}/slots" for field, name in elements if field == "uns"]
    before = [item for entry in entries if entry in group for item in read_elem(group[entry]).items()]
    slots = [(MODEL.slots[part].field, str(name)) for part, name in before if part in MODEL.slots]
    return [(field, name) for field, name in slots if (field, name) not in elements and name in group[field]]


def _anndata_group(path: Path, root: Any, mod: str) -> Any:
    group = root
    if "mod" in root:
        if mod not in root["mod"]:
            message = f"path={str(path)!r} has no modality {mod!r}; it has {list(root['mod'])}. Pass mod=."
            raise KeyError(message)
        group = root[f"mod/{mod}"]
    if group.attrs.get("encoding-type") != "anndata":
        message = f"path={str(path)!r} holds no AnnData as anndata 0.8 or later writes it: read it and write it anew."
        raise ValueError(message)
    return group


def _check_names(path: Path, table: Any, field: str, names: pd.Index) -> None:
    stored = np.asarray(read_elem(table[table.attrs["_index"]]), dtype=object)
    what = {"obs": "cells", "var": "peaks"}[field]
    if len(stored) != len(names):
        message = f"path={str(path)!r} has {len(stored)} {what}, data has {len(names)}: pass the file of these data."
        raise ValueError(message)
    differ = np.flatnonzero(stored != np.asarray(names, dtype=object))
    if len(differ):
        first = differ[0]
        message = (
            f"path={str(path)!r} has other {what} than data in {len(differ)} places, first {stored[first]!r} for "
            f"{names[first]!r}: pass the file of these data, with {what} in the same order."
        )
        raise ValueError(message)


def _n_bytes(value: Any) -> int:
    return sum(map(_n_bytes, value.values())) if isinstance(value, Mapping) else np.asarray(value).nbytes


def _zarr_root(path: Path, mode: Literal["r", "r+"]) -> Any:
    import zarr

    try:
        return zarr.open_group(path, mode=mode, use_consolidated=False)
    except FileNotFoundError as error:
        message = f"path={str(path)!r} is a folder, but no zarr store."
        raise ValueError(message) from error


def _consolidate(path: Path) -> None:
    """Bring the summary of a zarr store's metadata up to date, if it has one."""
    import zarr

    header = path / "zarr.json"
    if (path / ".zmetadata").exists() or (
        header.exists() and "consolidated_metadata" in json.loads(header.read_text())
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Consolidated metadata")  # the store has chosen to have it
            zarr.consolidate_metadata(path)
