"""Entries of ``.uns`` beside the slot of a result: what wrote it, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scbasset_tl._keys import SCHEMA_VERSION

if TYPE_CHECKING:
    from anndata import AnnData


def result_entry(verb: str, params: Mapping[str, Any], **slots: str) -> dict[str, Any]:
    """What every result keeps in ``uns``."""
    return {"written_by": verb, "params": dict(params), "slots": slots, "schema_version": SCHEMA_VERSION}


def is_result(entry: Any, verb: str) -> bool:
    """Whether ``verb`` wrote an entry of ``uns``."""
    return isinstance(entry, Mapping) and str(entry.get("written_by")) == verb


def check_replaceable(adata: AnnData, verb: str, entry: str, **slots: str) -> None:
    """Refuse to write over slots, named as ``field=name``, and ``uns[entry]`` that ``verb`` did not write."""
    if is_result(adata.uns.get(entry), verb):
        return
    for field, name in [*slots.items(), ("uns", entry)]:
        if name in getattr(adata, field):
            message = (
                f"{field}[{name!r}] is there already, and not from {verb}: choose another key_added, or delete it."
            )
            raise ValueError(message)
