"""Files that are replaced in one step."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator


def as_path(name: str, value: str | os.PathLike[str]) -> Path:
    """Argument ``name`` as a path."""
    try:
        return Path(value)
    except TypeError as error:
        message = f"{name} must be a path, got {value!r}."
        raise TypeError(message) from error


def check_target(name: str, path: Path) -> None:
    """Refuse to write to a folder, or where there is none."""
    if path.is_dir():
        message = f"{name}={str(path)!r} is a folder: name a file in it."
        raise IsADirectoryError(message)
    if not path.parent.is_dir():
        message = f"{name}={str(path)!r}: the folder {str(path.parent)!r} does not exist."
        raise FileNotFoundError(message)


@contextmanager
def replacing(path: Path, *, name: str = "path") -> Iterator[Path]:
    """A path beside ``path`` to write to: it takes the place of ``path`` at the end, or is deleted on an error.

    ``name`` is the argument that errors mention.
    """
    check_target(name, path)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            message = f"{name}={str(path)!r} cannot be written: {os.strerror(error.errno)}."
            raise OSError(error.errno, message) from error
        raise
