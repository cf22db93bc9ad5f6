"""Files that may be compressed, which their first bytes tell."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OPENERS: Final[dict[bytes, Callable[[Path], Any]]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
DAMAGED: Final = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
"""What reading a file that is cut or damaged raises."""


def open_packed(path: Path) -> IO[bytes]:
    """The content of a file as bytes, plain or compressed by gzip, bgzip, bzip2 or xz."""
    with path.open("rb") as file:
        first = file.read(6)
    opener = next((opener for mark, opener in _OPENERS.items() if first.startswith(mark)), None)
    return path.open("rb") if opener is None else opener(path)
