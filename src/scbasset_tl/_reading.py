"""One gate for all readers of files: errors that say which file and what to do, and sizes within bounds."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from scbasset_tl._files import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_GROWTH: Final = 50  # times that a text may be as long as its compressed file
_ALWAYS: Final = 1 << 24
_LONGEST: Final = 200
_OPENERS: Final[dict[bytes, Callable[[Path], Any]]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
DAMAGED: Final = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
"""What reading a compressed file that is cut or damaged raises."""


@contextmanager
def reading(path: Path, what: str, *, advice: str, name: str = "path") -> Iterator[None]:
    """Turn whatever a library raises while it reads ``path`` into a ValueError that names the file.

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


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file's name to errors about the content of a table read from it."""
    try:
        yield
    except (ValueError, KeyError) as error:
        text = str(error.args[0]) if error.args else ""
        if type(error) not in (ValueError, KeyError) or path.name in text:  # those of libraries have gates of their own
            raise
        message = f"{text.rstrip()} The file is {path.name}."
        raise type(error)(message) from error


def _said(error: Exception) -> str:
    """The first line of an error, or its kind."""
    first = str(error).strip().partition("\n")[0][:_LONGEST]
    return first.rstrip(".") or type(error).__name__


def check_growth(n_bytes: int, path: Path) -> None:
    """Refuse, inside :func:`reading`, what would take far more memory than its file is long."""
    n_file = path.stat().st_size
    if n_bytes > max(_ALWAYS, _GROWTH * n_file):
        message = f"its {size(n_file)} would take {size(n_bytes)} of memory"
        raise ValueError(message)


def open_packed(path: Path) -> IO[bytes]:
    """The content of a file as bytes, plain or compressed by gzip, bgzip, bzip2 or xz, which its first bytes tell."""
    opener = _opener(path)
    return path.open("rb") if opener is None else opener(path)


def unpacked(path: Path) -> bytes:
    """All that :func:`open_packed` reads, within bounds; to be called inside :func:`reading` or :func:`unpacking`."""
    if _opener(path) is None:
        return path.read_bytes()
    n_file = path.stat().st_size
    limit = max(_ALWAYS, _GROWTH * n_file)
    with open_packed(path) as file:
        text = file.read(limit + 1)
    if len(text) > limit:
        message = f"its {size(n_file)} unpack to more than {size(limit)}"
        raise OSError(message)
    return text


@contextmanager
def unpacking(path: Path) -> Iterator[None]:
    """Say of a compressed file that it is cut or damaged, while :func:`open_packed` or :func:`unpacked` read it."""
    try:
        yield
    except (OSError, *DAMAGED) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        message = f"{path} cannot be unpacked ({error}). The file is truncated or damaged: fetch it again."
        raise ValueError(message) from error


def _opener(path: Path) -> Callable[[Path], Any] | None:
    with path.open("rb") as file:
        first = file.read(6)
    return next((opener for mark, opener in _OPENERS.items() if first.startswith(mark)), None)
