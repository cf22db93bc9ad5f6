"""One gate for all readers of files: errors that say which file and what to do, and sizes within bounds."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Final

from scbasset_tl._files import size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GROWTH: Final = 50  # times that a text may be as long as its compressed file
_ALWAYS: Final = 1 << 24
_LONGEST: Final = 200


@contextmanager
def reading(path: Path, what: str, *, advice: str, name: str = "path") -> Iterator[None]:
    """Whatever a library raises while it reads ``path`` becomes one ValueError, by which the user finds the file.

    Parameters
    ----------
    path
        The file or folder.
    what
        What it should be, after "no", such as "BED file".
    advice
        What to do.
    name
        The argument that the user passed.

    Raises
    ------
    OSError
        What the system says of the file, such as that it may not be read, stays as it is.
    ValueError
        For everything else.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.filename is not None):
            raise
        message = f"{name}={str(path)!r} is damaged, or no {what} ({_said(error)}). {advice}"
        raise ValueError(message) from error


def _said(error: Exception) -> str:
    """The first line of an error, or its kind."""
    first = str(error).strip().partition("\n")[0][:_LONGEST]
    return first.rstrip(".") or type(error).__name__


def check_growth(n_bytes: int, path: Path, *, times: int = _GROWTH) -> None:
    """Refuse, inside :func:`reading`, what would take far more memory than its file is long."""
    n_file = path.stat().st_size
    if n_bytes > max(_ALWAYS, times * n_file):
        message = f"its {size(n_file)} would take {size(n_bytes)} of memory"
        raise ValueError(message)


def unpacked(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzip; to be called inside :func:`reading`."""
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    limit = max(_ALWAYS, _GROWTH * len(content))
    with gzip.open(BytesIO(content)) as file:
        text = file.read(limit + 1)
    if len(text) > limit:
        message = f"its {size(len(content))} unpack to more than {size(limit)}"
        raise ValueError(message)
    return text
