"""A trained scEmbed model: the vectors of a universe's regions, in an AnnData or by themselves."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.kinds import SCEMBED
from scbasset_tl._adata.results import entry, find, left_over, names, texts
from scbasset_tl._adata.scembed.tokens import pack_universe, unpack_universe
from scbasset_tl._adata.write import write_slots
from scbasset_tl._files import resolved
from scbasset_tl._folders import replacing_folder, restore
from scbasset_tl._log import info
from scbasset_tl._reading import reading
from scbasset_tl._validate import check_one_of
from scbasset_tl.genome.regions import Regions, read_regions
from scbasset_tl.genome.universe import checksum, read_bed, write_bed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from anndata import AnnData
    from scipy import sparse

_FORMAT = "scbasset_tl scEmbed 1"
_FILES = ("config.json", "model.safetensors", "universe.bed")


@dataclass(frozen=True)
class RegionEmbedding:
    """Region vectors and the universe they belong to: all that embedding new cells needs.

    Attributes
    ----------
    universe
        The regions, :class:`scbasset_tl.genome.Regions`.
    vectors
        float32 (n_regions, n_latent). A region whose vector is zero was too rare to be trained: cells ignore it.
    params
        The call that trained them; empty where the file does not say.
    """

    universe: Regions
    vectors: np.ndarray
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pooling(self) -> str:
        """``"mean"``, or ``"max"`` where a model of geniml says so."""
        return str(self.params.get("pooling_method", "mean"))

    def encode(self, tokens: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        """Pooled vectors of each cell's trained regions, float32 (n_cells, n_latent), and which cells have none."""
        return encode(tokens, self.vectors, pooling=self.pooling)


def encode(tokens: sparse.csr_matrix, vectors: np.ndarray, *, pooling: str = "mean") -> tuple[np.ndarray, np.ndarray]:
    """Mean or maximum of the nonzero rows of ``vectors`` that each row of ``tokens`` names, and a mark for rows without any (zeros)."""
    import torch
    from torch.nn.functional import embedding_bag

    from scbasset_tl.stats.open_entries import blocks_of_rows

    mode = "sum" if check_one_of("pooling_method", pooling, ("mean", "max")) == "mean" else "max"

    trained = np.asarray(vectors.any(axis=1))
    table = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))
    cells = np.empty((tokens.shape[0], vectors.shape[1]), dtype=np.float32)
    n_trained = np.empty(tokens.shape[0], dtype=np.int64)
    for first, last in blocks_of_rows(tokens.indptr):
        bounds = tokens.indptr[first : last + 1].astype(np.int64)
        named = np.ascontiguousarray(tokens.indices[bounds[0] : bounds[-1]])
        bounds -= bounds[0]
        bounds = np.concatenate([[0], np.cumsum(trained[named])])[bounds]
        index = torch.from_numpy(named[trained[named]].astype(np.int64))
        cells[first:last] = embedding_bag(index, table, torch.from_numpy(bounds[:-1]), mode=mode).numpy()
        n_trained[first:last] = np.diff(bounds)
    if mode == "sum":
        cells /= np.maximum(n_trained, 1)[:, None].astype(np.float32)
    return cells, n_trained == 0


def write_embedding(
    adata: AnnData,
    key_added: str | None,
    *,
    cells: np.ndarray,
    empty: np.ndarray,
    params: Mapping[str, Any],
    more: Mapping[str, Any],
    vectors: np.ndarray | None = None,
    universe: Regions | None = None,
    verb: str = SCEMBED.verb,
) -> None:
    """Store an embedding, all slots or none: the vectors go to varm, or, with their ``universe``, to uns."""
    slots = names(SCEMBED, key_added)
    varm = {slots["varm"]: vectors} if vectors is not None and universe is None else {}
    kept = {part: name for part, name in slots.items() if part != "varm" or varm}
    stored = {**entry(SCEMBED, params, kept, verb=verb), **more}
    if vectors is not None and universe is not None:
        stored |= {"weights": vectors, "universe": pack_universe(universe)}
    if empty.any():
        info(f"{int(empty.sum())} of {len(empty)} cells have no trained region: their vectors are zero, see obs.")
    write_slots(
        adata,
        drop=left_over(adata, SCEMBED, slots["uns"], kept),
        obsm={slots["obsm"]: cells},
        obs={slots["obs"]: empty},
        varm=varm,
        uns={slots["uns"]: stored},
    )


