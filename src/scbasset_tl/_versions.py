"""Versions for bug reports."""

from __future__ import annotations

from importlib import import_module


def print_versions() -> None:
    """Print the versions of this package and of all that it uses, and what machine this is, for bug reports.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> sb.print_versions()  # doctest: +ELLIPSIS
    scbasset_tl ...
    """
    from session_info2 import session_info

    for package in ("torch", "anndata", "mudata", "scanpy", "numba"):
        import_module(package)  # only what is loaded is listed
    version = import_module("scbasset_tl").__version__
    print(f"scbasset_tl {version}\n{session_info(os=True, cpu=True, gpu=True, dependencies=True)}")
