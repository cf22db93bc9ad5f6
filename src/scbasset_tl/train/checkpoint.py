"""One safetensors file holds everything a training run needs to go on; it is replaced in one step."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from scbasset_tl._files import in_turn, replacing
from scbasset_tl._log import warning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.state import RunState

_FORMAT = "scbasset_tl checkpoint 1"
# share of the time that saving may take, if it takes more than a second
_SHARE, _SHORT_S = 0.05, 1.0


class Checkpoint(NamedTuple):
    """Tensors, and plain values that go into the header as JSON."""

    tensors: Mapping[str, torch.Tensor]
    meta: Mapping[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint``; a reader sees the old file or the new one, never a part."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}
    meta = {**checkpoint.meta, "writer": f"process {os.getpid()} on {platform.node()}"}
    meta["threads"] = torch.get_num_threads()
    header = json.dumps({**meta, "checksum": tensors_digest(contiguous, meta)})
    n_bytes = sum(tensor.nbytes for tensor in contiguous.values())
    with replacing(path, name="checkpoint", n_bytes=n_bytes) as temporary:
        try:
            save_file(contiguous, temporary, {"format": _FORMAT, "meta": header})
        except SafetensorError as error:  # the system's number is in its text only
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else errno.EIO, str(error)) from error


def tensors_digest(tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> str:
    """Checksum of tensors, by name, and of plain values."""
    import torch

    digest = blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


class RunFile:
    """The checkpoint of one run, which writes over no other run's; nothing is written if ``path`` is ``None``."""

    def __init__(self, path: Path | None) -> None:
        self.path, self._mine = path, _which(path)

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace what this run wrote before."""
        if self.path is None:
            return
        with in_turn(self.path.parent):  # otherwise two runs could both find no file, and one would lose what it writes
            self._check_alone(self.path)
            save_checkpoint(self.path, checkpoint)
            self._mine = _which(self.path)

    def _check_alone(self, path: Path) -> None:
        on_disk = _which(path)
        if on_disk in (None, self._mine):
            return
        try:
            writer = load_checkpoint(path).meta.get("writer", "another process")
        except ValueError:
            writer = "another program"
        message = f"checkpoint={str(path)!r} was written by {writer} meanwhile: give each run a file of its own."
        raise FileExistsError(message)


class Saver:
    """Writes the state of a run to ``path`` from rank 0, and nothing if that is ``None``."""

    def __init__(self, path: Path | None, identity: Mapping[str, Any], ranks: Ranks, n_cells: int) -> None:
        self.path, self._identity, self._ranks, self._n_cells = path, identity, ranks, n_cells
        self._took, self._ended = 0.0, 0.0
        self._file = RunFile(path)

    def save(self, state: RunState, *, always: bool = False) -> None:
        """Write, unless that takes long and the last time is not long ago."""
        if self.path is None:
            return
        started = time.monotonic()
        due = self._took < max(_SHORT_S, _SHARE * (started - self._ended))
        if not self._ranks.agree([always or due], state.head.weight.device)[0]:
            return
        tensors, numbers = state.to_checkpoint()
        whole = {
            name: self._ranks.collect(tensor, self._n_cells) if state.has_rows_of_cells(name) else tensor
            for name, tensor in tensors.items()
        }
        if self._ranks.rank == 0:
            self._file.save(Checkpoint(whole, {"identity": self._identity, "state": numbers}))
        self._ended = time.monotonic()
        self._took = self._ended - started


def _which(path: Path | None) -> tuple[int, int] | None:
    """Identity of a file, which changes when another takes its place."""
    if path is None or not path.exists():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


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
    if "meta" not in header:
        message = f"checkpoint={str(path)!r} has no record of its run (meta): delete it and start again."
        raise ValueError(message)
    try:
        meta = json.loads(header["meta"])
        stored = meta.pop("checksum", None)  # earlier versions wrote none
        whole = stored in (None, tensors_digest(tensors, meta)) and {"identity", "state"} <= {*meta}
    except (KeyError, ValueError, AttributeError, TypeError):
        whole = False
    if not whole:
        message = f"checkpoint={str(path)!r} is damaged: its checksum is wrong. Delete it and start again."
        raise ValueError(message)
    return Checkpoint(tensors, meta)


def say_threads(saved: Mapping[str, Any]) -> None:
    """Tell a run that goes on from a checkpoint of another number of threads, on which sums on a CPU depend."""
    import torch

    saved_threads, threads = saved.get("threads"), torch.get_num_threads()
    if saved_threads not in (None, threads):  # earlier versions stored none
        warning(
            f"the checkpoint was written with torch.get_num_threads() == {saved_threads}, now it is {threads}: on a CPU the result "
            f"differs in its last digits. torch.set_num_threads({saved_threads}) makes it that of an uninterrupted run"
        )


def check_same_run(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to resume with other data or parameters than the checkpoint's, naming each difference.

    More epochs are no difference where the learning rate does not depend on how many there are.
    """
    saved, wanted = _flat(saved), _flat(wanted)
    if wanted.get("schedule") == "constant" and saved.get("max_epochs", 0) < wanted["max_epochs"]:
        saved["max_epochs"] = wanted["max_epochs"]
    if saved.get("precision") is None and "precision" in wanted:  # earlier versions stored none that was not asked for
        saved["precision"] = wanted["precision"]
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