def read_embedding(adata: AnnData, key: str) -> RegionEmbedding:
    """The model that :func:`scbasset_tl.tl.scembed` stored."""
    stored = find(adata, SCEMBED, key)
    params = stored["params"]
    if "weights" in stored:
        vectors = np.asarray(stored["weights"], dtype=np.float32)
        return RegionEmbedding(unpack_universe(stored["universe"]), vectors, params)
    slot = stored["slots"].get("varm")
    if slot is None:
        message = (
            f"uns[{key!r}] is the embedding of cells by a model kept elsewhere: pass the data that it was trained on."
        )
        raise KeyError(message)
    keys = params.get("region_keys")
    universe = read_regions(adata.var, keys=None if keys is None else texts(keys))
    return RegionEmbedding(universe, np.asarray(adata.varm[slot], dtype=np.float32), params)


def model_digest(model: RegionEmbedding) -> str:
    """Tells one model from another."""
    digest = blake2b(checksum(model.universe).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(model.vectors).data)
    return digest.hexdigest()


def check_finite(model: RegionEmbedding) -> None:
    """Refuse to write vectors that no reader would take."""
    bad = np.flatnonzero(~np.isfinite(model.vectors).all(axis=1))
    if len(bad):
        message = (
            f"the vectors of {len(bad)} of {len(model.vectors)} regions are NaN or infinite, first "
            f"{str(model.universe.name[bad[0]])!r}: run tl.scembed again."
        )
        raise ValueError(message)


@contextmanager
def model_folder(path: Path, names: Sequence[str]) -> Iterator[Path]:
    """A folder for the files ``names`` alone, which replaces an existing one in one step."""
    if path.is_dir() and (other := sorted({file.name for file in path.iterdir()} - {*names})):
        message = f"path={str(path)!r} is a folder with other things ({other[:3]}): name one for the model alone."
        raise FileExistsError(message)
    if not resolved(path).parent.is_dir():
        message = f"path={str(path)!r}: the folder {str(path.parent)!r} does not exist."
        raise FileNotFoundError(message)
    with replacing_folder(path, None) as folder:
        yield folder


def save_folder(path: Path, model: RegionEmbedding) -> None:
    """Write a model as a folder of three files, which replaces an existing one in one step."""
    from safetensors.numpy import save

    check_finite(model)
    params = {name: plain(value) for name, value in model.params.items()}
    config = {
        "format": _FORMAT,
        "n_regions": len(model.vectors),
        "n_latent": model.vectors.shape[1],
        "universe": checksum(model.universe),
        "checksum": _digest(model.vectors, params),
        "params": params,
    }
    with model_folder(path, _FILES) as folder:
        write_bed(folder / "universe.bed", model.universe)
        (folder / "model.safetensors").write_bytes(save({"vectors": np.ascontiguousarray(model.vectors)}))
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def _digest(vectors: np.ndarray, params: Mapping[str, Any]) -> str:
    digest = blake2b(json.dumps(params, sort_keys=True).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(vectors, dtype="<f4").data)
    return digest.hexdigest()


def load_folder(path: Path) -> RegionEmbedding:
    """What :func:`save_folder` wrote."""
    from safetensors.numpy import load

    restore(resolved(path))
    if missing := [name for name in _FILES if not (path / name).is_file()]:
        message = f"path={str(path)!r} is no model of io.write_scembed: it has no {missing}. Models of geniml: io.read_geniml."
        raise FileNotFoundError(message)
    with reading(path, "model of io.write_scembed", advice="Write it again."):
        config = json.loads((path / "config.json").read_text())
        vectors = load((path / "model.safetensors").read_bytes())["vectors"]
        expected = (config["n_regions"], config["n_latent"]), config["universe"]
        params = dict(config["params"])
        digest = _digest(vectors, params)
        finite = np.isfinite(vectors).all()
    universe = read_bed(path / "universe.bed")
    # the categories of contigs are those in the file, which the checksum depends on
    if (vectors.shape, checksum(universe)) != expected:
        message = f"path={str(path)!r}: vectors, universe.bed and config.json are not of one model. Write it again."
        raise ValueError(message)
    if "checksum" in config and config["checksum"] != digest:
        message = f"path={str(path)!r} is damaged: the checksum of its vectors is wrong. Write it again."
        raise ValueError(message)
    if not finite:
        message = f"path={str(path)!r} has vectors that are NaN or infinite: train the model again."
        raise ValueError(message)
    return RegionEmbedding(universe, vectors, params)


def plain(value: Any) -> Any:
    """A stored parameter as JSON has it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
