"""Folders that are replaced in one step."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from scbasset_tl._files import beside, clear_stale, held, leftovers, resolved, sync_folder, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ASIDE = "-aside"
_PAUSES = (0.0, 0.02, 0.1, 0.5)  # seconds: threads of zarr write on for a moment after an error or Ctrl-C


@contextmanager
def replacing_folder(path: Path, copied: Callable[[Path], bool] | None, *, name: str = "path") -> Iterator[Path]:
    """A folder with the content of ``path`` to change: it takes the place of ``path`` at the end, or is deleted.

    Files that ``copied`` answers yes for are copies, as they may be changed in place; all others are the same files
    under a second name (hard links), to be deleted or replaced but not changed. Where ``copied`` is ``None`` the folder
    begins empty. A folder that is not there is made.
    """
    path = resolved(path, name=name)
    restore(path)
    if path.exists() and not path.is_dir():
        message = f"{name}={str(path)!r} is a file: name a folder."
        raise NotADirectoryError(message)
    with writing(name, path):
        clear_stale(path)
        temporary = beside(path)
        try:
            if not path.exists():
                temporary.mkdir()
                yield temporary
                temporary.rename(path)
            else:
                with held(path, name=name):
                    if copied is None:
                        temporary.mkdir()
                        shutil.copystat(path, temporary)
                    else:
                        _clone(path, temporary, copied)
                    yield temporary
                    _exchange(temporary, path)
            sync_folder(path.parent)
            _remove(temporary)
        except BaseException:
            for pause in _PAUSES:
                time.sleep(pause)
                _remove(temporary)
            raise


def restore(path: Path) -> None:
    """Bring back a folder that a killed call had put aside, on a system that cannot exchange two names."""
    if path.exists():
        return
    aside = sorted(folder for folder, _, _, kind in leftovers(path) if kind == _ASIDE)
    if aside:
        aside[0].rename(path)


def _clone(source: Path, target: Path, copied: Callable[[Path], bool]) -> None:
    target.mkdir()
    shutil.copystat(source, target)
    with os.scandir(source) as entries:
        for entry in entries:
            place = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                _clone(source / entry.name, place, copied)
            elif entry.is_symlink() or copied(source / entry.name):
                shutil.copy2(entry.path, place, follow_symlinks=False)
            else:
                _link_or_copy(entry.path, place)


def _link_or_copy(source: str, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV, errno.ENOSYS):
            raise
        shutil.copy2(source, target)


def _exchange(new: Path, old: Path) -> None:
    """Exchange two folders in one step where the system can, else in two, of which :func:`restore` undoes the first."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        at_cwd, exchange = -100, 2
        if libc.renameat2(at_cwd, os.fsencode(new), at_cwd, os.fsencode(old), exchange) == 0:
            return
    aside = beside(old, _ASIDE)
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        aside.rename(old)
        raise
    _remove(aside)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:  # Ctrl-C does not leave half of it
        shutil.rmtree(folder, ignore_errors=True)
        raise
