"""Sequence models of single-cell chromatin accessibility on AnnData and MuData.

``pp`` prepares data, ``tl`` trains and computes and writes to the data, ``get`` reads results, ``pl`` draws them and
``metrics`` scores them; ``io`` reads and writes files, ``datasets`` makes toy data, ``genome`` and ``nn`` hold sequences and
networks, ``compat`` has other packages' names, and ``settings`` says how much is printed.

Submodules load when they are first touched, so that ``import scbasset_tl`` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from scbasset_tl._settings import settings
from scbasset_tl._versions import print_versions

if TYPE_CHECKING:
    from types import ModuleType

__version__ = "0.1.0"
__all__ = ["compat", "datasets", "genome", "get", "io", "metrics", "nn", "pl", "pp", "print_versions", "settings", "tl"]


def __getattr__(name: str) -> "ModuleType":
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
