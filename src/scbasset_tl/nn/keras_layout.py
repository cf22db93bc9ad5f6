"""The layouts of scBasset's Keras weight files, to and from arrays named and laid out as in torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from itertools import zip_longest
from typing import TYPE_CHECKING
from zipfile import ZipFile

import h5py
import numpy as np

from scbasset_tl._files import check_own, replacing
from scbasset_tl._hdf5 import safe_hdf5
from scbasset_tl._reading import check_growth, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Layer = tuple[str, list[np.ndarray]]

_N_BLOCKS = 8
_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
# arrays of each layer with weights: a kernel and a batch norm for each convolution and for the bottleneck
_TRUNK_COUNTS = [1, len(_NORM)] * (_N_BLOCKS + 1)
_CHECKSUM = "scbasset_tl_checksum"
_KERAS_VERSION = "2.8.0"  # the version that the original used; Keras converts the weights of files older than version 2


@dataclass(frozen=True)
class Dense:
    """A last layer: vectors (units, n_latent) and biases (units,)."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class KerasWeights:
    """Everything in a weight file, float32."""

    trunk: Mapping[str, np.ndarray]  # by the names of Trunk.state_dict()
    heads: Sequence[Dense]  # the cells', or the batches' followed by the cells'

    @property
    def channels(self) -> tuple[int, ...]:
        """Filters of each convolution."""
        return tuple(len(self.trunk[f"blocks.{block}.conv.weight"]) for block in range(_N_BLOCKS))

    @property
    def kernels(self) -> tuple[int, ...]:
        """Width of each convolution."""
        return tuple(self.trunk[f"blocks.{block}.conv.weight"].shape[-1] for block in range(_N_BLOCKS))

    @property
    def n_latent(self) -> int:
        """Length of a peak embedding."""
        return len(self.trunk["dense.weight"])

    @property
    def n_positions(self) -> int:
        """Positions left after all pooling."""
        return self.trunk["dense.weight"].shape[1] // self.channels[-1]


def read_weights(path: Path) -> KerasWeights:
    """Read a weights-only or whole-model file, also of Keras 3. Layers are taken by order: their names depend on the session's past."""
    layers = _read_layers(path)
    counts = [len(arrays) for _, arrays in layers]
    if counts not in ([*_TRUNK_COUNTS, 2], [*_TRUNK_COUNTS, 2, 2]):
        message = (
            f"{path.name} holds {sum(counts)} arrays in {len(counts)} layers, {counts}. A scBasset file holds "
            f"{sum(_TRUNK_COUNTS) + 2} in {len(_TRUNK_COUNTS) + 1}, or with batches {sum(_TRUNK_COUNTS) + 4} in "
            f"{len(_TRUNK_COUNTS) + 2}: {_N_BLOCKS} convolutions and a dense layer, each without bias and followed by "
            "batch norm, and one or two dense layers with bias. This is not a scBasset model."
        )
        raise ValueError(message)
    _check(path.name, layers)
    arrays = [array for _, layer in layers for array in layer]
    trunk = {name: _to_torch(array) for (_, _, name), array in zip(_trunk_entries(), arrays, strict=False)}
    heads = [Dense(_to_torch(kernel), _to_torch(bias)) for _, (kernel, bias) in layers[len(_TRUNK_COUNTS) :]]
    return KerasWeights(trunk, heads)


