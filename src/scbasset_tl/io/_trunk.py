"""A trained trunk as a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path, check_own, replacing

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl.nn.trunk import Trunk


@doc_params
def write_trunk(data: AnnData | MuData, path: str | Path, *, key: str = "scbasset", mod: str = "atac") -> None:
    """Write the trunk of a model, which knows no cells, as one safetensors file with its shape in the header.

    Parameters
    ----------
    {data}
    path
        File to write; an existing one is replaced in one step.
    {key}
    {mod}

    Raises
    ------
    KeyError
        If there is no model under ``key``.
    FileNotFoundError
        If the folder of ``path`` does not exist.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.io.write_trunk(adata, "trunk.safetensors")
    """
    import numpy as np

    from scbasset_tl._adata.model.store import is_trunk_file, read_network
    from scbasset_tl._adata.resolve import resolve

    blob = np.ascontiguousarray(read_network(resolve(data, mod), key).entry["weights"], dtype=np.uint8)
    path = as_path("path", path)
    check_own(path, is_trunk_file, "a file of io.write_trunk")
    with replacing(path, n_bytes=blob.nbytes) as temporary:
        temporary.write_bytes(blob.tobytes())


def read_trunk(path: str | Path) -> Trunk:
    """Read a trunk written by :func:`write_trunk`.

    Parameters
    ----------
    path
        The safetensors file.

    Returns
    -------
    :class:`scbasset_tl.nn.trunk.Trunk` in evaluation mode on the CPU: one-hot DNA (B, 4, seq_len) to peak vectors
    (B, n_latent).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or was not written by :func:`write_trunk`.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.io.write_trunk(adata, "trunk.safetensors")
    >>> sb.io.read_trunk("trunk.safetensors").config.n_latent
    32
    """
    from scbasset_tl._adata.model.store import read_trunk_file

    return read_trunk_file(as_path("path", path), "path")
