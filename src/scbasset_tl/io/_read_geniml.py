"""Models of geniml's Region2Vec and scEmbed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scbasset_tl._reading import check_growth, reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    import numpy as np

    from scbasset_tl._adata.scembed.store import RegionEmbedding

_N_SPECIAL = (0, 1, 2, 7)
_WEIGHTS = ("projection.weight", "_model.projection.weight", "weight")


def read_geniml(path: str | PathLike[str], *, universe: str | PathLike[str] | None = None) -> RegionEmbedding:
    r"""Read a Region2Vec or scEmbed model that geniml exported, from a folder or from the Hugging Face Hub.

    The vectors of special tokens are dropped. The regions are numbered as geniml numbers them: a region that stands in
    several lines of the universe counts once, and a fifth column orders them. ``pooling_method: max`` of the
    configuration is kept: :func:`scbasset_tl.tl.map_cells` then takes the maximum over a cell's regions. Regions that
    were too rare to be trained keep random vectors in geniml, and nothing in the file marks them: they are read as they
    are.

    Parameters
    ----------
    path
        Folder with ``checkpoint.pt``, ``config.yaml`` and ``universe.bed`` (or ``universe.bed.gz``), or the name of a
        model on the Hugging Face Hub, ``"owner/name"``, which is fetched with the extra ``hub`` installed.
    universe
        BED file of the universe, where the folder has none: geniml's ``export`` does not write it.

    Returns
    -------
    :class:`scbasset_tl.io.RegionEmbedding`, which :func:`scbasset_tl.tl.map_cells` takes as its reference.

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

    from scbasset_tl._adata.scembed.store import RegionEmbedding
    from scbasset_tl.genome.universe import read_geniml_bed
    from scbasset_tl.io._hub import model_folder_or_hub

    path = model_folder_or_hub(path)
    names = ("universe.bed", "universe.bed.gz")
    bed = universe or next((path / name for name in names if (path / name).is_file()), None)
    if bed is None:
        message = f"path={str(path)!r} has no universe.bed: pass the universe that the model was trained on, universe=."
        raise FileNotFoundError(message)
    vectors, regions = _vectors(path / "checkpoint.pt"), read_geniml_bed(bed)
    config = _config(path / "config.yaml")
    expected = (
        _number(path, config, ("vocab_size",), len(vectors)),
        _number(path, config, ("embedding_dim", "embedding_size"), vectors.shape[1]),
    )
    if vectors.shape != expected:
        message = f"path={str(path)!r}: checkpoint.pt has vectors {vectors.shape}, config.yaml says {expected}."
        raise ValueError(message)
    if len(vectors) - len(regions.start) not in _N_SPECIAL:
        message = (
            f"path={str(path)!r}: {len(vectors)} vectors for {len(regions.start)} regions, where geniml has 7 for special "
            f"tokens beyond those of the regions (early versions 0 to 2): {str(bed)!r} is another universe."
        )
        raise ValueError(message)
    if (pooling := config.get("pooling_method", "mean")) not in ("mean", "max"):
        message = f"path={str(path)!r}: pooling_method in config.yaml must be mean or max, got {pooling!r}: correct it."
        raise ValueError(message)
    return RegionEmbedding(regions, np.ascontiguousarray(vectors[: len(regions.start)], dtype=np.float32), dict(config))


def _vectors(path: Path) -> np.ndarray:
    """The one table of vectors in a checkpoint; nothing in it is executed."""
    import zipfile

    import numpy as np
    import torch

    if not path.is_file():
        message = f"path={str(path.parent)!r} is no model of geniml: it has no checkpoint.pt."
        raise FileNotFoundError(message)
    with reading(path, "checkpoint of plain tensors alone", advice="Fetch it again, or export it again."):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_growth(sum(part.file_size for part in archive.infolist()), path)
        try:
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # whose text may advise to execute what the file holds
            message = "it is cut, or holds more than plain tensors"
            raise ValueError(message) from error
        table = next((state[name] for name in _WEIGHTS if isinstance(state, dict) and name in state), None)
        if isinstance(table, torch.Tensor):
            check_growth(4 * table.numel(), path)  # a tensor may repeat one number at every place
            vectors = table.detach().float().numpy() if table.ndim == 2 else None
        else:
            vectors = None
    if vectors is None:
        keys = list(state)[:5] if isinstance(state, dict) else type(state).__name__
        message = f"{path.name} has no region vectors: expected {_WEIGHTS[0]!r}, found {keys}."
        raise ValueError(message)
    if not np.isfinite(vectors).all():
        message = f"path={str(path)!r} has vectors that are NaN or infinite: train the model again."
        raise ValueError(message)
    return vectors


def _config(path: Path) -> dict[str, str]:
    """``name: value`` lines without comments and quotes; geniml's file has no others."""
    if not path.is_file():
        message = f"path={str(path.parent)!r} is no model of geniml: it has no config.yaml."
        raise FileNotFoundError(message)
    text = path.read_bytes().decode("utf-8-sig", errors="replace")  # numbers are the same in every encoding
    lines = (re.sub(r"(^|\s)#.*", "", line).partition(":") for line in text.splitlines())
    pairs = ((name.strip().strip("'\""), value.strip().strip("'\"")) for name, _, value in lines)
    return {name: value for name, value in pairs if value and value.lower() not in ("null", "~")}


def _number(path: Path, config: Mapping[str, str], names: Sequence[str], otherwise: int) -> int:
    """The number under the first of these names that the file has."""
    name = next((name for name in names if name in config), None)
    if name is None:
        return otherwise
    try:
        number = float(config[name])
    except ValueError:
        number = -1.0
    if not 0 < number < 2**53 or number != int(number):
        message = f"path={str(path)!r}: {name} in config.yaml must be a whole number, got {config[name]!r}: correct it."
        raise ValueError(message)
    return int(number)
