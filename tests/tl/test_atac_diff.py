"""tl.atac_diff, tl.generate and tl.impute: slots, containers, files, repeatability, and what the numbers are."""

import tracemalloc

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from scipy.special import expit

import scbasset_tl as sb
from scbasset_tl import _space
from scbasset_tl._adata.atac_diff import cells as atac_diff_cells
from scbasset_tl._adata.atac_diff.labels import component_probabilities, component_shares
from scbasset_tl._adata.atac_diff.space import scbasset_space
from scbasset_tl._adata.atac_diff.store import read_atac_diff
from scbasset_tl._adata.matrix import counts_from

SHORT = {"max_steps": 8, "n_components": 4, "n_latent": 6}
SPACES = ["scbasset", "X_lsi", "ae"]


def fit(data, space="scbasset", **arguments):
    short = {**SHORT, "condition_keys": "cell_type", "space": space, "hidden": 16}
    return sb.tl.atac_diff(data, **{**short, **arguments})


@pytest.fixture(scope="module")
def models(_trained_small):
    torch.set_num_threads(1)
    found = {}
    with sb.settings.override(verbosity=0):
        for space in SPACES:
            adata = _trained_small.copy()
            for store in (adata.uns, adata.varm):
                for name in set(store) - {"scbasset"}:
                    del store[name]
            adata.obsm["X_lsi"] = np.linalg.svd(adata.X.toarray())[0][:, 1:5]
            fit(adata, space)
            found[space] = adata
    return found


@pytest.fixture(params=SPACES)
def any_space(models, request):
    return models[request.param].copy()


@pytest.fixture
def fitted(models):
    return models["scbasset"].copy()


def names(adata):
    return {field: set(getattr(adata, field)) for field in ("obs", "var", "obsm", "varm", "layers", "uns")}


def forgotten(adata):
    """A copy without the slots of tl.atac_diff."""
    bare = adata.copy()
    for field in ("obs", "obsm", "varm", "uns"):
        store = getattr(bare, field)
        for name in [name for name in store if "atac_diff" in name]:
            del store[name]
    return bare


def written(before, after):
    return {field: after[field] - before[field] for field in before if after[field] != before[field]}


