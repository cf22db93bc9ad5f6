"""Data that are backed by a file, and that file."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anndata import AnnData
    from mudata import MuData


def is_file_of(data: Any, path: Path) -> bool:
    """Whether ``data`` are read from the file at ``path``, under whatever name and from whatever folder it was opened."""
    manager = getattr(data, "file", None)
    if not getattr(data, "isbacked", False) or manager is None or not path.exists():
        return False
    try:
        opened = os.fstat(manager._file.file.id.get_vfd_handle())
    except (AttributeError, NotImplementedError, OSError, RuntimeError, ValueError):  # closed, or a driver without one
        name = getattr(manager, "filename", None)
        return name is not None and Path(name).exists() and path.samefile(name)
    return os.path.samestat(opened, path.stat())


@contextmanager
def released(path: Path, container: AnnData | MuData) -> Iterator[None]:
    """Close the file of backed data inside the block: HDF5 cannot open a file for reading and for writing at once."""
    if not is_file_of(container, path):
        yield
        return
    container.file.close()
    try:
        yield
    finally:
        container.file.open(path)  # not by a relative name, from what may be another folder now
