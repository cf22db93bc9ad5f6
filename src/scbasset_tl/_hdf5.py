"""HDF5 files on disks that fill up: HDF5 itself ends the process when a file cannot be closed."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def safe_hdf5(path: Path, mode: str) -> Iterator[tuple[h5py.File, _Disk]]:
    """The file, ``mode`` being "w" or "r+", and its disk, whose ``check`` raises what could not be written."""
    with safe_disk(path, mode) as disk, h5py.File(disk, mode) as file:
        yield file, disk


@contextmanager
def safe_disk(path: Path, mode: str) -> Iterator[_Disk]:
    """What ``h5py.File``, and who calls it, take for the path.

    HDF5 is never told of an error: what the disk does not take is kept in memory until the file is closed, and then the
    error is raised.
    """
    with path.open("wb+" if mode == "w" else "rb+", buffering=0) as raw:
        disk = _Disk(raw, path)
        try:
            yield disk
        except Exception:
            disk.check()  # rather than what followed from it
            raise
        disk.check()


class _Disk(io.RawIOBase):
    """A file in which no write fails; the first error is kept."""

    def __init__(self, raw: Any, path: Path) -> None:
        self._path = path
        self._raw, self._kept, self._at = raw, [], 0
        self._end = raw.seek(0, io.SEEK_END)
        self.error: OSError | None = None

    _kept: list[tuple[int, bytes]]

    def check(self) -> None:
        """Raise what went wrong."""
        if self.error is not None:
            raise self.error

    def __fspath__(self) -> str:  # mudata opens the file once more, for the line before HDF5's part
        return str(self._path)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        n_read = 0
        self._raw.seek(self._at)
        while n_read < len(view) and (n := self._raw.readinto(view[n_read:])):
            n_read += n
        length = max(n_read, min(len(view), self._end - self._at))
        view[n_read:length] = bytes(length - n_read)
        for start, kept in self._kept:
            first, last = max(start, self._at), min(start + len(kept), self._at + length)
            if first < last:
                view[first - self._at : last - self._at] = kept[first - start : last - start]
        self._at += length
        return length

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        n_written = 0
        if self.error is None:
            try:
                self._raw.seek(self._at)
                while n_written < len(view):
                    n_written += self._raw.write(view[n_written:])
            except OSError as error:
                self.error = error
        if n_written < len(view):
            self._kept.append((self._at + n_written, bytes(view[n_written:])))
        self._at += len(view)
        self._end = max(self._end, self._at)
        return len(view)

    def truncate(self, length: int | None = None) -> int:
        self._end = self._at if length is None else length
        if self.error is None:
            try:
                self._raw.truncate(self._end)
            except OSError as error:
                self.error = error
        return self._end

    def flush(self) -> None:
        """Nothing is buffered."""