def test_slots_promised_are_slots_written(any_space):
    space = any_space.uns["atac_diff"]["space"]
    decoders = {"atac_diff", "atac_diff_in"} if space["kind"] == "ae" else {"atac_diff"}
    new = {"obs": {"atac_diff_component", "atac_diff_depth"}, "obsm": {"X_atac_diff"}, "uns": {"atac_diff"}}
    assert written(names(forgotten(any_space)), names(any_space)) == new | {"varm": decoders}
    embedding = any_space.obsm["X_atac_diff"]
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, rtol=1e-5)
    opened = (any_space.X.toarray() > 0).sum(1)
    assert any_space.obs["atac_diff_depth"].tolist() == opened.tolist()
    assert list(any_space.obs["atac_diff_component"].cat.categories) == list("0123")
    width = any_space.obsm["X_scbasset"].shape[1] + 2 if space["kind"] == "scbasset" else 0
    varm = {
        "scbasset": {"atac_diff": (80, width)},
        "obsm": {"atac_diff": (80, 6)},
        "ae": {"atac_diff": (80, 18), "atac_diff_in": (80, 16)},
    }
    found = {name: values.shape for name, values in any_space.varm.items() if name.startswith("atac_diff")}
    assert found == varm[space["kind"]]
    entry = any_space.uns["atac_diff"]
    slots = {"embedding": "X_atac_diff", "component": "atac_diff_component", "depth": "atac_diff_depth"}
    slots |= {"decoder": "atac_diff"}
    assert entry["slots"] == slots | ({"encoder": "atac_diff_in"} if len(found) == 2 else {})
    assert entry["params"] | {"max_steps": 8, "seed": 0, "likelihood": "bernoulli"} == entry["params"]
    assert entry["component_given_label"].shape == (5, 4)
    np.testing.assert_allclose(entry["component_given_label"].sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_containers(models, space):
    expected = models[space]
    plain = forgotten(expected)
    before = names(plain)
    copy = fit(plain, space, copy=True, key_added="mine")
    assert names(plain) == before
    new = written(before, names(copy))
    decoders = {"mine", "mine_in"} if space == "ae" else {"mine"}
    assert new == {"obs": {"mine_component", "mine_depth"}, "obsm": {"mine"}, "uns": {"mine"}, "varm": decoders}
    np.testing.assert_array_equal(copy.obsm["mine"], expected.obsm["X_atac_diff"])
    mdata = md.MuData({"peaks": plain})
    assert isinstance(fit(mdata, space, mod="peaks", copy=True), md.MuData)
    assert fit(mdata, space, mod="peaks") is None
    np.testing.assert_array_equal(mdata["peaks"].obsm["X_atac_diff"], expected.obsm["X_atac_diff"])
    sb.tl.impute(mdata, mod="peaks", n_samples=1, steps=3)
    assert sb.get.imputed(mdata, mod="peaks").shape == (50, 80)
    assert sb.tl.generate(mdata, 3, mod="peaks", steps=3).n_obs == 3


def test_views_and_backed_files(trained, tmp_path):
    whole = fit(trained, copy=True)
    view = trained[:, :]
    fit(view)
    np.testing.assert_array_equal(view.obsm["X_atac_diff"], whole.obsm["X_atac_diff"])
    part = whole[:20, ::2]
    sb.tl.impute(part, n_samples=1, steps=3)
    assert part.obsm["atac_diff_imputed"].shape == (20, 7)
    assert "atac_diff_imputed" not in whole.obsm
    trained.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    try:
        fit(backed)
        sb.tl.impute(backed, n_samples=1, steps=3)
        drawn = sb.tl.generate(backed, 4, steps=3)
    finally:
        backed.file.close()
    np.testing.assert_array_equal(backed.obsm["X_atac_diff"], whole.obsm["X_atac_diff"])
    np.testing.assert_array_equal(drawn.X.toarray(), sb.tl.generate(whole, 4, steps=3).X.toarray())


def test_round_trip(any_space, tmp_path):
    any_space.write_h5ad(tmp_path / "a.h5ad")
    any_space.write_zarr(tmp_path / "a.zarr")
    md.MuData({"atac": any_space}).write_h5mu(tmp_path / "a.h5mu")
    short = {"steps": 3, "rng": 7}
    expected = sb.tl.generate(any_space, 9, condition={"cell_type": "type_2"}, **short)
    imputed = sb.tl.impute(any_space, n_samples=2, copy=True, **short)
    read = (ad.read_h5ad(tmp_path / "a.h5ad"), ad.read_zarr(tmp_path / "a.zarr"), md.read_h5mu(tmp_path / "a.h5mu"))
    for back in read:
        found = sb.tl.generate(back, 9, condition={"cell_type": "type_2"}, **short)
        np.testing.assert_array_equal(found.X.toarray(), expected.X.toarray())
        np.testing.assert_array_equal(found.obsm["X_atac_diff"], expected.obsm["X_atac_diff"])
        sb.tl.impute(back, n_samples=2, **short)
        pd.testing.assert_frame_equal(sb.get.imputed(back), sb.get.imputed(imputed))
    imputed.write_zarr(tmp_path / "b.zarr")
    expected.write_h5ad(tmp_path / "c.h5ad")
    assert sb.get.imputed(ad.read_zarr(tmp_path / "b.zarr"), var=slice(0, 5)).shape == (50, 5)
    assert ad.read_h5ad(tmp_path / "c.h5ad").uns["atac_diff_generated"]["params"]["condition"].tolist() == ["type_2"]


@pytest.mark.parametrize("space", ["scbasset", "X_lsi"])
def test_subsetting_peaks_subsets_the_model(models, space):
    whole = models[space].copy()
    half = whole[:, ::2].copy()
    one, other = (sb.tl.generate(adata, 12, values="probability", steps=3) for adata in (whole, half))
    np.testing.assert_allclose(other.X, one.X[:, ::2], rtol=1e-5)
    for adata in (whole, half):
        sb.tl.impute(adata, n_samples=2, steps=3)
    np.testing.assert_array_equal(whole.obsm["atac_diff_imputed"], half.obsm["atac_diff_imputed"])
    pd.testing.assert_frame_equal(sb.get.imputed(half), sb.get.imputed(whole, var=slice(None, None, 2)), rtol=1e-5)


def test_subsetting_and_sorting_cells(any_space):
    some = any_space[np.r_[30:50, 5:10]].copy()
    drawn = sb.tl.generate(some, 60, steps=3)
    assert set(drawn.obs["atac_diff_depth"]) <= set(some.obs["atac_diff_depth"])
    sb.tl.impute(some, n_samples=1, steps=3)
    order = np.random.default_rng(0).permutation(50)
    shuffled = any_space[order].copy()
    sb.tl.impute(shuffled, n_samples=1, steps=3)
    assert sb.get.imputed(shuffled).shape == (50, 80)


def test_same_seed_same_bits(fitted, trained):
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    again = fit(trained, copy=True)
    np.testing.assert_array_equal(again.uns["atac_diff"]["weights"], fitted.uns["atac_diff"]["weights"])
    other = fit(trained, rng=1, copy=True)
    assert (other.obsm["X_atac_diff"] != fitted.obsm["X_atac_diff"]).any()
    by_generator = [fit(trained, rng=np.random.default_rng(4), copy=True).uns["atac_diff"] for _ in range(2)]
    np.testing.assert_array_equal(by_generator[0]["weights"], by_generator[1]["weights"])
    for z in ("gmm", "cells", "none"):
        one, two, three = (sb.tl.generate(fitted, 20, z=z, steps=3, rng=seed) for seed in (5, 5, 6))
        np.testing.assert_array_equal(one.X.toarray(), two.X.toarray())
        assert (one.X != three.X).nnz
        assert one.obs.equals(two.obs)
    one, two, three = (
        sb.tl.impute(fitted, n_samples=1, steps=3, rng=s, copy=True).obsm["atac_diff_imputed"] for s in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])


