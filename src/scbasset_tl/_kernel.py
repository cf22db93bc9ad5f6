"""How the package compiles its numba kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``numba.njit``, with the machine code cached on disk wherever there is a place to write it."""

    def compile_lazily(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # read-only installation and no writable cache folder
            return numba.njit(**options)(function)

    return compile_lazily
