"""Read a model trained with the original scBasset."""

from __future__ import annotations

from hashlib import file_digest
from math import prod
from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path
from scbasset_tl._keys import DNA_CODE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from anndata import AnnData

    from scbasset_tl._adata.model.batches import Batches
    from scbasset_tl.nn.keras_layout import Dense, KerasWeights
    from scbasset_tl.nn.trunk import Trunk

D = TypeVar("D")
_VERB = "tl.load_keras_weights"


@doc_params
def load_keras_weights(
    data: D,
    path: str | Path,
    *,
    batch_key: str | Sequence[str] | None = None,
    accelerator: str = "auto",
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Read a model trained with the original scBasset :cite:p:`Yuan2022` into the slots of :func:`scbasset_tl.tl.scbasset`.

    Weights-only and whole-model files of legacy Keras (HDF5) and of Keras 3 (``.weights.h5``, ``.keras``), plain and
    batch-corrected. Such a file holds neither the names nor the order of its cells: ``data`` must hold the cells of the training, in the order of the training.

    Parameters
    ----------
    {data}
    path
        The ``.h5``, ``.weights.h5`` or ``.keras`` file.
    batch_key
        For a batch-corrected file: the ``.obs`` column or columns with the batches. The file's batches are taken to
        be their categories in sorted order, column after column. The file has the layer of the batches before
        that of the cells; if the lengths of the two say the opposite, the lengths decide.
    accelerator
        Where the peak vectors are computed: ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"cuda"``.
    {mod}
    key_added
        Name for all slots instead of those below (``obs`` gets ``f'{{key_added}}_bias'``).
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['X_scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cell vectors (n_obs, n_latent).
    `adata.obs['scbasset_bias' | f'{{key_added}}_bias']` : :class:`pandas.Series` (dtype `float32`)
        Cell biases: depth on the logit scale.
    `adata.varm['scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Peak vectors (n_vars, n_latent); only if ``varm['dna_code']`` holds sequences of the model's length.
    `adata.uns['scbasset' | key_added]` : :class:`dict`
        The trunk's weights, name and SHA-256 of the file, an empty history and the names of the other slots.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If a batch column is missing.
    ValueError
        If the file is not one of scBasset's legacy Keras files, or does not fit the cells or the batches.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.io.write_keras_weights(adata, "model.h5")
    >>> sb.tl.load_keras_weights(adata, "model.h5", key_added="again")
    >>> bool((adata.obsm["again"] == adata.obsm["X_scbasset"]).all())
    True
    """
    from scbasset_tl._adata.kinds import MODEL
    from scbasset_tl._adata.model.store import write_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim
    from scbasset_tl._log import info
    from scbasset_tl.nn.keras_layout import read_weights

    source, path = writable(data, mod, copy=copy), as_path("path", path)
    slots = claim(source, MODEL, key_added, verb=_VERB)
    if not path.is_file():
        message = f"path={str(path)!r}: there is no such file."
        raise FileNotFoundError(message)
    weights = read_weights(path)
    cells, batches = _heads(source, path.name, weights.heads, batch_key)
    trunk = _trunk(weights)
    peak_embedding = _peak_embedding(source, trunk, slots["varm"], accelerator)
    with path.open("rb") as file:
        params = {"source": path.name, "sha256": file_digest(file, "sha256").hexdigest()}

    container, adata = target(data, mod, copy=copy)
    write_model(
        adata,
        key_added,
        trunk=trunk,
        cell_embedding=cells.weight,
        cell_bias=cells.bias,
        peak_embedding=peak_embedding,
        params={**params, "n_latent": weights.n_latent, "trunk": trunk.config.to_dict()},
        history={},
        batches=batches,
        verb=_VERB,
    )
    info(
        f"{path.name} does not say which cell is which: its {len(cells.bias)} cells are taken to be in the data's order"
    )
    return container if copy else None


def _heads(
    adata: AnnData, name: str, heads: Sequence[Dense], batch_key: str | Sequence[str] | None
) -> tuple[Dense, Batches | None]:
    """The cells' layer, and the batches' with the obs columns it belongs to."""
    from scbasset_tl._adata.model.batches import Batches
    from scbasset_tl._adata.model.problem import batch_columns

    columns, categories = batch_columns(adata, batch_key)
    n_batches = sum(len(levels) for levels in categories)
    *batch, cells = heads
    sizes = [len(head.bias) for head in heads]
    if sizes[0] == adata.n_obs != sizes[-1]:
        cells, *batch = heads
    if len(cells.bias) != adata.n_obs:
        message = (
            f"{name} was trained on {' or '.join(map(str, sizes[::-1]))} cells, data has {adata.n_obs}. The order of the "
            "cells is not stored in the file: data must hold the cells of the training, in that order."
        )
        raise ValueError(message)
    if not batch:
        if columns:
            message = f"{name} is not batch-corrected: leave batch_key={batch_key!r} out."
            raise ValueError(message)
        return cells, None
    if len(batch[0].bias) != n_batches:
        given = f"batch_key={batch_key!r} has {n_batches}: {categories}" if columns else "no batch_key was given"
        message = (
            f"{name} is corrected for {len(batch[0].bias)} batches, and {given}. Pass the obs column with the batches."
        )
        raise ValueError(message)
    return cells, Batches(columns, categories, batch[0].weight, batch[0].bias)


def _trunk(weights: KerasWeights) -> Trunk:
    import torch

    from scbasset_tl.nn.trunk import Trunk, TrunkConfig

    # pooling leaves no trace in the file; the original's is fixed
    seq_len = weights.n_positions * prod(TrunkConfig.pools)
    config = TrunkConfig(seq_len, weights.channels, weights.n_latent, weights.kernels)
    trunk = Trunk(config, torch.Generator())
    state = {name: torch.from_numpy(array) for name, array in weights.trunk.items()}
    trunk.load_state_dict({**trunk.state_dict(), **state})
    return trunk.eval()


def _peak_embedding(adata: AnnData, trunk: Trunk, slot: str, accelerator: str) -> np.ndarray | None:
    from scbasset_tl._adata.codes import sequence_codes
    from scbasset_tl._log import info
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.train.device import single_device

    device = single_device(accelerator)
    seq_len = trunk.config.seq_len
    codes = sequence_codes(adata) if DNA_CODE in adata.varm else None
    if codes is not None and codes.shape[1] == seq_len:
        return embed(trunk.to(device), codes).cpu().numpy()
    there = "missing" if codes is None else f"{codes.shape[1]} bp long"
    fix = f"The model reads {seq_len} bp and varm['dna_code'] is {there}: pp.add_sequences(data, fasta, seq_len={seq_len})"
    if slot in adata.varm:
        message = f"varm[{slot!r}] belongs to another model and there is nothing to replace it with. {fix}, or pass key_added=."
        raise ValueError(message)
    info(f"no peak vectors were computed. {fix}, then read again")
    return None