def test_generated_cells(any_space):
    drawn = sb.tl.generate(any_space, 70, steps=3)
    assert drawn.shape == (70, 80)
    assert sparse.issparse(drawn.X)
    assert drawn.X.dtype == np.float32
    assert set(np.unique(drawn.X.data)) == {1.0}
    assert drawn.X.has_sorted_indices
    assert drawn.var.equals(any_space.var)
    assert drawn.obs_names.is_unique
    assert set(drawn.obs) >= {"cell_type", "atac_diff_depth"}
    assert list(drawn.obs["cell_type"].cat.categories) == list(any_space.obs["cell_type"].cat.categories)
    pairs = set(zip(any_space.obs["cell_type"], any_space.obs["atac_diff_depth"], strict=True))
    assert set(zip(drawn.obs["cell_type"], drawn.obs["atac_diff_depth"], strict=True)) <= pairs
    # each cell is followed once before any is followed twice
    counts = any_space.obs["atac_diff_depth"].value_counts()
    assert (drawn.obs["atac_diff_depth"].value_counts().reindex(counts.index, fill_value=0) >= counts).all()
    np.testing.assert_allclose(np.linalg.norm(drawn.obsm["X_atac_diff"], axis=1), 1, rtol=1e-5)


def test_draws_are_of_the_probabilities(fitted):
    chances = sb.tl.generate(fitted, 1, values="probability", steps=3).X[0]
    stored = atac_diff_cells.Templates(np.zeros(4000, dtype=np.int64), np.zeros((4000, 1), dtype=np.int64))
    from scbasset_tl._adata.atac_diff.store import read_atac_diff

    model = read_atac_diff(fitted, "atac_diff")
    x = np.tile(model.space.vectors()[:1], (4000, 1))
    drawn = atac_diff_cells.draw_peaks(model, stored, x, np.random.default_rng(0))
    expected = expit(model.space.features(x[:1], [0]) @ model.space.decoder.T)[0]
    error = np.asarray(drawn.mean(0)).ravel() - expected
    assert np.abs(error / np.sqrt(expected * (1 - expected) / 4000)).max() < 4.5
    assert chances.dtype == np.float32
    assert ((chances > 0) & (chances < 1)).all()


