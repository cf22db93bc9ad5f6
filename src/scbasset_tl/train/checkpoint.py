"""One safetensors file holds everything a training run needs to go on; it is replaced in one step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from scbasset_tl._files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

_FORMAT = "scbasset_tl checkpoint 1"


class Checkpoint(NamedTuple):
    """Tensors, and plain values that go into the header as JSON."""

    tensors: Mapping[str, torch.Tensor]
    meta: Mapping[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint``; a reader sees the old file or the new one, never a part."""
    from safetensors.torch import save

    contiguous = {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}
    with replacing(path, name="checkpoint") as temporary:
        temporary.write_bytes(save(contiguous, {"format": _FORMAT, "meta": json.dumps(checkpoint.meta)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """What :func:`save_checkpoint` wrote."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        message = f"checkpoint={str(path)!r} is not there, so there is nothing to resume; pass resume=False to start."
        raise FileNotFoundError(message)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except SafetensorError as error:
        message = f"checkpoint={str(path)!r} is not a whole safetensors file ({error}); delete it and start again."
        raise ValueError(message) from error
    if header.get("format") != _FORMAT:
        message = f"checkpoint={str(path)!r} was not written by scbasset_tl; pass another path."
        raise ValueError(message)
    return Checkpoint(tensors, json.loads(header["meta"]))


def check_same_run(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to resume with other data or parameters than the checkpoint's, naming each difference."""
    saved, wanted = _flat(saved), _flat(wanted)
    differ = [key for key in sorted({*saved, *wanted}) if saved.get(key) != wanted.get(key)]
    if differ:
        lines = "; ".join(
            "data: other sequences, matrix, split or batches"  # known by their checksum only
            if key == "data"
            else f"{key}: saved {saved.get(key)!r}, now {wanted.get(key)!r}"
            for key in differ
        )
        message = f"the checkpoint belongs to another run ({lines}). Repeat that call, or start a new file."
        raise ValueError(message)


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by their own names, not those of the groups they are kept in."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= value if isinstance(value, dict) else {key: value}
    return flat
