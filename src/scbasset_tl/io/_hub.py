"""Models of the Hugging Face Hub as folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scbasset_tl._files import as_path

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_FILES = ["checkpoint.pt", "config.yaml", "universe.bed", "universe.bed.gz", "model.safetensors", "config.json"]


def model_folder_or_hub(path: str | PathLike[str]) -> Path:
    """Return the folder ``path``, or fetch the model ``owner/name`` from the Hugging Face Hub if no such folder exists."""
    folder = as_path("path", path)
    if folder.is_dir():
        return folder
    if folder.exists() or not _NAME.fullmatch(str(path)):
        message = (
            f"path={str(path)!r} is no folder: name the folder of a model, or 'owner/name' of the Hugging Face Hub."
        )
        raise FileNotFoundError(message)
    name = str(path)
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        message = (
            f"path={name!r} is no folder here. If it is the name of a model on the Hugging Face Hub, "
            "pip install huggingface_hub and call again."
        )
        raise FileNotFoundError(message) from error
    try:
        return as_path("path", snapshot_download(name, allow_patterns=_FILES))
    except Exception as error:
        message = f"path={name!r} is no folder here, and no model of that name could be fetched from the Hugging Face Hub: {error}"
        raise FileNotFoundError(message) from error