def test_blocks_do_not_change_the_result(fitted, monkeypatch):
    expected = sb.tl.generate(fitted, 30, steps=3)
    monkeypatch.setattr(atac_diff_cells, "_ENTRIES", 500)
    np.testing.assert_array_equal(sb.tl.generate(fitted, 30, steps=3).X.toarray(), expected.X.toarray())


def test_conditions(trained):
    trained.obs["donor"] = pd.Series(np.arange(50) % 2, index=trained.obs_names).map({0: "a/1", 1: None})
    trained.obs.loc[trained.obs_names[::4], "donor"] = "b"
    fit(trained, condition_keys=["cell_type", "donor"])
    stored = trained.uns["atac_diff"]["conditions"]
    assert list(stored["columns"]) == ["cell_type", "donor"]
    drawn = sb.tl.generate(trained, 30, condition={"cell_type": "type_3"}, steps=3)
    assert (drawn.obs["cell_type"] == "type_3").all()
    assert drawn.obs["donor"].isna().any()
    both = sb.tl.generate(trained, 10, condition={"cell_type": "type_3", "donor": "b"}, steps=3)
    assert (both.obs["donor"] == "b").all()
    assert sb.tl.generate(trained, 10, condition={}, steps=3).obs["cell_type"].nunique() > 1
    plain = fit(trained, condition_keys=(), copy=True)
    assert "cell_type" not in sb.tl.generate(plain, 5, steps=3).obs
    assert plain.uns["atac_diff"]["conditions"] == {}


def test_components_given_labels_are_those_of_counting():
    rng = np.random.default_rng(0)
    codes = np.stack([rng.integers(-1, 2, 400), rng.integers(0, 3, 400)], axis=1)
    responsibilities = rng.dirichlet(np.ones(3), 400)
    given = component_shares(responsibilities, codes, (2, 3))
    np.testing.assert_allclose(given[1], responsibilities[codes[:, 0] == 1].mean(0), rtol=1e-6)
    prior = responsibilities.mean(0)
    found = component_probabilities(prior, given, np.array([[-1, -1], [1, -1], [0, 2]]), (2, 3))
    both = given[0] * given[4] / prior
    np.testing.assert_allclose(found, [prior, given[1] / given[1].sum(), both / both.sum()], rtol=1e-5)


@pytest.mark.parametrize("batch_key", [None, "batch"])
def test_features_of_a_scbasset_model_give_its_logits(tiny, batch_key):
    sb.tl.scbasset(tiny, trunk=4, n_latent=6, max_epochs=1, batch_key=batch_key)
    fit(tiny, condition_keys=())
    x = read_atac_diff(tiny, "atac_diff").space.vectors()
    assert abs(np.corrcoef(x[:, -1], np.log1p(tiny.obs["atac_diff_depth"]))[0, 1]) < 1e-4
    start = scbasset_space(tiny, "scbasset", np.log1p(tiny.obs["atac_diff_depth"]).to_numpy(np.float32))
    logits = start.features(start.vectors(), slice(None)) @ start.decoder.T
    np.testing.assert_allclose(logits, sb.get.accessibility(tiny, normalize_depth=False), atol=1e-4)
    drawn = sb.tl.generate(tiny, 5, steps=3)
    assert {"X_scbasset", "X_atac_diff"} == set(drawn.obsm)
    assert "scbasset_bias" in drawn.obs


