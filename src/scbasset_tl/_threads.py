"""The threads of the process, which belong to the user."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def same_threads() -> Iterator[None]:
    """Restore the numbers of threads of torch and OpenMP after the block.

    The pool that numba starts for its parallel kernels, those of pynndescent and umap, sets the number for the whole
    process. An OpenMP that is not loaded yet is left as it would be by itself.
    """
    from threadpoolctl import ThreadpoolController

    torch = sys.modules.get("torch")
    n_torch = None if torch is None else torch.get_num_threads()
    before = {pool.filepath: pool.num_threads for pool in ThreadpoolController().lib_controllers}
    by_itself = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    try:
        yield
    finally:
        for pool in ThreadpoolController().lib_controllers:
            number = before.get(pool.filepath, int(by_itself) if by_itself.isdecimal() else None)
            if pool.user_api == "openmp" and number:
                pool.set_num_threads(number)
        if n_torch is not None and torch is not None:
            torch.set_num_threads(n_torch)
