"""Files and folders that are replaced in one step."""

from __future__ import annotations

import errno
import os
import re
import shutil
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARK = "scbtmp"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LONGEST_NAME = 150  # bytes; file systems end at 255


def as_path(name: str, value: str | os.PathLike[str]) -> Path:
    """Argument ``name`` as a path."""
    if isinstance(value, str) and not value:
        message = f"{name} must be a path, got ''."
        raise ValueError(message)
    try:
        return Path(value).expanduser()
    except TypeError as error:
        message = f"{name} must be a path, got {value!r}."
        raise TypeError(message) from error


def check_target(name: str, path: Path) -> None:
    """Refuse a path that is a folder, a device or a pipe, or whose folder does not exist."""
    if path.is_dir():
        message = f"{name}={str(path)!r} is a folder: name a file in it."
        raise IsADirectoryError(message)
    if path.exists() and not path.is_file():  # a file in its place would take it from every program, as /dev/null
        message = f"{name}={str(path)!r} is a device, a pipe or a socket, which is not replaced: name a file."
        raise FileExistsError(message)
    if not path.parent.is_dir():
        message = f"{name}={str(path)!r}: the folder {str(path.parent)!r} does not exist."
        raise FileNotFoundError(message)


def resolved(path: Path, *, name: str = "path") -> Path:
    """What a link leads to."""
    try:
        return path.resolve()
    except RuntimeError as error:  # what Python before 3.13 raises
        message = f"{name}={str(path)!r} is a link that leads back to itself: name another path, or delete it."
        raise OSError(errno.ELOOP, message) from error


def check_own(path: Path, is_own: Callable[[Path], bool], what: str, *, name: str = "path") -> None:
    """Refuse to replace anything but an empty file or one that ``is_own`` knows as ``what``."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    own = False
    with suppress(OSError, ValueError, KeyError, TypeError, RuntimeError):  # a damaged file is not known either
        own = is_own(path)
    if not own:
        message = (
            f"{name}={str(path)!r} is there and is not {what}, so it is not replaced: name another file, or delete it."
        )
        raise FileExistsError(message)


def is_full(error: OSError) -> bool:
    """Whether a disk, a quota or a limit on the size of files leaves no room."""
    return error.errno in _FULL


def size(n_bytes: float) -> str:
    """Bytes in words."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


@contextmanager
def replacing(path: Path, *, name: str = "path", n_bytes: int | None = None) -> Iterator[Path]:
    """A path beside ``path`` to write to: it takes the place of ``path`` at the end, or is deleted on an error.

    ``name`` is the argument that errors mention, ``n_bytes`` what will be written. What calls that were killed left
    beside ``path`` is removed first.
    """
    check_target(name, path)
    path = resolved(path, name=name)  # a link stays one
    check_target(name, path)
    with writing(name, path, n_bytes):
        clear_stale(path)
        temporary = beside(path)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            if path.exists():
                shutil.copymode(path, temporary)
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def beside(path: Path, kind: str = "") -> Path:
    """A name beside ``path`` that says which process of which machine uses it."""
    return path.with_name(f"{_prefix(path)}{_host()}-{os.getpid()}-{uuid4().hex[:8]}{kind}.{_MARK}")


def clear_stale(path: Path) -> None:
    """Remove what ended processes left beside ``path``."""
    with suppress(OSError):
        for leftover, host, process, _ in leftovers(path):
            if host == _host() and not _is_alive(process):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)


def leftovers(path: Path) -> list[tuple[Path, str, int, str]]:
    """Files and folders that :func:`beside` named for ``path``: place, machine, process and kind of each."""
    form = re.compile(rf"{re.escape(_prefix(path))}([0-9a-f]+)-(\d+)-[0-9a-f]+(.*)\.{_MARK}")
    try:
        matches = [(file, form.fullmatch(file.name)) for file in path.parent.iterdir()]
    except OSError:
        return []
    return [(file, match[1], int(match[2]), match[3]) for file, match in matches if match]


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def held(path: Path, *, name: str = "path") -> Iterator[None]:
    """Lock an existing file or folder against others that hold it or have it open in HDF5."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows, which lets nobody replace an open file
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        busy = False
        try:
            flock(handle, LOCK_EX | LOCK_NB)
            busy = not (path.exists() and os.path.samestat(os.fstat(handle), path.stat()))  # replaced meanwhile
        except BlockingIOError:
            busy = True
        except OSError:  # a file system without locks
            pass
        if busy:
            message = (
                f"{name}={str(path)!r} cannot be written: it is open elsewhere, or another process writes it. Close it "
                "there, or wait, and call again."
            )
            raise BlockingIOError(errno.EAGAIN, message)
        yield
    finally:
        os.close(handle)


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here for the same folder, where the file system has locks."""
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            from fcntl import LOCK_EX, flock

            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            flock(handle, LOCK_EX)
        yield


@contextmanager
def writing(name: str, path: Path, n_bytes: int | None = None) -> Iterator[None]:
    """Name the argument in errors of the system and, on a full disk, the bytes needed and left."""
    try:
        yield
    except OSError as error:
        if not error.errno or isinstance(error, BlockingIOError):
            raise
        message = f"{name}={str(path)!r} cannot be written: {os.strerror(error.errno)}."
        if is_full(error):
            need = "" if n_bytes is None else f"It needs {size(n_bytes)}; "
            with suppress(OSError):
                message += (
                    f" {need}{str(path.parent)!r} has {size(shutil.disk_usage(path.parent).free)} left: make room."
                )
        raise OSError(error.errno, message) from error


def _prefix(path: Path) -> str:
    own = path.name
    if len(os.fsencode(own)) > _LONGEST_NAME:
        own = blake2b(os.fsencode(own), digest_size=16).hexdigest()
    return f".{own}."


def _host() -> str:
    return blake2b(os.fsencode(os.uname().nodename if hasattr(os, "uname") else ""), digest_size=4).hexdigest()


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
