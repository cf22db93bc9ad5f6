"""What every kind of result promises, whichever verb wrote it."""

import re
from copy import deepcopy
from importlib.util import find_spec

import anndata as ad
import mudata as md
import numpy as np
import pytest

from scbasset_tl._adata import kinds
from scbasset_tl._adata.results import find, names, writer

KINDS = [kind for kind in kinds.KINDS if kind is not kinds.MODISCO or find_spec("modiscolite") is not None]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.default)
# generated cells are data of their own, and the name of a decoder follows from its model's
CLAIMED = [kind for kind in KINDS if kind not in (kinds.GENERATED, kinds.DECODER)]
every_claimed = pytest.mark.parametrize("kind", CLAIMED, ids=lambda kind: kind.default)


def every_part_of(chosen):
    parts = [(kind, part) for kind in chosen for part in kind.slots]
    return pytest.mark.parametrize(("kind", "part"), parts, ids=lambda value: getattr(value, "default", value))


OF_MODEL = [kind for kind in KINDS if kind.follows in ("network", "cells")]
FIELDS = ("obs", "var", "obsm", "varm", "layers", "uns")


def slots_of(data):
    return {(field, name) for field in FIELDS for name in getattr(data, field)}


def put(data, field, name):
    """Something of the user's."""
    length = data.n_vars if field.startswith("var") else data.n_obs
    shape = {"obs": length, "var": length, "layers": data.shape}.get(field, (length, 2))
    getattr(data, field)[name] = {"mine": 1} if field == "uns" else np.ones(shape)


def assert_refused(data, call, message):
    """The call is refused and nothing is changed."""
    before, mine = slots_of(data), deepcopy(data.uns.get("mine"))
    with pytest.raises(ValueError, match=message):
        call()
    assert slots_of(data) == before
    np.testing.assert_equal(data.uns.get("mine"), mine)


@every_kind
def test_entries_say_what_they_are(everything, kind):
    entry = everything.uns[kind.default]
    assert entry["written_by"] == kind.verb == writer(entry)
    assert {"params", "schema_version", "slots"} <= entry.keys()
    declared = names(kind)
    assert all(declared[part] == name for part, name in entry["slots"].items())
    assert all(name in getattr(everything, kind.slots[part].field) for part, name in entry["slots"].items())
    needed = {part for part, slot in kind.slots.items() if slot.needed}
    assert needed - {"encoder"} <= entry["slots"].keys()
    expected = {
        "nothing": set(),
        "network": {"key", "digest"},
        "cells": {"key", "digest", "head", "n_obs"},
        "atac_diff": {"key", "digest"},
    }[kind.follows]
    assert entry.get("model", {}).keys() == expected


@every_kind
def test_entries_hold_no_none(everything, kind):
    def has_none(value):
        return value is None or (isinstance(value, dict) and any(map(has_none, value.values())))

    assert not has_none(everything.uns[kind.default])


def test_names_follow_one_rule():
    assert names(kinds.MODEL, "foo") == {
        "uns": "foo", "obsm": "foo", "obs": "foo_bias", "varm": "foo", "se": "foo_se", "ood": "foo_ood", "seen": "foo_seen"
    }  # fmt: skip
    assert names(kinds.DENOISE, "foo") == {"uns": "foo", "layers": "foo"}
    assert names(kinds.RAW_GENE_SCORES) == {"uns": "gene_scores_raw", "obsm": "gene_scores_raw"}
    assert names(kinds.ATAC_DIFF, "foo")["encoder"] == "foo_in"


@pytest.fixture(scope="module")
def retrained(_everything, calls):
    data = _everything.copy()
    calls(data, "scbasset", rng=7)
    return data


@every_kind
def test_results_of_a_model_that_was_trained_again_are_refused(retrained, kind):
    if kind in OF_MODEL:
        with pytest.raises(ValueError, match=rf"trained again.*run {kind.verb} again"):
            find(retrained, kind, kind.default)
    else:
        find(retrained, kind, kind.default)


def test_results_of_another_diffusion_model_are_refused(everything, calls):
    calls(everything, "atac_diff", rng=3)
    for kind in (kinds.IMPUTED, kinds.GENERATED):
        with pytest.raises(ValueError, match=rf"run {kind.verb} again"):
            find(everything, kind, kind.default)


@every_claimed
def test_an_entry_of_the_users_is_not_replaced(everything, calls, kind):
    put(everything, "uns", "mine")
    message = rf"uns\['mine'\] is there already, and not from {kind.verb}: choose another key_added"
    assert_refused(everything, lambda: calls(everything, kind.default, key_added="mine"), message)


@every_part_of(CLAIMED)
def test_a_slot_of_the_users_is_not_replaced(everything, calls, kind, part):
    field, name = kind.slots[part].field, names(kind, "mine")[part]
    put(everything, field, name)
    message = rf"{field}\['{name}'\] is there already, and not from {kind.verb}"
    assert_refused(everything, lambda: calls(everything, kind.default, key_added="mine"), message)
    assert (np.asarray(getattr(everything, field)[name]) == 1).all()