def test_imputed(any_space):
    sb.tl.impute(any_space, n_samples=2, steps=3, layer="filled")
    features = any_space.obsm["atac_diff_imputed"]
    logits = sb.get.imputed(any_space, scale="logit")
    np.testing.assert_allclose(logits, features @ any_space.varm["atac_diff"].T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(sb.get.imputed(any_space), expit(logits), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(any_space.layers["filled"], expit(logits), rtol=1e-4, atol=1e-6)
    block = sb.get.imputed(any_space, obs=["cell_3", "cell_9"], var=[7, 2])
    assert block.index.tolist() == ["cell_3", "cell_9"]
    np.testing.assert_allclose(block, expit(logits).iloc[[2, 8], [7, 2]], rtol=1e-4)
    assert any_space.uns["atac_diff_imputed"]["params"]["n_samples"] == 2
    sb.tl.impute(any_space, n_samples=1, steps=3, layer="filled")  # its own layer again
    sb.tl.impute(any_space, n_samples=1, steps=3, key_added="second")
    assert "second" in any_space.obsm


def test_little_noise_leaves_cells_as_they_are(fitted):
    sb.tl.impute(fitted, strength=0.001, n_samples=1)
    space = read_atac_diff(fitted, "atac_diff").space
    own = space.features(space.vectors(), slice(None)) @ space.decoder.T
    found = sb.get.imputed(fitted, scale="logit").to_numpy()
    assert np.corrcoef(own.ravel(), found.ravel())[0, 1] > 0.98


def test_nothing_is_written_after_an_interrupt_and_a_checkpoint_goes_on(trained, tmp_path, monkeypatch):
    from scbasset_tl.tl import _atac_diff

    before = names(trained)
    path = tmp_path / "state"
    expected = fit(trained, copy=True)

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_atac_diff, "_show", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(trained, checkpoint=path)
    assert names(trained) == before
    fit(trained, checkpoint=path, resume=True, rng=None)
    np.testing.assert_array_equal(trained.uns["atac_diff"]["weights"], expected.uns["atac_diff"]["weights"])
    assert trained.uns["atac_diff"]["params"]["seed"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"likelihood": "poisson", "prior_kl": "vade", "information": "infonce"},
        {"likelihood": "mse", "arch": "transformer", "schedule": "cosine", "objective": "v"},
        {"val_fraction": 0, "n_components": None, "ema": 0.9, "alpha": 0.5, "lam": 2},
    ],
)
def test_options(trained, arguments):
    fit(trained, **arguments)
    assert np.isfinite(trained.obsm["X_atac_diff"]).all()
    params = trained.uns["atac_diff"]["params"]
    assert {name: params[name] for name in arguments if name != "n_components"} == {
        name: value for name, value in arguments.items() if name != "n_components"
    }
    assert sb.tl.generate(trained, 4, steps=3).n_obs == 4


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
def test_counts_however_they_are_stored(rng, make):
    dense = rng.poisson(0.3, (40, 30)).astype(np.float32)
    stored = make(dense)
    adata = ad.AnnData(stored)
    np.testing.assert_array_equal(counts_from(adata).toarray(), dense)
    if sparse.issparse(stored):
        stored.data[:3] = 0
        found = counts_from(adata)
        assert found.nnz == (dense > 0).sum() - 3
        assert stored.nnz == (dense > 0).sum()  # the data are as before


def test_counts_that_are_stored_as_needed_are_not_copied(rng):
    adata = ad.AnnData(sparse.csr_matrix(rng.poisson(0.3, (40, 30)).astype(np.float32)))
    assert np.shares_memory(counts_from(adata).data, adata.X.data)
    of_view = counts_from(adata[5:9])
    assert type(of_view) is sparse.csr_matrix
    np.testing.assert_array_equal(of_view.toarray(), adata.X[5:9].toarray())
    adata.X.data[3] = -1
    with pytest.raises(ValueError, match="1 negative, infinite or NaN values"):
        counts_from(adata)


