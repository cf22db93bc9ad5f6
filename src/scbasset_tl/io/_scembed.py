"""A trained scEmbed model as a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path

if TYPE_CHECKING:
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.scembed.store import RegionEmbedding


@doc_params
def write_scembed(
    data: AnnData | MuData | RegionEmbedding, path: str | PathLike[str], *, key: str = "scembed", mod: str = "atac"
) -> None:
    """Write a scEmbed model as a folder: region vectors (``model.safetensors``), ``config.json`` and ``universe.bed``.

    Parameters
    ----------
    data
        Data with a model of :func:`scbasset_tl.tl.scembed`, or a :class:`scbasset_tl.io.RegionEmbedding`.
    path
        Folder to write; it is made if it is not there.
    key
        Entry of ``.uns`` with the model.
    {mod}

    Raises
    ------
    KeyError
        If there is no model under ``key``.
    ValueError
        If a vector is NaN or infinite.
    NotADirectoryError
        If ``path`` is a file.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scembed(adata, n_latent=8, max_epochs=2)
    >>> sb.io.write_scembed(adata, "model")
    """
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.scembed.store import RegionEmbedding, read_embedding, save_folder

    model = data if isinstance(data, RegionEmbedding) else read_embedding(resolve(data, mod), key)
    save_folder(as_path("path", path), model)


def read_scembed(path: str | PathLike[str]) -> RegionEmbedding:
    """Read a model written by :func:`scbasset_tl.io.write_scembed`.

    Parameters
    ----------
    path
        The folder.

    Returns
    -------
    :class:`scbasset_tl.io.RegionEmbedding`, which :func:`scbasset_tl.tl.map_cells` takes as its reference.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged or they do not fit together.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scembed(adata, n_latent=8, max_epochs=2)
    >>> sb.io.write_scembed(adata, "model")
    >>> sb.io.read_scembed("model").vectors.shape
    (200, 8)
    """
    from scbasset_tl._adata.scembed.store import load_folder

    return load_folder(as_path("path", path))
