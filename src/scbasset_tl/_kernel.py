"""How the package compiles its numba kernels."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numba
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher
from numba.core.sigutils import normalize_signature

from scbasset_tl._log import info

if TYPE_CHECKING:
    from collections.abc import Callable


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``numba.njit``, with the machine code cached on disk wherever there is a place to write it."""

    def compile_lazily(function: Callable[..., Any]) -> Callable[..., Any]:
        compiled = numba.njit(**options)(function)
        if isinstance(compiled, Dispatcher):  # not where numba is switched off
            with suppress(RuntimeError):  # read-only installation and no writable cache folder
                compiled._cache = _Cache(function)  # type: ignore[attr-defined]
        return compiled

    return compile_lazily


class _Cache(FunctionCache):
    """Machine code on disk, which no call needs: where it cannot be saved or read, it is compiled again.

    numba's own cache ends the call: on a full disk, on a file that was damaged. Of two processes that save at the same
    moment, one may leave its code under the name of the other's, so that the types are compared.
    """

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            try:
                super().save_overload(sig, data)
            except OSError:
                raise
            except Exception:  # noqa: BLE001  # an index that cannot be read: begin another
                self.flush()
                super().save_overload(sig, data)
        except OSError as error:
            info(f"{self._name}: the compiled code could not be saved in {self.cache_path!r}: {error.strerror}")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            code = super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001  # whatever unpickling and linking raise
            return None
        if code is None or tuple(code.signature.args) != tuple(normalize_signature(sig)[0]):
            return None
        return code
