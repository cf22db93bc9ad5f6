"""What every verb keeps in an AnnData: its names, who may replace it, and when it is out of date.

A verb calls :func:`claim` before any work and writes what :func:`entry` makes; a reader calls :func:`find`.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.kinds import KINDS, Kind
from scbasset_tl._keys import SCHEMA_VERSION
from scbasset_tl._validate import check_key_added, check_name

if TYPE_CHECKING:
    from anndata import AnnData


def writer(stored: Any) -> str | None:
    """The verb that wrote an entry of ``uns``; ``None`` if it is not of this package."""
    if not isinstance(stored, Mapping):
        return None
    if "written_by" in stored:
        return str(stored["written_by"])
    return next((kind.verb for kind in KINDS if _is_marked(stored, kind)), None)


def holds(adata: AnnData, kind: Kind, key: str) -> bool:
    """Whether ``uns[key]`` is a result of this kind."""
    stored = adata.uns.get(key)
    verb = writer(stored)
    # a verb that writes several kinds does not tell which
    return verb == kind.verb or (verb in kind.also and _is_marked(stored, kind))


def _is_marked(stored: Mapping[str, Any], kind: Kind) -> bool:
    return any(marks <= stored.keys() for marks in kind.unsigned)


def names(kind: Kind, key_added: str | None = None) -> dict[str, str]:
    """Name of each part, and of the entry in ``uns``: ``X_name`` and ``name`` become ``foo``, ``name_bias`` ``foo_bias``."""
    if key_added is None:
        return {"uns": kind.default, **{part: slot.name for part, slot in kind.slots.items()}}
    ends = {part: slot.name.partition(kind.default)[2] for part, slot in kind.slots.items()}
    return {"uns": key_added, **{part: f"{key_added}{end}" for part, end in ends.items()}}


def claim(
    adata: AnnData, kind: Kind, key_added: str | None, *, key: str | None = None, verb: str = "", **further: str
) -> dict[str, str]:
    """The names to write to, unless they hold what this verb did not write, or what it wrote of another model than ``key``.

    ``further`` slots, as ``field=name``, are the call's own.
    """
    others = {other.default for other in KINDS} - {kind.default}
    check_key_added(key_added, reserved=[*others, key or ""])
    claimed, verb = names(kind, key_added), verb or kind.verb
    slots = [("uns", claimed["uns"]), *((slot.field, claimed[part]) for part, slot in kind.slots.items())]
    own: set[tuple[str, str]] = set()
    stored = adata.uns.get(claimed["uns"])
    if holds(adata, kind, claimed["uns"]):
        origin = stored.get("model", {})
        other = origin.get("key") if isinstance(origin, Mapping) else None
        if key is not None and other is not None and str(other) != key:
            message = (
                f"uns[{claimed['uns']!r}] is of the model {str(other)!r}, not of {key!r}: choose a key_added, or delete it to "
                "replace it."
            )
            raise ValueError(message)
        own = {*slots, *((name, str(value)) for name, value in stored.get("slots", {}).items())}
    for place, name in [*slots, *further.items()]:
        if name in getattr(adata, place) and (place, name) not in own:
            writers = writer(stored) if place == "uns" else None
            whose = "" if writers is None else f" but from {writers}"
            choose = "name another" if (place, name) not in slots else "choose another key_added"
            message = f"{place}[{name!r}] is there already, and not from {verb}{whose}: {choose}, or delete it."
            raise ValueError(message)
    return claimed


def entry(
    kind: Kind,
    params: Mapping[str, Any],
    slots: Mapping[str, str],
    *,
    origin: Mapping[str, Any] | None = None,
    verb: str = "",
) -> dict[str, Any]:
    """What ``uns`` keeps of every result: its verb, call and slots, and the ``origin`` of the model it was made with."""
    made: dict[str, Any] = {
        "written_by": verb or kind.verb,
        "params": {name: value for name, value in params.items() if value is not None},  # files keep no None
        "slots": {part: name for part, name in slots.items() if part != "uns"},
        "schema_version": SCHEMA_VERSION,
    }
    if origin is not None:
        kept = ("key", "digest") if kind.follows == "network" else tuple(origin)
        made["model"] = {name: origin[name] for name in kept}
    return made


def left_over(adata: AnnData, kind: Kind, key: str, kept: Mapping[str, str]) -> list[tuple[str, str]]:
    """Slots (field, name) of the result in ``uns[key]`` that the one which replaces it, with the slots ``kept``, lacks."""
    stored = adata.uns.get(key)
    if not holds(adata, kind, key) or not isinstance(stored, Mapping):
        return []
    before = {part: str(name) for part, name in stored.get("slots", {}).items()}
    return [(kind.slots[part].field, name) for part, name in before.items() if part in kind.slots and part not in kept]


def find(
    adata: AnnData, kind: Kind, key: str, *, whole: bool = True, model_key: str | None = None
) -> Mapping[str, Any]:
    """``uns[key]`` if it is of this kind and of a known layout, has its slots, and is of the model as it is now.

    ``whole=False`` does not check the slots. ``model_key`` is the model to compare with, by default the one it names.
    """
    if not holds(adata, kind, check_name("key", key)):
        keys = [name for name in adata.uns if holds(adata, kind, name)]
        message = f"uns[{key!r}] holds no {kind.what} ({kind.many} here: {keys}): run {kind.call} first, or pass key=."
        parts = [slot for slot in kind.slots.values() if slot.needed and key == kind.default]
        if left := [f"{part.field}[{part.name!r}]" for part in parts if part.name in getattr(adata, part.field)]:
            message += (
                f" {left[0]} is there without it: anndata.concat drops .uns, unless called with uns_merge='first'."
            )
        raise KeyError(message)
    stored: Mapping[str, Any] = adata.uns[key]
    schema = int(stored.get("schema_version", SCHEMA_VERSION))
    if schema > SCHEMA_VERSION:
        message = (
            f"uns[{key!r}] was written by a later scbasset_tl (schema {schema}, this one reads {SCHEMA_VERSION}): "
            "update the package."
        )
        raise ValueError(message)
    _check_whole(kind, key, stored)
    for part, slot in kind.slots.items() if whole else ():
        name = stored.get("slots", {}).get(part)
        if slot.needed and name is not None and str(name) not in getattr(adata, slot.field):
            message = (
                f"{slot.field}[{str(name)!r}], {slot.needed} of uns[{key!r}], is gone: run {writer(stored)} again."
            )
            raise KeyError(message)
    if whole and kind.columns:
        _check_columns(adata, kind, key, stored)
    _check_current(adata, key, stored, model_key)
    return _in_memory(stored)


def _in_memory(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry, with the arrays of lazily read data computed: one by one their texts would be those of dask arrays."""
    if not any(isinstance(value, Mapping) or hasattr(value, "compute") for value in stored.values()):
        return stored
    return {
        name: _in_memory(value)
        if isinstance(value, Mapping)
        else value.compute()
        if hasattr(value, "compute")
        else value
        for name, value in stored.items()
    }


