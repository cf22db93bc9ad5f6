"""Write a model in the original's file format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData
    from mudata import MuData


@doc_params
def write_keras_weights(data: AnnData | MuData, path: str | Path, *, key: str = "scbasset", mod: str = "atac") -> None:
    """Write a model as a weight file that the original scBasset :cite:p:`Yuan2022` loads (legacy Keras, HDF5).

    Cells are written in the order of ``data``; the format keeps neither their names nor the batches'. The file appears
    complete or not at all, and replaces an existing one.

    Parameters
    ----------
    {data}
    path
        File to write, usually ending in ``.h5``; not in ``.weights.h5``, which Keras takes for another format.
    {key}
    {mod}

    Raises
    ------
    KeyError
        If there is no model under ``key``.
    ValueError
        If the model's shape is not the original's, which has eight convolutions and fixed pooling.
    FileNotFoundError
        If the folder of ``path`` does not exist.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.io.write_keras_weights(adata, "model.h5")
    """
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.nn.keras_layout import Dense, KerasWeights, write_weights
    from scbasset_tl.nn.trunk import TrunkConfig

    adata, path = resolve(data, mod), as_path("path", path)
    if path.name.endswith(".weights.h5"):
        message = (
            f"path={str(path)!r}: Keras takes '.weights.h5' for its version 3 format; use another name ending in '.h5'."
        )
        raise ValueError(message)
    model = read_model(adata, key)
    trunk = model.trunk()
    if trunk.config.pools != TrunkConfig.pools:
        message = (
            f"uns[{key!r}] holds a trunk that pools by {trunk.config.pools}; the original pools by {TrunkConfig.pools} "
            "and its file cannot say otherwise. Keep the model with data.write_h5ad, or its trunk with io.write_trunk."
        )
        raise ValueError(message)
    heads = [Dense(model.cell_embedding, model.cell_bias)]
    if model.batches is not None:
        heads.insert(0, Dense(model.batches.weight, model.batches.bias))
    write_weights(path, KerasWeights({name: tensor.numpy() for name, tensor in trunk.state_dict().items()}, heads))