@every_claimed
def test_a_name_of_another_verb_is_refused(everything, calls, kind):
    other = kinds.DESIGN if kind is not kinds.DESIGN else kinds.ISM
    everything.uns["mine"] = deepcopy(everything.uns[other.default])
    message = rf"uns\['mine'\] is there already, and not from {kind.verb} but from {other.verb}"
    assert_refused(everything, lambda: calls(everything, kind.default, key_added="mine"), message)
    message = f"key_added='{other.default}' would replace a slot that is needed, or another result"
    assert_refused(everything, lambda: calls(everything, kind.default, key_added=other.default), message)


@every_claimed
def test_what_the_same_verb_wrote_of_another_model_is_kept(everything, calls, kind):
    if kind.follows == "nothing" or kind is kinds.ATAC_DIFF:
        pytest.skip("it is not read from a model")
    everything.uns["mine"] = deepcopy(everything.uns[kind.default])
    everything.uns["mine"]["model"]["key"] = "other"
    message = r"uns\['mine'\] is of the model 'other', not of '(scbasset|atac_diff)'"
    assert_refused(everything, lambda: calls(everything, kind.default, key_added="mine"), message)


@every_claimed
def test_a_result_of_its_own_is_replaced(everything, calls, kind):
    before = everything.uns[kind.default]
    calls(everything, kind.default)
    assert everything.uns[kind.default] is not before
    find(everything, kind, kind.default)


@every_part_of(KINDS)
def test_a_slot_that_is_gone_is_named(everything, kind, part):
    name = everything.uns[kind.default]["slots"].get(part)
    if name is None:
        pytest.skip("not of every result of this kind")
    del getattr(everything, kind.slots[part].field)[name]
    if not kind.slots[part].needed:
        find(everything, kind, kind.default)
        return
    with pytest.raises(KeyError, match=rf"{kind.slots[part].field}\['{name}'\], .* is gone: run {kind.verb} again"):
        find(everything, kind, kind.default)


@every_kind
def test_a_later_schema_is_refused(everything, kind):
    everything.uns[kind.default]["schema_version"] = 99
    with pytest.raises(ValueError, match=r"written by a later scbasset_tl \(schema 99"):
        find(everything, kind, kind.default)


@every_kind
def test_nothing_and_other_kinds_are_refused(everything, kind):
    for key in ("nothing", "ism" if kind is not kinds.ISM else "design"):
        message = re.escape(f"uns['{key}'] holds no {kind.what} ({kind.many} here: [")
        with pytest.raises(KeyError, match=message) as error:
            find(everything, kind, key)
        assert kind.default in str(error.value)
        assert kind.call in str(error.value)


@pytest.mark.parametrize("how", ["subset", "reordered", "peaks", "joined"])
def test_results_are_read_of_parts_and_of_joined_parts(everything, how):
    data = {
        "subset": lambda: everything[:20].copy(),
        "reordered": lambda: everything[::-1].copy(),
        "peaks": lambda: everything[:, :30].copy(),
        "joined": lambda: ad.concat([everything[:20], everything[20:]], merge="same", uns_merge="same"),
    }[how]()
    for kind in KINDS:
        find(everything, kind, kind.default)
        for part, name in data.uns[kind.default].get("slots", {}).items():
            assert name in getattr(data, kind.slots[part].field)


@pytest.mark.parametrize("store", ["h5ad", "zarr", "h5mu"])
def test_files_keep_every_result(everything, tmp_path, store):
    path = tmp_path / f"data.{store}"
    if store == "h5mu":
        md.MuData({"atac": everything.copy()}).write_h5mu(path)
        data = md.read_h5mu(path)["atac"]
    elif store == "zarr":
        everything.copy().write_zarr(path)
        data = ad.read_zarr(path)
    else:
        everything.write_h5ad(path)
        data = ad.read_h5ad(path)
    for kind in KINDS:
        assert_same(find(data, kind, kind.default), everything.uns[kind.default])


def assert_same(one, other):
    """Entries of the same names, values and types."""
    if isinstance(other, dict):
        assert one.keys() == other.keys()
        for name in other:
            assert_same(one[name], other[name])
    elif np.asarray(other).dtype.names:  # a table of scanpy's
        for name in np.asarray(other).dtype.names:
            assert_same(np.asarray(one)[name], np.asarray(other)[name])
    else:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_second_model_does_not_change_the_first(everything, calls):
    calls(everything, "scbasset", key_added="second", rng=5)
    calls(everything, "ism", key="second", key_added="ism_second")
    for kind in KINDS:
        find(everything, kind, kind.default)
    with pytest.raises(ValueError, match=r"run tl.ism again, or pass model_key= \(it was 'second'\)"):
        find(everything, kinds.ISM, "ism_second", model_key="scbasset")


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in (*kind.keys.split(), "schema_version")],
    ids=lambda value: getattr(value, "default", value),
)
def test_an_entry_without_a_part_is_refused_by_its_name(everything, kind, name):
    entry = everything.uns[kind.default]
    assert name in entry
    everything.uns[kind.default] = {key: value for key, value in entry.items() if key != name} | {
        "written_by": kind.verb
    }
    with pytest.raises(KeyError, match=rf"uns\['{kind.default}'\] lacks \['{name}'\]"):
        find(everything, kind, kind.default)