def write_weights(path: Path, weights: KerasWeights) -> None:
    """Write a weights-only file as ``save_weights`` of the original's Keras does; an existing file is replaced."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for layer, weight, name in _trunk_entries():
        layers.setdefault(layer, {})[weight] = _to_keras(weights.trunk[name])
    # the cells' layer is made first and so has the lower number, but Keras sorts the batches' before it
    for layer, head in zip(["dense_2", "dense_1"][-len(weights.heads) :], weights.heads, strict=True):
        layers[layer] = {"kernel": _to_keras(head.weight), "bias": _to_keras(head.bias)}
    check_own(path, _is_weights, "a weight file of Keras")
    n_bytes = sum(array.nbytes for arrays in layers.values() for array in arrays.values())
    with replacing(path, n_bytes=n_bytes) as temporary, safe_hdf5(temporary, "w") as (file, _):
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["keras_version"] = np.bytes_(_KERAS_VERSION)
        file.attrs["layer_names"] = np.array([layer.encode() for layer in layers])
        file.attrs[_CHECKSUM] = np.bytes_(_digest([*arrays.values()] for arrays in layers.values()))
        for layer, arrays in layers.items():
            paths = [f"{layer}/{weight}:0" for weight in arrays]
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array([name.encode() for name in paths])
            for name, array in zip(paths, arrays.values(), strict=True):
                group[name] = array


def _is_weights(path: Path) -> bool:
    with h5py.File(path, "r") as file:
        return "layer_names" in file.get("model_weights", file).attrs


def _trunk_entries() -> Iterator[tuple[str, str, str]]:
    """Layer and weight in Keras, name in torch, of every array below the last layer, in file order."""
    suffixes = ["", *(f"_{number}" for number in range(1, _N_BLOCKS + 1))]
    modules = [(f"conv1d{suffixes[n]}", f"blocks.{n}.conv", f"blocks.{n}.norm") for n in range(_N_BLOCKS)]
    for suffix, (keras, linear, norm) in zip(suffixes, [*modules, ("dense", "dense", "dense_norm")], strict=True):
        yield keras, "kernel", f"{linear}.weight"
        for statistic, torch in _NORM.items():
            yield f"batch_normalization{suffix}", statistic, f"{norm}.{torch}"


def _to_torch(array: np.ndarray) -> np.ndarray:
    """Output axis first; convolutions (k, in, out) become (out, in, 1, k). Keras does not flip kernels either."""
    array = array.T[:, :, None] if array.ndim == 3 else array.T
    return np.ascontiguousarray(array, dtype=np.float32)


def _to_keras(array: np.ndarray) -> np.ndarray:
    return (array.squeeze(2) if array.ndim == 4 else array).T


def _read_layers(path: Path) -> list[Layer]:
    """Name and arrays of each layer that has any, in the order of the model."""
    with path.open("rb") as file:
        packed = file.read(2) == b"PK"
    if not packed and not h5py.is_hdf5(path):
        message = f"{path.name} is not an HDF5 file, and not a .keras file."
        raise ValueError(message)
    holds, read = [], []
    with (
        reading(path, "weight file of Keras", advice="Fetch or save it again."),
        h5py.File(_unpacked(path) if packed else path, "r") as file,
    ):
        root = file.get("model_weights", file)
        layers = _layers(root)
        if layers is None:
            holds = list(root)[:5]
        else:
            check_growth(sum(array.nbytes for _, arrays in layers for array in arrays), path)
            read = [(name, [np.asarray(array) for array in arrays]) for name, arrays in layers if arrays]
            stored = root.attrs.get(_CHECKSUM)
            if stored is not None and bytes(stored).decode() != _digest(arrays for _, arrays in read):
                message = "its weights are not those of its checksum"
                raise ValueError(message)
    if layers is None:
        message = f"{path.name} has no layer_names (it holds {holds}): it is not a Keras weight file."
        raise ValueError(message)
    return read


def _digest(layers: Iterable[Iterable[np.ndarray]]) -> str:
    """Checksum of all weights, in files that :func:`write_weights` wrote; Keras does not look at it."""
    digest = blake2b(digest_size=16)
    for arrays in layers:
        for array in arrays:
            digest.update(f"{array.shape}".encode())
            digest.update(np.ascontiguousarray(array, dtype="<f4").data)
    return digest.hexdigest()


def _unpacked(path: Path) -> BytesIO:
    """The HDF5 file in a .keras file, which is a zip archive."""
    with ZipFile(path) as archive:
        check_growth(archive.getinfo("model.weights.h5").file_size, path)
        return BytesIO(archive.read("model.weights.h5"))


def _layers(root: h5py.Group) -> list[tuple[str, list[h5py.Dataset]]] | None:
    """Name and datasets of each layer, as Keras 2 or Keras 3 writes them; ``None`` if it is neither."""
    if "layer_names" in root.attrs:
        groups = [(name, root[name]) for name in _names(root, "layer_names")]
        return [(name, [group[weight] for weight in _names(group, "weight_names")]) for name, group in groups]
    # an h5ad file has "layers" too
    top = next((key for key in ("layers", "_layer_checkpoint_dependencies") if key in root and "obs" not in root), None)
    if top is None:
        return None
    variables = [(f"{top}/{name}", root[top][name]["vars"]) for name in _keras_3_order(root[top])]
    return [(name, [group[weight] for weight in sorted(group, key=int)]) for name, group in variables]


def _keras_3_order(layers: h5py.Group) -> list[str]:
    """Layers with weights in the order of the model, by Keras 3's names, which count the layers of each kind."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for layer, group in layers.items():
        if len(group.get("vars", ())):
            kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", layer).groups()  # type: ignore[union-attr]
            kinds.setdefault(kind, []).append((int(number or 0), layer))
    ordered = {kind: [layer for _, layer in sorted(numbered)] for kind, numbered in kinds.items()}
    convolutions, norms, dense = (ordered.pop(kind, []) for kind in ("conv1d", "batch_normalization", "dense"))
    both = zip_longest([*convolutions, *dense[:1]], norms)
    rest = [layer for names in ordered.values() for layer in names]
    return [layer for pair in both for layer in pair if layer is not None] + dense[1:] + rest


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """Depending on the h5py that wrote them, names are bytes or str."""
    return [name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs[attribute]]


def _check(source: str, layers: Sequence[Layer]) -> None:
    """Every value finite, and every shape against the layer before it."""
    for name, arrays in layers:
        if not all(array.dtype.kind == "f" and array.size and np.isfinite(array).all() for array in arrays):
            message = (
                f"{source}: layer {name!r} is empty or has values that are not finite numbers: fetch or save it again."
            )
            raise ValueError(message)
    *convolutions, bottleneck = layers[: len(_TRUNK_COUNTS) : 2]
    norms, heads = layers[1 : len(_TRUNK_COUNTS) : 2], layers[len(_TRUNK_COUNTS) :]
    n_in, n_out = 4, []
    for layer in convolutions:
        shape = layer[1][0].shape
        _require(source, layer, f"(odd width, {n_in}, filters)", len(shape) == 3 and shape[1] == n_in and shape[0] % 2)
        n_in = shape[2]
        n_out.append(n_in)
    shape = bottleneck[1][0].shape
    _require(source, bottleneck, f"(positions × {n_in}, n_latent)", len(shape) == 2 and shape[0] % n_in == 0)
    for layer, size in zip(norms, [*n_out, shape[1]], strict=True):
        _require(source, layer, f"({size},) each", all(array.shape == (size,) for array in layer[1]))
    for layer in heads:
        kernel, bias = (array.shape for array in layer[1])
        _require(source, layer, f"({shape[1]}, units) and (units,)", len(bias) == 1 and kernel == (shape[1], *bias))


def _require(source: str, layer: Layer, expected: str, fits: object) -> None:
    if not fits:
        name, arrays = layer
        message = (
            f"{source}: layer {name!r} has shapes {[array.shape for array in arrays]}; scBasset has {expected} there."
        )
        raise ValueError(message)
