"""tl.scbasset end to end on tiny data: the slots, their round trips, repeatability, and what it leaves alone."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
import scipy.sparse as sp

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "batch_size": 32}
SLOTS = {
    ("obsm", "X_scbasset"),
    ("obs", "scbasset_bias"),
    ("obs", "scbasset_se"),
    ("varm", "scbasset"),
    ("uns", "scbasset"),
    ("var", "split"),
}


def slots_of(adata):
    return {
        (field, name) for field in ("obs", "var", "obsm", "varm", "uns", "layers") for name in getattr(adata, field)
    }


def assert_same_model(one, other, key="scbasset"):
    names = one.uns[key]["slots"]
    np.testing.assert_array_equal(one.obsm[names["obsm"]], other.obsm[names["obsm"]])
    np.testing.assert_array_equal(one.obs[names["obs"]], other.obs[names["obs"]])
    np.testing.assert_array_equal(one.varm[names["varm"]], other.varm[names["varm"]])
    np.testing.assert_array_equal(one.uns[key]["weights"], other.uns[key]["weights"])


def test_writes_the_promised_slots_and_nothing_else(tiny):
    before = slots_of(tiny)
    assert sb.tl.scbasset(tiny, **SMALL) is None
    assert slots_of(tiny) - before == SLOTS
    assert tiny.obsm["X_scbasset"].shape == (60, 6)
    assert tiny.obsm["X_scbasset"].dtype == np.float32
    assert tiny.varm["scbasset"].shape == (90, 6)
    assert list(tiny.var["split"].cat.categories) == ["train", "val", "test"]
    entry = tiny.uns["scbasset"]
    assert set(entry) == {
        "params",
        "weights",
        "history",
        "slots",
        "cells",
        "batch",
        "threads",
        "versions",
        "schema_version",
        "written_by",
    }
    assert entry["history"]["stopped"] == "schedule"
    assert set(entry["history"]["auroc"]) == {"val", "test"}
    assert len(sb.get.history(tiny)) == 2


def test_key_added_names_every_slot(tiny):
    before = slots_of(tiny)
    sb.tl.scbasset(tiny, **SMALL, key_added="foo")
    assert slots_of(tiny) - before == {
        ("obsm", "foo"), ("obs", "foo_bias"), ("obs", "foo_se"), ("varm", "foo"), ("uns", "foo"), ("var", "split"),
    }  # fmt: skip
    assert sb.get.accessibility(tiny, key="foo").shape == (60, 90)


def test_copy_changes_only_the_copy(tiny):
    before = slots_of(tiny)
    changed = sb.tl.scbasset(tiny, **SMALL, copy=True)
    assert slots_of(tiny) == before
    assert slots_of(changed) - before == SLOTS


def test_the_same_seed_gives_the_same_bits(tiny):
    one, two, other = (sb.tl.scbasset(tiny, **SMALL, copy=True, rng=rng) for rng in (3, 3, 4))
    assert_same_model(one, two)
    assert (one.obsm["X_scbasset"] != other.obsm["X_scbasset"]).any()
    generators = [sb.tl.scbasset(tiny, **SMALL, copy=True, rng=np.random.default_rng(3)) for _ in range(2)]
    assert_same_model(*generators)
    # the seed that a generator gave is recorded and repeats the run
    again = sb.tl.scbasset(tiny, **SMALL, copy=True, rng=generators[0].uns["scbasset"]["params"]["seed"])
    assert_same_model(generators[0], again)


def test_global_random_state_is_left_alone(tiny):
    import torch

    before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    sb.tl.scbasset(tiny, **SMALL)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert torch.equal(torch.get_rng_state(), torch_before)


@pytest.mark.parametrize("form", ["csc", "dense", "bool", "binary", "fractional", "explicit zeros", "layer", "view"])
def test_how_the_matrix_is_stored_does_not_matter(tiny, form):
    expected = sb.tl.scbasset(tiny, **SMALL, copy=True)
    layer, data = None, tiny
    counts = tiny.X
    if form == "csc":
        data.X = counts.tocsc()
    elif form == "dense":
        data.X = counts.toarray()
    elif form == "bool":
        data.X = counts.astype(bool)
    elif form == "binary":
        data.X = (counts > 0).astype(np.int8)
    elif form == "fractional":
        data.X = counts * 0.37
    elif form == "explicit zeros":
        zeros = counts.toarray() == 0
        zeros[:, 10:] = False
        coo = counts.tocoo()
        rows, columns = np.nonzero(zeros)
        data.X = sp.csr_matrix(
            (np.r_[coo.data, np.zeros(len(rows))], (np.r_[coo.row, rows], np.r_[coo.col, columns])), shape=counts.shape
        )
        assert data.X.nnz > counts.nnz
    elif form == "layer":
        data.layers["counts"], layer = counts.copy(), "counts"
        data.X = sp.csr_matrix(np.ones_like(counts.toarray()))
    elif form == "view":
        more = ad.concat([data, data[:5].copy()], index_unique="-", merge="same")
        data = more[:60]
        assert data.is_view
    sb.tl.scbasset(data, **SMALL, layer=layer)
    assert_same_model(expected, data)


def test_backed(tiny, tmp_path):
    expected = sb.tl.scbasset(tiny, **SMALL, copy=True)
    tiny.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    in_memory = sb.tl.scbasset(backed, **SMALL, copy=True)
    assert_same_model(expected, in_memory)
    sb.tl.scbasset(backed, **SMALL)
    assert_same_model(expected, backed)


def test_a_part_of_a_backed_anndata_is_refused_before_any_work(tiny, tmp_path):
    tiny.write_h5ad(tmp_path / "a.h5ad")
    part = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")[:50]
    with pytest.raises(ValueError, match=r"part of a backed AnnData.* pass copy=True, or data.to_memory\(\)"):
        sb.tl.scbasset(part, **SMALL, checkpoint=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert_same_model(sb.tl.scbasset(part, **SMALL, copy=True), sb.tl.scbasset(tiny[:50].copy(), **SMALL, copy=True))


def test_without_an_auroc_the_epoch_of_the_least_loss_is_kept(tiny, monkeypatch):
    import scbasset_tl.train.loop as loop

    monkeypatch.setattr(loop.AucSample, "score", lambda _: (0.0, 0.0, 0))
    sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 6})
    history = sb.get.history(tiny)
    assert history["train_auroc"].isna().all()
    assert tiny.uns["scbasset"]["history"]["best_epoch"] == history["loss"].to_numpy().argmin() + 1 > 1


def test_the_held_out_auroc_is_of_a_sample_of_many_cells(tiny, tmp_path, monkeypatch):
    import scbasset_tl.train.held_out as held_out

    tiny.var["split"] = np.array(["train"] * 60 + ["val"] * 20 + ["test"] * 10)
    whole = sb.tl.scbasset(tiny, **SMALL, copy=True)
    exact = sb.metrics.accessibility_auc(whole, split="val")
    found = whole.uns["scbasset"]["history"]["auroc"]["val"]
    assert set(found) == {"per_cell", "per_peak", "auprc_per_cell", "auprc_per_peak"}
    assert found["auprc_per_cell"] == pytest.approx(exact.mean_auprc_per_cell)
    assert found["auprc_per_peak"] == pytest.approx(exact.mean_auprc_per_peak)
    assert found["per_cell"] == pytest.approx(np.nanmean(exact.per_cell))
    monkeypatch.setattr(held_out, "MAX_SCORES", 20 * 30)
    sampled = sb.tl.scbasset(tiny, **SMALL, copy=True)
    assert sampled.uns["scbasset"]["history"]["auroc"]["val"]["n_cells"] == 30
    assert set(sampled.uns["scbasset"]["history"]["auroc"]["test"]) == set(found)
    sampled.write_h5ad(tmp_path / "a.h5ad")
    assert ad.read_h5ad(tmp_path / "a.h5ad").uns["scbasset"]["history"]["auroc"]["val"]["n_cells"] == 30


def test_mudata_writes_inside_the_modality(tiny):
    expected = sb.tl.scbasset(tiny, **SMALL, copy=True)
    rna = ad.AnnData(np.ones((60, 4), np.float32), obs={"index": tiny.obs_names})
    rna.obs_names = tiny.obs_names
    mdata = md.MuData({"rna": rna, "peaks": tiny.copy()})
    copied = sb.tl.scbasset(mdata, **SMALL, mod="peaks", copy=True)
    assert isinstance(copied, md.MuData)
    assert "scbasset" not in mdata["peaks"].uns
    assert_same_model(expected, copied["peaks"])
    sb.tl.scbasset(mdata, **SMALL, mod="peaks")
    assert_same_model(expected, mdata["peaks"])


@pytest.mark.parametrize("batch_key", [None, "batch", ["batch", "kind"]])
def test_round_trip_through_files_is_exact(tiny, tmp_path, batch_key):
    sb.tl.scbasset(tiny, **SMALL, batch_key=batch_key)
    expected = sb.get.accessibility(tiny, normalize_depth=False, scale="sigmoid")
    tiny.write_h5ad(tmp_path / "a.h5ad")
    tiny.write_zarr(tmp_path / "a.zarr")
    md.MuData({"atac": tiny}).write_h5mu(tmp_path / "a.h5mu")
    again = [
        ad.read_h5ad(tmp_path / "a.h5ad"),
        ad.read_zarr(tmp_path / "a.zarr"),
        md.read_h5mu(tmp_path / "a.h5mu")["atac"],
    ]
    for adata in again:
        assert_same_model(tiny, adata)
        np.testing.assert_array_equal(sb.get.accessibility(adata, normalize_depth=False, scale="sigmoid"), expected)
        np.testing.assert_array_equal(sb.get.history(adata), sb.get.history(tiny))
        assert adata.uns["scbasset"]["params"]["seed"] == 0


def test_subsetting_commutes_with_prediction(trained_tiny):
    cells, peaks = np.random.default_rng(0).permutation(60)[:20], np.random.default_rng(1).permutation(90)[:30]
    whole = sb.get.accessibility(trained_tiny, normalize_depth=False).to_numpy()[np.ix_(cells, peaks)]
    part = sb.get.accessibility(trained_tiny[cells, peaks].copy(), normalize_depth=False)
    np.testing.assert_allclose(part, whole, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        sb.get.accessibility(trained_tiny[cells, peaks], normalize_depth=False), whole, rtol=1e-6, atol=1e-6
    )


def test_an_existing_split_is_kept_and_used(tiny):
    sb.pp.split_peaks(tiny, fractions=(0.5, 0.25, 0.25), rng=5)
    before = tiny.var["split"].copy()
    sb.tl.scbasset(tiny, **SMALL)
    assert tiny.var["split"].equals(before)


def test_windows_that_repeat_are_never_held_out_and_trained(tiny, capsys):
    names = list(tiny.var_names[:45])
    tiny.var_names = [*names, *(name.removeprefix("chr") for name in names)]
    with sb.settings.override(verbosity=2):
        sb.tl.scbasset(tiny, **SMALL)
    assert "45 of 90 peaks have the window of an earlier one" in capsys.readouterr().err
    split = tiny.var["split"].tolist()
    assert split[:45] == split[45:]
    tiny.var["split"] = ["train"] * 45 + ["val", "test"] * 20 + ["train"] * 5
    with sb.settings.override(verbosity=1):
        sb.tl.scbasset(tiny, **SMALL)
    assert "WARNING: 40 of 40 held-out peaks have the window of a training peak" in capsys.readouterr().err


def test_a_last_minibatch_of_one_peak(tiny):
    levels = np.array(["train"] * 65 + ["val"] * 10 + ["test"] * 15)
    tiny.var["split"] = levels
    sb.tl.scbasset(tiny, **SMALL)
    assert np.isfinite(tiny.varm["scbasset"]).all()


def test_batch_correction_keeps_the_batches_apart(tiny):
    sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 4}, batch_key="batch", l2_cell=1e-6, l2_batch=1e-6)
    stored = tiny.uns["scbasset"]["batch"]
    assert list(stored["categories"]) == ["x", "y"]
    assert stored["weight"].shape == (2, 6)
    raw = sb.get.accessibility(tiny, normalize_depth=False)
    which = (tiny.obs["batch"] == "y").to_numpy().astype(int)
    weight = tiny.obsm["X_scbasset"] + stored["weight"][which]
    bias = tiny.obs["scbasset_bias"].to_numpy() + stored["bias"][which]
    np.testing.assert_allclose(raw, weight @ tiny.varm["scbasset"].T + bias[:, None], rtol=1e-5, atol=1e-6)


def test_a_strong_penalty_shrinks_the_vectors(tiny):
    free = sb.tl.scbasset(tiny, **SMALL, copy=True)
    bound = sb.tl.scbasset(tiny, **SMALL, l2_cell=1.0, copy=True)
    smaller = np.abs(bound.obsm["X_scbasset"]) < np.abs(free.obsm["X_scbasset"])
    assert smaller.mean() > 0.95


def test_paper_recipe_starts_at_zero_bias(tiny):
    sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 1}, recipe="paper", lr=1e-9)
    assert np.abs(tiny.obs["scbasset_bias"]).max() < 1e-6
    sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 1}, recipe="fast", lr=1e-9)
    train = (tiny.var["split"] == "train").to_numpy()
    density = (tiny.X[:, train] > 0).mean(1)
    assert np.corrcoef(np.ravel(density), tiny.obs["scbasset_bias"])[0, 1] > 0.97


def test_patience_stops_and_the_best_epoch_is_kept(tiny):
    sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 40}, recipe="paper", lr=1e-9, patience=2)
    stored = tiny.uns["scbasset"]["history"]
    history = sb.get.history(tiny)
    assert stored["stopped"] == "patience"
    assert len(history) < 40
    assert history["train_auroc"].to_numpy().argmax() + 1 == stored["best_epoch"]


@pytest.mark.parametrize("source", ["anndata", "mudata", "file"])
def test_warm_start_takes_the_trunk_and_its_shape(tiny, tmp_path, source):
    trained = sb.tl.scbasset(tiny, **SMALL, copy=True)
    start = {"anndata": trained, "mudata": md.MuData({"peaks": trained}), "file": tmp_path / "trunk"}[source]
    sb.io.write_trunk(trained, tmp_path / "trunk")
    call = {"n_latent": 6, "max_epochs": 1, "lr": 1e-12, "batch_size": 32, "mod": "peaks"}
    sb.tl.scbasset(tiny, **call, warm_start=start, key_added="next")
    before, after = (sb.get.model(adata, key=key).trunk for adata, key in ((trained, "scbasset"), (tiny, "next")))
    assert after.config == before.config
    for one, other in zip(before.parameters(), after.parameters(), strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-8)
    digest = tiny.uns["next"]["params"]["warm_start"]
    again = sb.tl.scbasset(tiny, **call, warm_start=trained, copy=True)
    assert again.uns["scbasset"]["params"]["warm_start"] == digest


def test_warm_start_goes_on_from_what_was_learned(tiny):
    first = sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 20}, copy=True)
    cold, warm = (sb.tl.scbasset(tiny, **SMALL, warm_start=start, rng=1, copy=True) for start in (None, first))
    assert sb.get.history(warm)["loss"].iloc[-1] < sb.get.history(cold)["loss"].iloc[-1]


def test_all_cells_in_random_parts_learn_like_all_at_once(tiny):
    call = {**SMALL, "max_epochs": 30}
    whole, parts, again = (
        sb.tl.scbasset(tiny, **call, cells_per_step=m, batch_key="batch", copy=True) for m in (None, 20, 20)
    )
    assert_same_model(parts, again)
    history = sb.get.history(parts)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["loss"].iloc[-1] == pytest.approx(sb.get.history(whole)["loss"].iloc[-1], rel=0.05)
    assert parts.uns["scbasset"]["params"]["cells_per_step"] == 20


def test_index_file_gives_the_same_bits(tiny, tmp_path):
    expected = sb.tl.scbasset(tiny, **SMALL, copy=True)
    for _ in range(2):  # made, then used again
        mapped = sb.tl.scbasset(tiny, **SMALL, index_file=tmp_path / "index", copy=True)
        assert_same_model(expected, mapped)
    assert (tmp_path / "index").exists()


def test_a_batch_of_one_cell_is_named(tiny, capsys):
    tiny.obs["batch"] = ["alone", *["x", "y"] * 29, "x"]
    with sb.settings.override(verbosity=2):
        sb.tl.scbasset(tiny, batch_key="batch", trunk=4, max_epochs=1)
    out = "".join(capsys.readouterr())
    assert "1 batches of obs['batch'] have one cell, first ['alone']" in out
