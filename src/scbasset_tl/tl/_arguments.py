"""Checks of what training is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._files import as_path, check_target
from scbasset_tl._validate import check_number, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def recipe_changes(
    max_epochs: int | None, batch_size: int | None, lr: float | None, l2_cell: float, l2_batch: float, patience: int
) -> dict[str, Any]:
    """The fields of a recipe that the user changes; ``None`` keeps the recipe's own value."""
    return {
        "max_epochs": None if max_epochs is None else check_positive_int("max_epochs", max_epochs),
        "batch_size": None if batch_size is None else check_positive_int("batch_size", batch_size, minimum=2),
        "lr": None if lr is None else check_number("lr", lr, low=0, open_low=True),
        "l2_cell": check_number("l2_cell", l2_cell, low=0),
        "l2_batch": check_number("l2_batch", l2_batch, low=0),
        "patience": check_positive_int("patience", patience),
    }


def refuse_meaningless(kind: str, *, of_denoised: Mapping[str, bool], of_raw: Mapping[str, bool]) -> None:
    """Refuse arguments that were given and are of the other kind, ``denoised`` or ``raw``, than the call's."""
    others, other = (of_raw, "raw") if kind == "denoised" else (of_denoised, "denoised")
    if ignored := [name for name, is_given in others.items() if is_given]:
        message = f"{ignored[0]}= means nothing for kind={kind!r}: leave it out, or pass kind={other!r}."
        raise ValueError(message)


def cells_a_step(cells_per_step: int | None, n_obs: int) -> int | None:
    """``cells_per_step``, if there are so many."""
    if cells_per_step is not None and check_positive_int("cells_per_step", cells_per_step, minimum=2) > n_obs:
        message = f"cells_per_step={cells_per_step} is more than the {n_obs} cells there are; leave it out to take all."
        raise ValueError(message)
    return cells_per_step


def training_files(
    checkpoint: str | Path | None, index_file: str | Path | None, *, resume: bool
) -> tuple[Path | None, Path | None]:
    """Both as paths; they must differ, also from the temporary files of each other."""
    path = _check_checkpoint(checkpoint, resume=resume)
    if index_file is None:
        return path, None
    index = as_path("index_file", index_file)
    written = [index.with_name(index.name + end).resolve() for end in ("", ".partial", ".progress")]
    if path is not None and path.resolve() in written:
        message = f"checkpoint={str(path)!r} and index_file={str(index)!r} name the same file: give each its own."
        raise ValueError(message)
    return path, index


def _check_checkpoint(checkpoint: str | Path | None, *, resume: bool) -> Path | None:
    if checkpoint is None:
        if resume:
            message = "resume=True needs checkpoint= with the file to go on from."
            raise ValueError(message)
        return None
    path = as_path("checkpoint", checkpoint)
    check_target("checkpoint", path)
    if path.exists() and not resume:
        message = f"checkpoint={str(path)!r} exists: pass resume=True to go on from it, or delete it to start again."
        raise FileExistsError(message)
    return path
