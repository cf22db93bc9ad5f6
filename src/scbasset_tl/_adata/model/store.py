"""A trained scBasset model in an AnnData: the head in obsm, obs and varm, the trunk as one blob in uns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.kinds import MODEL
from scbasset_tl._adata.model.batches import pack_batches, unpack_batches
from scbasset_tl._adata.results import entry, find, fingerprint, left_over, names
from scbasset_tl._adata.write import write_slots
from scbasset_tl._keys import SCBASSET
from scbasset_tl._reading import reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    import torch
    from anndata import AnnData

    from scbasset_tl._adata.model.batches import Batches
    from scbasset_tl.nn.embed import Average
    from scbasset_tl.nn.trunk import Trunk


@dataclass(frozen=True)
class Network:
    """The part of a trained model that knows no cell."""

    key: str
    entry: Mapping[str, Any]  # uns[key]

    @cached_property
    def _trunk(self) -> Trunk:
        from safetensors import SafetensorError

        try:
            return unpack_trunk(self.entry["weights"])
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            message = (
                f"uns[{self.key!r}]['weights'], the trunk of the model, is missing or damaged: run tl.scbasset again."
            )
            raise ValueError(message) from error

    def trunk(self) -> Trunk:
        """The trunk, unpacked at most once."""
        return self._trunk

    def origin(self) -> dict[str, Any]:
        """What tells this network from another, and from itself after more training."""
        return {"key": self.key, **fingerprint(self.entry, None)}


@dataclass(frozen=True)
class Model(Network):
    """The stored parts of a trained model, checked against each other."""

    cell_embedding: np.ndarray  # (n_obs, n_latent)
    cell_bias: np.ndarray  # (n_obs,)
    peak_embedding: np.ndarray | None  # (n_vars, n_latent); None: weights were read without sequences
    batches: Batches | None

    def origin(self) -> dict[str, Any]:
        """What tells network and cells from another model's."""
        return {"key": self.key, **fingerprint(self.entry, self.cell_bias), "n_obs": len(self.cell_bias)}

    def raw_head(self, obs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Cell vectors and biases with each cell's own batch added: those of the model's probabilities."""
        weight, bias = self.cell_embedding, self.cell_bias
        if self.batches is not None:
            for rows in self.batches.design(obs).T:
                weight, bias = weight + self.batches.weight[rows], bias + self.batches.bias[rows]
        return weight, bias

    @property
    def average(self) -> Average:
        """What each peak vector is the mean of; models of earlier versions read each sequence once."""
        return str(self.entry["params"].get("average", "none"))  # type: ignore[return-value]

    def require_peaks(self) -> np.ndarray:
        """The peak embeddings, or an error that says how to get them."""
        if self.peak_embedding is None:
            message = (
                f"varm has no peak embeddings {self.entry['slots']['varm']!r} of the model {self.key!r}: run tl.scbasset "
                "again; or, if its weights came from a file, pp.add_sequences(data, fasta) and tl.load_keras_weights."
            )
            raise KeyError(message)
        return self.peak_embedding


def write_model(
    adata: AnnData,
    key_added: str | None,
    *,
    trunk: Trunk,
    cell_embedding: np.ndarray,
    cell_bias: np.ndarray,
    peak_embedding: np.ndarray | None,
    params: Mapping[str, Any],
    history: Mapping[str, Any],
    batches: Batches | None = None,
    obs: Mapping[str, Any] | None = None,
    var: Mapping[str, Any] | None = None,
    verb: str = MODEL.verb,
) -> None:
    """Store a trained model under ``key_added``, all slots or none, with further columns of ``obs`` and ``var``."""
    obs, var, slots = obs or {}, var or {}, names(MODEL, key_added)
    kept = {part: name for part, name in slots.items() if part in ("obsm", "obs", "varm") or name in {**obs, **var}}
    stored = {
        **entry(MODEL, params, kept, verb=verb),
        "weights": pack_trunk(trunk),
        "history": dict(history),
        "cells": np.sort(_float32(cell_bias)),
        "batch": {} if batches is None else pack_batches(batches),
        **environment(),
    }
    write_slots(
        adata,
        drop=left_over(adata, MODEL, slots["uns"], kept),
        obsm={slots["obsm"]: _float32(cell_embedding)},
        obs={slots["obs"]: _float32(cell_bias), **obs},
        varm={} if peak_embedding is None else {slots["varm"]: _float32(peak_embedding)},
        var=var,
        uns={slots["uns"]: stored},
    )


def read_model(adata: AnnData, key: str = SCBASSET) -> Model:
    """Find a trained model and check that its slots are there and fit together."""
    stored = find(adata, MODEL, key)
    if not adata.n_obs:
        message = "data has 0 cells; at least one is needed to read a model."
        raise ValueError(message)
    slots = stored["slots"]
    cell_embedding = np.asarray(adata.obsm[slots["obsm"]], dtype=np.float32)
    cell_bias = np.asarray(adata.obs[slots["obs"]], dtype=np.float32)
    _check_own_cells(adata, key, stored, cell_embedding, cell_bias)
    peak_embedding = np.asarray(adata.varm[slots["varm"]]) if slots["varm"] in adata.varm else None
    widths = {part.shape[1] for part in (cell_embedding, peak_embedding) if part is not None}
    if len(widths) > 1:
        message = (
            f"obsm[{slots['obsm']!r}] and varm[{slots['varm']!r}] have different widths {sorted(widths)}: "
            "they are not of one model. Run tl.scbasset again."
        )
        raise ValueError(message)
    batches = unpack_batches(stored["batch"]) if stored.get("batch") else None
    return Model(key, stored, cell_embedding, cell_bias, peak_embedding, batches)


def read_network(adata: AnnData, key: str = SCBASSET) -> Network:
    """The network of a trained model, whatever became of its cells."""
    return Network(key, find(adata, MODEL, key, whole=False))


def _check_own_cells(
    adata: AnnData, key: str, stored: Mapping[str, Any], cell_embedding: np.ndarray, cell_bias: np.ndarray
) -> None:
    """Refuse cells and peaks that came from other data when objects were joined."""
    own = np.isfinite(cell_bias) & np.isfinite(cell_embedding).all(axis=1)
    if "cells" in stored:  # models of earlier versions do not know their cells
        own &= np.isin(cell_bias, np.asarray(stored["cells"], dtype=np.float32))
    if not own.all():
        names = [str(name) for name in adata.obs_names[~own][:3]]
        slots = stored["slots"]
        message = (
            f"{int((~own).sum()):,} of {adata.n_obs:,} cells are not of the model {key!r} (first: {names}): their "
            f"obsm[{slots['obsm']!r}] or obs[{slots['obs']!r}] is NaN or of another model, as after joining data. Fit them "
            "with tl.map_cells before joining, train again, or drop them."
        )
        raise ValueError(message)
    name = stored["slots"]["varm"]
    if name in adata.varm:
        with_vector = np.isfinite(np.asarray(adata.varm[name])).all(axis=1)
        if not with_vector.all():
            names = [str(peak) for peak in adata.var_names[~with_vector][:3]]
            message = (
                f"{int((~with_vector).sum()):,} of {adata.n_vars:,} peaks have no vector of the model {key!r} in varm[{name!r}] "
                f"(first: {names}), as after joining data. Drop them, or train again."
            )
            raise ValueError(message)


def pack_trunk(trunk: Trunk) -> np.ndarray:
    """Weights and shape of a trunk, and their checksum, as one safetensors blob, uint8."""
    from scbasset_tl.train.checkpoint import tensors_digest

    state = {name: tensor.detach().cpu().contiguous() for name, tensor in trunk.state_dict().items()}
    config = trunk.config.to_dict()
    config["checksum"] = tensors_digest(state, config)
    return pack_tensors(state, config)


def pack_tensors(tensors: dict[str, torch.Tensor], config: Mapping[str, Any]) -> np.ndarray:
    """Tensors and what JSON holds of a network's shape as one safetensors blob, uint8."""
    from safetensors.torch import save

    return np.frombuffer(save(tensors, {"config": json.dumps(config)}), dtype=np.uint8)


def unpack_tensors(blob: np.ndarray) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The inverse of :func:`pack_tensors`."""
    from safetensors.torch import load

    raw = np.ascontiguousarray(blob, dtype=np.uint8).tobytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    return load(raw), json.loads(header["__metadata__"]["config"])


def unpack_trunk(blob: np.ndarray) -> Trunk:
    """The inverse of :func:`pack_trunk`, in evaluation mode on the CPU."""
    import torch

    from scbasset_tl.nn.trunk import Trunk, TrunkConfig
    from scbasset_tl.train.checkpoint import tensors_digest

    state, shape = unpack_tensors(blob)
    stored = shape.pop("checksum", None)  # earlier versions wrote none
    if stored not in (None, tensors_digest(state, shape)):
        message = "its checksum is wrong"
        raise ValueError(message)
    if not all(tensor.isfinite().all() for tensor in state.values()):
        message = "it has weights that are NaN or infinite"
        raise ValueError(message)
    config = TrunkConfig.from_dict(shape)
    trunk = Trunk(config, torch.Generator())  # its first weights are overwritten; the global generator stays as it is
    trunk.load_state_dict(state)
    return trunk.eval()


def read_trunk_file(path: Path, name: str) -> Trunk:
    """The trunk in a file of :func:`scbasset_tl.io.write_trunk`; errors mention the argument ``name``."""
    if path.suffix in (".h5ad", ".h5mu", ".zarr"):
        message = f"{name}={str(path)!r} is a whole data set, not the trunk of one: read it and pass what you get."
        raise ValueError(message)
    if not path.is_file():
        message = f"{name}={str(path)!r}: there is no such file."
        raise FileNotFoundError(message)
    with reading(path, "trunk of io.write_trunk", name=name, advice="Write it again."):
        return unpack_trunk(np.frombuffer(path.read_bytes(), dtype=np.uint8))


def is_trunk_file(path: Path) -> bool:
    """Whether a file is a trunk, as far as its name and header say."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return "config" in (file.metadata() or {})
    except SafetensorError:
        return False


def environment() -> dict[str, Any]:
    """What the last digits of a result depend on: versions of packages, and threads of torch."""
    import torch

    versions = {name: version(name.replace("_", "-")) for name in ("scbasset_tl", "torch", "anndata", "numpy")}
    return {"versions": versions, "threads": torch.get_num_threads()}


def _float32(values: np.ndarray) -> np.ndarray:
    return np.array(values, dtype=np.float32)
