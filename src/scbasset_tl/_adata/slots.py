"""Entries of ``.uns`` beside the slot of a result: what wrote it, how, and from which model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.model.store import is_model, model_digest, model_entry
from scbasset_tl._keys import SCHEMA_VERSION, scbasset_slots

if TYPE_CHECKING:
    from anndata import AnnData


def result_entry(verb: str, params: Mapping[str, Any], **slots: str) -> dict[str, Any]:
    """What every result keeps in ``uns``."""
    return {"written_by": verb, "params": dict(params), "slots": slots, "schema_version": SCHEMA_VERSION}


def is_result(entry: Any, verb: str) -> bool:
    """Whether ``verb`` wrote an entry of ``uns``."""
    return isinstance(entry, Mapping) and str(entry.get("written_by")) == verb


def check_replaceable(adata: AnnData, verb: str, entry: str, *, key: str | None = None, **slots: str) -> None:
    """Refuse to write over slots, named as ``field=name``, and ``uns[entry]`` that ``verb`` did not write.

    What it wrote of another model than ``key`` stays as well.
    """
    there = adata.uns.get(entry)
    if is_result(there, verb):
        other = there["params"].get("key")
        if key is not None and other is not None and str(other) != key:
            message = f"uns[{entry!r}] is of the model {str(other)!r}, not of {key!r}: choose a key_added, or delete it to replace it."
            raise ValueError(message)
        return
    for field, name in [*slots.items(), ("uns", entry)]:
        if name in getattr(adata, field):
            message = (
                f"{field}[{name!r}] is there already, and not from {verb}: choose another key_added, or delete it."
            )
            raise ValueError(message)


def check_free(
    adata: AnnData, key_added: str | None, verb: str, *, is_own: Callable[[Any], bool] | None = None, **slots: str
) -> None:
    """Refuse a ``key_added`` under which ``uns`` or slots, named as ``field=name``, hold what ``verb`` did not write.

    Default names belong to the package. ``is_own`` recognises an entry that does not say who wrote it.
    """
    if key_added is None:
        return
    there = adata.uns.get(key_added)
    if is_own(there) if is_own else is_result(there, verb):
        return
    for field, name in [("uns", key_added), *slots.items()]:
        if name in getattr(adata, field):
            message = (
                f"key_added={key_added!r} would replace {field}[{name!r}], which is not from {verb}: choose another "
                "key_added, or delete it."
            )
            raise ValueError(message)


def check_model_free(adata: AnnData, key_added: str | None, verb: str) -> None:
    """Refuse a ``key_added`` for a model under which the data hold something that is no model."""
    slots = scbasset_slots(key_added).as_dict()
    check_free(adata, key_added, verb, is_own=is_model, **slots)


def model_origin(adata: AnnData, key: str) -> dict[str, Any]:
    """What tells the model ``key``, network and cells, from another, and from itself after more training."""
    head = _head_digest(adata, key)
    return {"key": key, "digest": model_digest(adata, key), "n_obs": adata.n_obs, **({"head": head} if head else {})}


def check_origin(adata: AnnData, entry: str, verb: str) -> None:
    """Refuse ``uns[entry]`` of a model that is another by now; one that is not there any more cannot be asked."""
    origin = adata.uns[entry].get("model")
    if origin is None or str(origin["key"]) not in adata.uns:
        return
    key = str(origin["key"])
    # of some of the cells only the network can be compared
    head = _head_digest(adata, key) if adata.n_obs == int(origin["n_obs"]) else None
    if str(origin["digest"]) != model_digest(adata, key) or (head and head != str(origin.get("head", head))):
        message = (
            f"uns[{entry!r}] was computed with another model than uns[{key!r}] is now (it was trained again, or cells were "
            f"mapped again): run {verb} again."
        )
        raise ValueError(message)


def _head_digest(adata: AnnData, key: str) -> str | None:
    """Order-independent digest of the cells' biases; ``None`` if the column is gone."""
    column = model_entry(adata, key)["slots"]["obs"]
    if column not in adata.obs:
        return None
    return blake2b(np.sort(np.asarray(adata.obs[column], dtype=np.float32)).tobytes(), digest_size=16).hexdigest()
