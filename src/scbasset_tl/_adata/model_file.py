"""The slots of a trained model written into a file that is there, without its matrix."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem, write_elem

from scbasset_tl._adata.model import read_model
from scbasset_tl._keys import SPLIT
from scbasset_tl._space import check_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

STAGE = "scbasset_tl_unfinished"
_MARGIN = 1 << 24  # what a file grows by beyond its arrays


def model_elements(adata: AnnData, key: str) -> dict[tuple[str, str], Any]:
    """(Field, name) and content of every slot of a model, and the split that it was trained with."""
    model = read_model(adata, key)
    names = model.entry["slots"]
    elements: dict[tuple[str, str], Any] = {
        ("obsm", names["obsm"]): model.cell_embedding,
        ("obs", names["obs"]): model.cell_bias,
        ("varm", names["varm"]): model.require_peaks(),
    }
    if SPLIT in adata.var:
        elements["var", SPLIT] = pd.Categorical(adata.var[SPLIT])
    seen = model.entry["params"].get("seen")
    if seen is not None and str(seen) in adata.var:
        elements["var", str(seen)] = adata.var[str(seen)].to_numpy(dtype=bool)
    return {**elements, ("uns", key): dict(model.entry)}  # last: only then is there a model


def write_elements(
    path: Path, adata: AnnData, elements: Mapping[tuple[str, str], Any], *, container: AnnData | MuData, mod: str
) -> None:
    """Put ``elements`` into the h5ad, h5mu or zarr at ``path``, in which ``adata`` has its cells and peaks.

    They are written beside the old ones first; these then give way one after the other.
    """
    with _opened(path, container) as root:
        group = _anndata_group(path, root, mod)
        for field, names in (("obs", adata.obs_names), ("var", adata.var_names)):
            _check_names(path, group[field], field, names)
        # an HDF5 file whose disk fills up while it is written to may be lost
        check_disk(_n_bytes(elements) + _MARGIN, path.parent, f"the model in {str(path)!r}", advice="make room first.")
        stage = f"uns/{STAGE}"
        try:
            write_elem(group["uns"], STAGE, {field: {} for field, _ in elements})
            for (field, name), value in elements.items():
                write_elem(group[f"{stage}/{field}"], name, value)
            for field, name in elements:
                _move(path, group, f"{stage}/{field}/{name}", f"{field}/{name}")
                if field in ("obs", "var"):
                    order = [str(column) for column in group[field].attrs["column-order"]]
                    group[field].attrs["column-order"] = list(dict.fromkeys([*order, name]))
        finally:
            if STAGE in group["uns"]:
                del group[stage]
    if path.is_dir():
        _consolidate(path)


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
    found = np.asarray(read_elem(table[table.attrs["_index"]]), dtype=object)
    what = {"obs": "cells", "var": "peaks"}[field]
    if len(found) != len(names):
        message = f"path={str(path)!r} has {len(found)} {what}, data has {len(names)}: pass the file of these data."
        raise ValueError(message)
    differ = np.flatnonzero(found != np.asarray(names, dtype=object))
    if len(differ):
        first = differ[0]
        message = (
            f"path={str(path)!r} has other {what} than data in {len(differ)} places, first {found[first]!r} for "
            f"{names[first]!r}: pass the file of these data, with {what} in the same order."
        )
        raise ValueError(message)


def _n_bytes(value: Any) -> int:
    return sum(map(_n_bytes, value.values())) if isinstance(value, Mapping) else np.asarray(value).nbytes


def _move(path: Path, group: Any, source: str, target: str) -> None:
    if target in group:
        del group[target]
    if isinstance(group, h5py.Group):
        group.move(source, target)
    else:  # zarr has no such function, and a folder for each element
        folder = path / group.path
        (folder / source).rename(folder / target)


@contextmanager
def _opened(path: Path, container: AnnData | MuData) -> Iterator[Any]:
    """The file, writable."""
    if path.is_dir():
        import zarr

        try:
            root = zarr.open_group(path, mode="r+", use_consolidated=False)
        except FileNotFoundError as error:
            message = f"path={str(path)!r} is a folder, but no zarr store."
            raise ValueError(message) from error
        yield root
        return
    if not h5py.is_hdf5(path):
        message = f"path={str(path)!r} is neither an h5ad or h5mu file nor a zarr store."
        raise ValueError(message)
    with _released(path, container):
        try:
            file = h5py.File(path, "r+")
        except OSError as error:
            message = f"path={str(path)!r} cannot be written ({error}). If it is open elsewhere, close it there."
            raise OSError(message) from error
        with file:
            yield file


@contextmanager
def _released(path: Path, container: AnnData | MuData) -> Iterator[None]:
    """Close the file of backed data meanwhile: HDF5 does not open a file for reading and for writing at once."""
    if not container.isbacked or not path.samefile(container.file.filename):
        yield
        return
    container.file.close()
    try:
        yield
    finally:
        container.file.open()


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