def test_generation_never_holds_the_matrix():
    """2,000 cells × 5,000 peaks would be 40 MB as float32."""
    rng = np.random.default_rng(0)
    adata = ad.AnnData(sparse.random(200, 5000, 0.01, format="csr", rng=rng, dtype=np.float32))
    adata.X.data[:] = 1
    adata.obsm["X_lsi"] = rng.normal(size=(200, 4)).astype(np.float32)
    fit(adata, "X_lsi", condition_keys=(), max_steps=4)
    tracemalloc.start()
    drawn = sb.tl.generate(adata, 2000, steps=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn.X.nnz > 50_000
    assert peak < 20e6


def test_probabilities_and_layers_that_do_not_fit_are_refused(fitted, monkeypatch):
    monkeypatch.setattr(_space, "available_memory", lambda: 10_000)
    with pytest.raises(MemoryError, match="values='draws'"):
        sb.tl.generate(fitted, 40, values="probability")
    with pytest.raises(MemoryError, match="get.imputed gives any block"):
        sb.tl.impute(fitted, layer="filled")
    assert not fitted.layers


def test_slots_of_others_are_not_written_over(trained):
    trained.obs["cell_type_copy"] = trained.obs["cell_type"]
    before = trained.copy()
    trained.obsm["X_pca"] = trained.obsm["X_scbasset"][:, :3].copy()
    for key_added in ("X_scbasset", "X_pca"):
        with pytest.raises(ValueError, match="is there already, and not from tl.atac_diff"):
            fit(trained, key_added=key_added)
    fit(trained)
    fit(trained)  # its own
    with pytest.raises(ValueError, match="is what this call writes"):
        fit(trained, "X_atac_diff")
    with pytest.raises(ValueError, match="is written by this call"):
        fit(trained, condition_keys="atac_diff_component")
    np.testing.assert_array_equal(trained.obsm["X_scbasset"], before.obsm["X_scbasset"])


def test_one_seed_draws_apart_for_each_condition(trained):
    """Bernoulli draws of two conditions with the same noise would both be open wherever that is low."""
    fit(trained, max_steps=20)
    opened = [
        sb.tl.generate(trained, 300, steps=3, condition={"cell_type": name}).X.toarray()
        for name in ("type_1", "type_2")
    ]
    residual = [(x - x.mean(axis=0)).ravel() for x in opened]
    r = np.corrcoef(*residual)[0, 1]
    assert abs(r) < 5 / len(residual[0]) ** 0.5  # one in the other's noise: above .5
    both = [sb.tl.generate(trained, 9, steps=3, condition=c).X.toarray() for c in ({"cell_type": "type_1"},) * 2]
    np.testing.assert_array_equal(*both)


def test_whole_numbers_are_labels_whatever_their_type(trained):
    trained.obs["hour"] = np.arange(50) % 3
    fit(trained, condition_keys="hour")
    drawn = sb.tl.generate(trained, 6, steps=3, condition={"hour": 1})
    trained.obs["hour"] = trained.obs["hour"].astype(float)
    trained.obs.iloc[0, trained.obs.columns.get_loc("hour")] = np.nan
    again = sb.tl.generate(trained, 6, steps=3, condition={"hour": 1.0})
    assert set(drawn.obs["hour"]) == set(again.obs["hour"]) == {"1"}


def test_a_model_without_conditions_survives_a_merge(trained):
    fit(trained, condition_keys=())
    both = ad.concat([trained[:20], trained[20:]], merge="same", uns_merge="same")
    assert sb.tl.generate(both, 4, steps=3).shape == (4, 80)


def test_generated_cells_say_whose_batch_they_have(tiny):
    tiny.obs["batch"] = pd.Categorical(np.where(np.arange(tiny.n_obs) % 2, "x", "y"))
    sb.tl.scbasset(tiny, trunk=4, n_latent=6, max_epochs=1, batch_key="batch")
    fit(tiny, condition_keys=())
    assert set(sb.tl.generate(tiny, 10, steps=3).obs["batch"]) == {"x", "y"}


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5])
def test_the_information_term_leaves_the_weight_of_the_kl(trained, alpha):
    fit(trained, alpha=alpha)
    params = trained.uns["atac_diff"]["params"]
    assert params["lam"] - params["alpha"] - 1 == pytest.approx(1e-4)