def _check_whole(kind: Kind, key: str, stored: Mapping[str, Any]) -> None:
    """Refuse an entry without parts: two results that differ, of which joining data kept what they share."""
    absent = [name for name in (*kind.keys.split(), "schema_version") if name not in stored]
    origin = stored.get("model")
    if kind.follows != "nothing" and isinstance(origin, Mapping) and "digest" not in origin:
        absent.append("model/digest")
    if absent:
        message = (
            f"uns[{key!r}] lacks {absent}, as after joining data whose {kind.many} differ: run {writer(stored)} again, or "
            "join with uns_merge='first' where all are of one model."
        )
        raise KeyError(message)


def _check_columns(adata: AnnData, kind: Kind, key: str, stored: Mapping[str, Any]) -> None:
    """Refuse an array of other columns than the entry names."""
    slot = str(stored["slots"]["obsm"])
    shape, n_names = np.shape(adata.obsm[slot]), len(stored[kind.columns])
    if len(shape) != 2 or shape[1] != n_names:
        message = (
            f"obsm[{slot!r}] has shape {shape}, uns[{key!r}][{kind.columns!r}] {n_names} names: run {kind.verb} again."
        )
        raise ValueError(message)


def texts(stored: Any) -> list[str]:
    """Text as a list, in whatever type a file gave it back."""
    return [str(value) for value in np.asarray(stored, dtype=object)]


def fingerprint(stored: Mapping[str, Any], bias: np.ndarray | None) -> dict[str, str]:
    """Digest of a model's network and, unless ``bias`` is ``None``, an order-independent one of its cells' biases."""
    digests = {"digest": blake2b(np.ascontiguousarray(stored["weights"]).data, digest_size=16).hexdigest()}
    if bias is not None:
        ordered = np.sort(np.asarray(bias, dtype=np.float32))
        digests["head"] = blake2b(ordered.tobytes(), digest_size=16).hexdigest()
    return digests


def _check_current(adata: AnnData, key: str, stored: Mapping[str, Any], model_key: str | None) -> None:
    """Refuse a result of a model that has changed since; a model that is gone cannot be compared."""
    origin = stored.get("model")
    if not isinstance(origin, Mapping):
        return
    named = str(origin["key"]) if model_key is None else model_key
    model = adata.uns.get(named)
    if not isinstance(model, Mapping) or "weights" not in model:
        return
    column = str(model.get("slots", {}).get("obs"))
    # on a subset of the cells, compare the network only
    whole = {"head", "n_obs"} <= origin.keys() and adata.n_obs == int(origin["n_obs"]) and column in adata.obs
    current = fingerprint(model, adata.obs[column].to_numpy() if whole else None)
    if any(str(origin[name]) != value for name, value in current.items()):
        asked = "" if model_key is None else f", or pass model_key= (it was {str(origin['key'])!r})"
        message = (
            f"uns[{key!r}] was computed with another model than uns[{named!r}] is now (it was trained again, or cells were "
            f"mapped again): run {writer(stored)} again{asked}."
        )
        raise ValueError(message)
    if "head" in origin and "cells" in model and column in adata.obs:
        own = np.isin(np.asarray(adata.obs[column], dtype=np.float32), np.asarray(model["cells"], dtype=np.float32))
        if not own.all():
            message = (
                f"uns[{key!r}] is of the model {named!r}, and {int((~own).sum()):,} of {adata.n_obs:,} cells are not, as after "
                f"joining data: run {writer(stored)} again, or drop these cells."
            )
            raise ValueError(message)
