"""Write a model into the file that its data came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path, resolved

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData


@doc_params
def write_model(data: AnnData | MuData, path: str | Path, *, key: str = "scbasset", mod: str = "atac") -> None:
    """Write a model's slots into an existing h5ad, h5mu or zarr file, without reading or writing its matrix.

    Use it for data larger than memory: after training on a backed AnnData the new slots are in memory only. In the
    file, ``obsm``, ``obs``, ``varm``, ``var`` and ``uns`` get the slots of the model, and ``var['split']`` that of the
    training; slots of the same names are replaced, all others stay as they are. If ``data`` is backed by this very file, in
    whatever mode, the file is closed meanwhile and opened again.

    The file is replaced in one step by a copy with the new slots, so that a call that is killed or interrupted, or a
    disk that is full, leaves it as it was. Where the file system can (Btrfs, XFS), the copy of an h5ad or h5mu shares
    the blocks of the old file; elsewhere the disk must have room for a second one, which is checked first. A zarr store
    is not copied but linked. What a killed call left is removed by the next. An h5ad or h5mu grows by the size of the
    model with each call, since HDF5 does not use freed room again; ``h5repack`` shrinks it.

    Parameters
    ----------
    {data}
    path
        The file, with the cells and peaks of ``data`` in the same order.
    {key}
    mod
        Modality of a MuData to work on, and of an h5mu file to write to.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If there is no model under ``key``, or the file has no modality ``mod``.
    ValueError
        If the file has other cells or peaks, is no AnnData or MuData, or is damaged.
    OSError
        If there is no space, or the file is open elsewhere.

    Examples
    --------
    >>> import anndata as ad
    >>> import scbasset_tl as sb
    >>> sb.datasets.toy(n_obs=60, n_vars=200).write_h5ad("cells.h5ad")
    >>> adata = ad.read_h5ad("cells.h5ad", backed="r")
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.io.write_model(adata, "cells.h5ad")
    >>> ad.read_h5ad("cells.h5ad", backed="r").obsm["X_scbasset"].shape
    (60, 32)
    """
    from scbasset_tl._adata.model.file import model_elements, write_elements
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._folders import restore

    adata, path = resolve(data, mod), as_path("path", path)
    elements = model_elements(adata, key)
    restore(resolved(path))
    if not path.exists():
        message = f"path={str(path)!r}: there is no such file; data.write writes a new one."
        raise FileNotFoundError(message)
    write_elements(path, adata, elements, container=data, mod=mod)
