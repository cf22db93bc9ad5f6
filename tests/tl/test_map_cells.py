"""tl.map_cells: what is written, from which peaks and batches, in which containers."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import scbasset_tl as sb
from scbasset_tl._adata.model import map_cells as mapping
from scbasset_tl._adata.model.batches import Batches
from scbasset_tl._adata.model.store import read_network

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2}
SLOTS = {"obsm": ["X_scbasset"], "varm": ["scbasset"], "obs": ["scbasset_bias", "scbasset_se", "scbasset_ood"]}


@pytest.fixture
def pair(tiny):
    """A query of 25 cells, and a reference of 35 with a model."""
    reference = tiny[25:].copy()
    sb.tl.scbasset(reference, **SMALL)
    return tiny[:25].copy(), reference


def assert_same_slots(expected, found):
    for field, names in SLOTS.items():
        for name in names:
            np.testing.assert_array_equal(getattr(found, field)[name], getattr(expected, field)[name])
    assert read_network(found).origin() == read_network(expected).origin()


def gradient(adata, key="scbasset"):
    """Gradient of each cell's loss, at the model's own probabilities."""
    slots = adata.uns[key]["slots"]
    probability = sb.get.accessibility(adata, key=key, normalize_depth=False, scale="sigmoid").to_numpy()
    error = probability - (adata.X > 0)
    pull = adata.uns[key]["params"]["l2"] * adata.obsm[slots["obsm"]]
    fitted = adata.var[adata.uns[key]["params"]["seen"]].to_numpy()
    error = np.asarray(error)[:, fitted]
    return error @ adata.varm[slots["varm"]][fitted] + pull, error.sum(axis=1)


def test_the_vectors_are_the_optimum_and_the_trunk_the_reference_s(pair):
    query, reference = pair
    sb.tl.map_cells(query, reference)
    assert read_network(query).origin() == read_network(reference).origin()
    np.testing.assert_array_equal(query.varm["scbasset"], reference.varm["scbasset"])
    assert np.abs(np.column_stack(gradient(query))).max() < 1e-4
    assert query.uns["scbasset"]["params"]["l2"] == pytest.approx(1 / reference.obsm["X_scbasset"].var())
    assert query.obs["scbasset_ood"].dtype == bool
    assert (query.obs["scbasset_se"] > 0).all()
    depth = np.asarray((query.X > 0).sum(axis=1)).ravel()
    assert np.corrcoef(query.obs["scbasset_bias"], np.log(depth))[0, 1] > 0.8
    with pytest.raises(KeyError, match="no history"):
        sb.get.history(query)


def test_other_peaks_are_embedded_by_the_network(pair):
    query, reference = pair
    everything = sb.tl.map_cells(query, reference, copy=True)
    some, others = query[:, 40:].copy(), reference[:, :60].copy()
    sb.tl.map_cells(some, others)
    np.testing.assert_allclose(some.varm["scbasset"], everything.varm["scbasset"][40:], atol=1e-5)
    del others.varm["dna_code"]
    again = sb.tl.map_cells(some, others, copy=True)
    np.testing.assert_allclose(again.varm["scbasset"], some.varm["scbasset"], atol=1e-5)


def test_a_reference_onto_itself_needs_another_name(pair):
    _, reference = pair
    trained = reference.obsm["X_scbasset"].copy()
    sb.tl.map_cells(reference, reference, key_added="mapped")
    np.testing.assert_array_equal(reference.obsm["X_scbasset"], trained)
    assert np.abs(np.column_stack(gradient(reference, "mapped"))).max() < 1e-4
    assert {"mapped_bias", "mapped_se", "mapped_ood"} <= set(reference.obs)
    assert 0 < reference.obs["mapped_ood"].sum() < 7


def test_a_large_penalty_shrinks_vectors_and_never_biases(pair):
    query, reference = pair
    sb.tl.map_cells(query, reference, l2=1e9, peaks="all")
    assert np.abs(query.obsm["X_scbasset"]).max() < 1e-5
    density = np.asarray((query.X > 0).mean(axis=1)).ravel()
    np.testing.assert_allclose(expit(query.obs["scbasset_bias"]), density, rtol=1e-4)


def test_batches_are_taken_out_and_new_ones_get_the_mean(tiny):
    reference, query = tiny[20:].copy(), tiny[:20].copy()
    sb.tl.scbasset(reference, **SMALL, batch_key="batch", l2_cell=1e-6, l2_batch=1e-6)
    query.obs["batch"] = np.where(np.arange(20) < 8, "x", "new")
    sb.tl.map_cells(query, reference)
    stored, known = (adata.uns["scbasset"]["batch"] for adata in (query, reference))
    assert list(stored["categories"]) == ["x", "y", "new"]
    np.testing.assert_allclose(stored["weight"][2], known["weight"].mean(axis=0), rtol=1e-6)
    assert np.abs(np.column_stack(gradient(query))).max() < 1e-4
    assert query.obs["scbasset_ood"].dtype == bool


@pytest.mark.parametrize("trained_as", [int, float, str, "category"])
@pytest.mark.parametrize("mapped_as", [int, float, str, "category", "Int64", object])
def test_numbers_are_the_same_batches_in_every_dtype(tiny, trained_as, mapped_as, monkeypatch):
    head = np.arange(5.0)
    known = Batches(
        ["donor"], [sorted(set(pd.Series([0, 1, 10]).astype(trained_as).astype(str)))], head[:3, None], head[:3]
    )
    obs = pd.DataFrame({"donor": pd.Series([10, 0, 1, 0]).astype(mapped_as)})
    said = []
    monkeypatch.setattr(mapping, "info", said.append)
    found = mapping.query_batches(obs, known)
    assert found.categories == known.categories
    assert not said
    expected = [[float(level) for level in known.categories[0]].index(value) for value in (10, 0, 1, 0)]
    np.testing.assert_array_equal(found.design(obs)[:, 0], expected)


def test_new_batches_are_named_and_names_are_no_numbers(monkeypatch):
    known = Batches(["donor"], [["1", "01"]], np.zeros((2, 1)), np.zeros(2))
    said = []
    monkeypatch.setattr(mapping, "info", said.append)
    found = mapping.query_batches(pd.DataFrame({"donor": ["01", "1.0", "001", "new"]}), known)
    assert found.categories == [["1", "01", "001", "new"]]
    assert "'001', 'new' are batches that the model does not know; it knows '1', '01'" in said[0]


def test_held_out_entries_never_reach_the_vectors(pair):
    query, reference = pair
    held_out = (reference.var["split"] != "train").to_numpy()
    query.var["split"] = reference.var["split"]
    other = query.copy()
    dense = other.X.toarray()
    dense[:, held_out] = 1 - (dense[:, held_out] > 0)
    other.X = dense
    for adata in (query, other):
        sb.tl.map_cells(adata, reference)
    np.testing.assert_array_equal(query.obsm["X_scbasset"], other.obsm["X_scbasset"])
    np.testing.assert_array_equal(query.var["scbasset_seen"], ~held_out)
    assert len(sb.metrics.accessibility_auc(query, split="held-out").per_peak) == held_out.sum()
    assert "mapped" in sb.get.report(query).sentences["convergence"]


def test_peaks_that_were_seen_are_never_called_held_out(pair):
    query, reference = pair
    query.var["split"] = reference.var["split"]
    sb.tl.map_cells(query, reference)
    sb.tl.map_cells(query, reference, peaks="all", key_added="all")
    assert query.var["all_seen"].all()
    for split in ("val", "test", "held-out"):
        with pytest.raises(ValueError, match="are not held out of it"):
            sb.metrics.accessibility_auc(query, key="all", split=split)
    with pytest.raises(ValueError, match="are not held out of it"):
        sb.get.report(query, key="all")
    for split in ("train", None):
        sb.metrics.accessibility_auc(query, key="all", split=split)
    query.var["split"] = np.roll(query.var["split"], 20)  # another split than the network's
    with pytest.raises(ValueError, match="are not held out of it"):
        sb.metrics.accessibility_auc(query, split="held-out")
    query.var["split"] = reference.var["split"]
    part = query[:, ::-1].copy()
    sb.metrics.accessibility_auc(part, split="held-out")  # peaks in another order keep what they are
    del part.var["scbasset_seen"]
    with pytest.raises(ValueError, match="are not held out of it"):
        sb.metrics.accessibility_auc(part, split="held-out")


def test_what_a_mapped_reference_has_not_seen_stays_unseen(pair):
    query, reference = pair
    sb.tl.map_cells(query, reference)
    again = query.copy()
    sb.tl.map_cells(again, query, key_added="again")
    np.testing.assert_array_equal(again.var["again_seen"], query.var["scbasset_seen"])
    no_split = reference.copy()
    del no_split.var["split"]
    sb.tl.map_cells(again, no_split, key_added="blind")
    assert again.var["blind_seen"].all()


def test_what_reads_models_reads_this_one(pair):
    query, reference = pair
    sb.tl.map_cells(query, reference)
    sb.tl.ism(query, [0])
    assert sb.get.model(query, groupby="kind").vectors.shape == (2, 6)
    assert len(sb.metrics.accessibility_auc(query, split=None).per_cell) == query.n_obs


def test_a_reference_without_counts_marks_no_cell(pair):
    query, reference = pair
    reference.X = None
    sb.tl.map_cells(query, reference)
    assert "scbasset_se" in query.obs
    assert "scbasset_ood" not in query.obs


def test_containers_views_and_files(pair, tmp_path):
    query, reference = pair
    expected = sb.tl.map_cells(query, reference, copy=True)
    assert "scbasset" not in query.uns
    mdata = md.MuData({"peaks": query.copy()})
    copied = sb.tl.map_cells(mdata, md.MuData({"peaks": reference.copy()}), mod="peaks", copy=True)
    assert_same_slots(expected, copied["peaks"])
    assert "scbasset" not in mdata["peaks"].uns
    view = query[np.arange(25)]
    sb.tl.map_cells(view, reference)
    assert_same_slots(expected, view)
    expected.write_h5ad(tmp_path / "a.h5ad")
    expected.write_zarr(tmp_path / "a.zarr")
    copied.write_h5mu(tmp_path / "a.h5mu")
    read = [ad.read_h5ad(tmp_path / "a.h5ad"), ad.read_zarr(tmp_path / "a.zarr")]
    for adata in [*read, md.read_h5mu(tmp_path / "a.h5mu")["peaks"]]:
        assert_same_slots(expected, adata)
        assert adata.uns["scbasset"]["params"]["name"] == "map_cells"


def test_a_generator_is_drawn_from_and_a_layer_is_read(pair):
    query, reference = pair
    expected = sb.tl.map_cells(query, reference, copy=True)
    query.layers["counts"] = query.X.copy()
    query.X = np.ones_like(query.X.toarray())
    sb.tl.map_cells(query, reference, layer="counts", rng=np.random.default_rng(0))
    np.testing.assert_array_equal(query.obsm["X_scbasset"], expected.obsm["X_scbasset"])
    assert "seed" not in query.uns["scbasset"]["params"]
    assert query.uns["scbasset"]["params"]["layer"] == "counts"


def test_solved_vectors_are_less_noisy_and_shuffled_cells_are_odd(trained_toy):
    sb.tl.map_cells(trained_toy, trained_toy, peaks="all", key_added="mapped")
    trained = sb.metrics.label_score(trained_toy, label_key="cell_type", k=10)
    solved = sb.metrics.label_score(trained_toy, label_key="cell_type", use_rep="mapped", k=10)
    assert solved > max(trained, 0.9)
    deep = trained_toy[trained_toy.obs["depth"] > 60].copy()
    dense = deep.X.toarray() > 0
    deep.X = np.random.default_rng(0).permuted(dense, axis=1).astype(np.float32)
    sb.tl.map_cells(deep, trained_toy)
    assert deep.obs["scbasset_ood"].mean() > 0.75
    assert 0.01 < trained_toy.obs["mapped_ood"].mean() < 0.09


@pytest.mark.parametrize("form", ["data", "view", "MuData", "part of a MuData"])
@pytest.mark.parametrize("key", ["scbasset", "scembed"])
def test_a_reference_keeps_its_own_model(pair, key, form):
    _, reference = pair
    sb.tl.scembed(reference, n_latent=4, max_epochs=1)
    mdata = md.MuData({"atac": reference})
    data = {"data": reference, "view": reference[:30], "MuData": mdata, "part of a MuData": mdata[:30]}[form]
    with pytest.raises(ValueError, match=rf"its own model '{key}' would be replaced"):
        sb.tl.map_cells(data, data, key=key)
    sb.tl.map_cells(data, data, key=key, key_added="mapped")


def test_a_model_that_replaces_another_leaves_none_of_its_columns(pair):
    query, reference = pair
    sb.tl.map_cells(query, reference)
    query.obs["scbasset_note"] = "mine"
    assert {"scbasset_se", "scbasset_ood"} <= {*query.obs}
    sb.tl.scbasset(query, **SMALL, recipe="paper")
    assert [*query.obs] == [*reference.obs.columns[:2], "scbasset_bias", "scbasset_note"]
    assert "scbasset_seen" not in query.var
