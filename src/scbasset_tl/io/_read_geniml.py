"""Models of geniml's Region2Vec and scEmbed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scbasset_tl._files import as_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from pathlib import Path

    import numpy as np

    from scbasset_tl._adata.scembed import RegionEmbedding

_WEIGHTS = ("projection.weight", "_model.projection.weight", "weight")


def read_geniml(path: str | PathLike[str], *, universe: str | PathLike[str] | None = None) -> RegionEmbedding:
    r"""Read a Region2Vec or scEmbed model that geniml exported.

    The vectors of special tokens are dropped. geniml leaves regions that were too rare to be trained at random vectors,
    which nothing in the file marks: they are read as they are.

    Parameters
    ----------
    path
        Folder with ``checkpoint.pt``, ``config.yaml`` and ``universe.bed`` (or ``universe.bed.gz``).
    universe
        BED file of the universe, where the folder has none: geniml's ``export`` does not write it.

    Returns
    -------
    :class:`scbasset_tl.io.RegionEmbedding`, which :func:`scbasset_tl.tl.project_cells` takes as its reference.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If the checkpoint is damaged or does not fit the configuration or the universe.

    Examples
    --------
    >>> import torch
    >>> from pathlib import Path
    >>> import scbasset_tl as sb
    >>> torch.save({"projection.weight": torch.ones(9, 4)}, "checkpoint.pt")
    >>> _ = Path("config.yaml").write_text("vocab_size: 9\nembedding_dim: 4\n")
    >>> _ = Path("universe.bed").write_text("chr1\t0\t100\nchr1\t200\t300\n")
    >>> sb.io.read_geniml(".").vectors.shape
    (2, 4)
    """
    import numpy as np

    from scbasset_tl._adata.scembed import RegionEmbedding
    from scbasset_tl.genome.universe import read_bed

    path = as_path("path", path)
    names = ("universe.bed", "universe.bed.gz")
    found = universe or next((path / name for name in names if (path / name).is_file()), None)
    if found is None:
        message = f"path={str(path)!r} has no universe.bed: pass the universe that the model was trained on, universe=."
        raise FileNotFoundError(message)
    vectors, regions = _vectors(path / "checkpoint.pt"), read_bed(found)
    config = _config(path / "config.yaml")
    expected = (
        _whole(config, ["vocab_size"], len(vectors)),
        _whole(config, ["embedding_dim", "embedding_size"], vectors.shape[1]),
    )
    if vectors.shape != expected:
        message = f"path={str(path)!r}: checkpoint.pt has vectors {vectors.shape}, config.yaml says {expected}."
        raise ValueError(message)
    if len(vectors) < len(regions.start):
        message = f"path={str(path)!r}: {len(vectors)} vectors for {len(regions.start)} regions: another universe?"
        raise ValueError(message)
    return RegionEmbedding(regions, np.ascontiguousarray(vectors[: len(regions.start)], dtype=np.float32), dict(config))


def _vectors(path: Path) -> np.ndarray:
    """The one table of vectors in a checkpoint; nothing in it is executed."""
    import pickle  # noqa: TID251  (for the error of torch.load)

    import torch

    if not path.is_file():
        message = f"path={str(path.parent)!r} is no model of geniml: it has no checkpoint.pt."
        raise FileNotFoundError(message)
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        message = f"{path.name} is truncated, or holds more than plain tensors. Fetch it again, or export it again."
        raise ValueError(message) from error
    table = next((state[name] for name in _WEIGHTS if isinstance(state, dict) and name in state), None)
    if table is None or table.ndim != 2:
        keys = list(state)[:5] if isinstance(state, dict) else type(state).__name__
        message = f"{path.name} has no region vectors: expected {_WEIGHTS[0]!r}, found {keys}."
        raise ValueError(message)
    return table.float().numpy()


def _config(path: Path) -> dict[str, str]:
    """``name: value`` lines, perhaps in quotes and before a comment; nothing else stands in geniml's file."""
    if not path.is_file():
        message = f"path={str(path.parent)!r} is no model of geniml: it has no config.yaml."
        raise FileNotFoundError(message)
    lines = (re.sub(r"(?:^|\s)#.*", "", line) for line in path.read_text(encoding="utf-8-sig").splitlines())
    pairs = ([part.strip().strip("'\"") for part in line.partition(":")] for line in lines)
    return {name: value for name, colon, value in pairs if colon and name and value and value not in ("null", "~")}


def _whole(config: dict[str, str], names: Sequence[str], default: int) -> int:
    """The number that the configuration gives by the first of ``names``."""
    text = next((config[name] for name in names if name in config), None)
    if text is not None and not text.isdecimal():
        message = f"config.yaml: {names[0]} must be a whole number, got {text!r}."
        raise ValueError(message)
    return default if text is None else int(text)
