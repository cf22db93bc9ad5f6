"""Reports on models of known worth: made by hand, so that no training blurs what is tested."""

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.metrics import roc_auc_score

import scbasset_tl as sb
from scbasset_tl._adata.model.batches import Batches
from scbasset_tl._adata.model.store import write_model
from scbasset_tl.nn.trunk import Trunk, TrunkConfig

N_OBS, N_VARS, N_LATENT = 80, 400, 6
RECIPE = {"batch_size": 10}


def course(kind: str) -> dict:
    """A stored history: of a whole run, or of its first epoch."""
    n = 1 if kind == "one epoch" else 40
    curve = 0.7 - 0.2 * np.exp(-np.arange(n) / 6)
    names = ("loss", "train_auroc", "val_auroc", "lr", "seconds")
    return {"epochs": dict.fromkeys(names, curve), "best_epoch": n, "stopped": "schedule"}


def made(kind: str = "real", *, key: str | None = None, batch: bool = False, layer: str | None = None) -> ad.AnnData:
    """Accessibility drawn from a model, and that model; ``"shuffled"`` swaps its held-out peaks, ``"one epoch"`` all peaks."""
    rng = np.random.default_rng(3)
    h = rng.normal(size=(N_VARS, N_LATENT))
    w = 0.5 * rng.normal(size=(N_OBS, N_LATENT))
    bias = rng.normal(-1.5, 0.5, N_OBS)
    sample = rng.permutation(np.arange(N_OBS) % 2)
    batch_weight, batch_bias = rng.normal(size=(2, N_LATENT)), np.array([0.0, -0.5])
    logits = h @ w.T + bias
    if batch:
        logits += h @ batch_weight[sample].T + batch_bias[sample]
    counts = (rng.random((N_VARS, N_OBS)) < 1 / (1 + np.exp(-logits))).T.astype(np.float32)
    adata = ad.AnnData(sp.csr_matrix(counts))
    adata.obs_names = [f"cell{i}" for i in range(N_OBS)]
    adata.var_names = [f"chr1:{i}00-{i}50" for i in range(N_VARS)]
    adata.obs["sample"] = np.array(["a", "b"])[sample]
    adata.var["split"] = pd.Categorical(np.repeat(["train", "val", "test"], [280, 60, 60]))
    adata.varm["dna_code"] = rng.integers(0, 5, (N_VARS, 192), dtype=np.uint8)
    if layer is not None:
        adata.layers[layer], adata.X = adata.X, sp.csr_matrix(rng.random((N_OBS, N_VARS)) < 0.1, dtype=np.float32)
    swapped = {"real": slice(0, 0), "shuffled": slice(280, None), "one epoch": slice(None)}[kind]
    h[swapped] = rng.permutation(h[swapped])
    write_model(
        adata,
        key,
        trunk=Trunk(TrunkConfig.of_width(2, seq_len=192, n_latent=N_LATENT)),
        cell_embedding=w,
        cell_bias=bias,
        peak_embedding=h,
        params={"name": "fast", "layer": layer, "recipe": RECIPE},
        history=course(kind),
        batches=Batches(["sample"], [["a", "b"]], batch_weight, batch_bias) if batch else None,
    )
    return adata


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("real", "usable"), ("shuffled", "no sequence signal"), ("one epoch", "undertrained")],
)
def test_verdicts(kind, verdict):
    report = sb.get.report(made(kind))
    assert report.verdict == verdict
    assert verdict in repr(report)
    assert all(sentence in repr(report) for sentence in report.sentences.values())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("real", 'use_rep="X_scbasset"'),
        ("shuffled", "sb.pp.add_sequences"),
        ("one epoch", "sb.tl.scbasset(adata, ..., max_epochs=15)"),  # one epoch has 28 steps; 400 are needed
    ],
)
def test_the_report_says_what_to_do_next(kind, words):
    assert words in sb.get.report(made(kind)).sentences["next"]


def test_the_fasta_is_not_blamed_where_sequences_tell_which_peaks_are_open():
    adata = made("real")
    adata.obsm["X_scbasset"][:] = adata.obsm["X_scbasset"].mean(axis=0)  # all cells are alike
    report = sb.get.report(adata)
    assert report.verdict == "no sequence signal"
    assert report.numbers["per_cell"] > 0.53
    assert "the FASTA fits" in report.sentences["next"]
    assert "sb.pp.add_sequences" not in report.sentences["next"]


def test_the_next_step_names_the_slot_of_this_model():
    assert 'use_rep="wide"' in sb.get.report(made(key="wide"), key="wide").sentences["next"]


def test_accuracy_is_that_of_the_metric_and_baselines_that_of_sklearn():
    adata = made()
    report = sb.get.report(adata)
    exact = sb.metrics.accessibility_auc(adata, split="held-out")
    np.testing.assert_array_equal(report.cells["auroc"], exact.per_cell)
    np.testing.assert_array_equal(report.peaks["auroc"], exact.per_peak)
    assert report.peaks.index.equals(exact.per_peak.index)
    assert report.numbers["per_cell"] == exact.mean_per_cell
    np.testing.assert_array_equal(report.cells["auprc"], exact.auprc_per_cell)
    np.testing.assert_array_equal(report.peaks["auprc"], exact.auprc_per_peak)
    assert report.numbers["per_cell_auprc"] == exact.mean_auprc_per_cell
    assert f"per peak {exact.mean_auprc_per_peak:.3f}" in report.sentences["auPR"]

    opened = adata.X.toarray() > 0
    held_out = (adata.var["split"] != "train").to_numpy()
    depth, scored = opened[:, ~held_out].sum(1), opened[:, held_out]
    codes = adata.varm["dna_code"][held_out]
    gc = np.isin(codes, [1, 2]).sum(1) / (codes < 4).sum(1)
    by_gc = np.mean([roc_auc_score(row, gc) for row in scored])
    expected = {
        "depth_only_per_peak": np.mean([roc_auc_score(column, depth) for column in scored.T]),
        "peak_mean_per_cell": np.mean([roc_auc_score(row, scored.mean(0)) for row in scored]),
        "gc_per_cell": max(by_gc, 1 - by_gc),
        "per_cell_open": scored.mean(),
        "per_peak_open": scored.mean(),
        "intercept_depth_r": np.corrcoef(adata.obs["scbasset_bias"], np.log10(opened.sum(1)))[0, 1],
    }
    for name, value in expected.items():
        assert report.numbers[name] == pytest.approx(value, rel=1e-6), name


@pytest.mark.parametrize(
    ("kind", "change", "begin", "end"),
    [
        ("real", {}, "over: 1120 optimizer steps", "as over the whole run."),
        ("real", {"best_epoch": 2}, "not over: ", "best in epoch 2 of 40 (lower lr)."),
        ("one epoch", {}, "not over: 28 optimizer steps", "fewer than 5 (raise max_epochs)."),
        ("shuffled", {"rising": True}, "not over, though more would be in vain: ", "(raise max_epochs)."),
    ],
)
def test_convergence_says_what_the_verdict_rests_on(kind, change, begin, end):
    adata = made(kind)
    history = adata.uns["scbasset"]["history"]
    if change.pop("rising", False):
        history["epochs"]["train_auroc"] = np.linspace(0.5, 0.7, 40) ** 2
    history |= change
    report = sb.get.report(adata)
    line = report.sentences["convergence"]
    assert line.startswith(begin)
    assert line.endswith(end)
    assert (report.verdict == "usable") == line.startswith("over")
    if report.verdict == "undertrained":
        assert line.rpartition("; ")[2] in report.sentences["verdict"]


def test_steps_of_several_devices_are_counted_once():
    adata = made()
    adata.uns["scbasset"]["params"] |= {"devices": 2, "num_nodes": 2}
    assert sb.get.report(adata).numbers["steps"] == 40 * 7


def test_course_and_steps():
    numbers = sb.get.report(made()).numbers
    assert (numbers["epochs"], numbers["best_epoch"], numbers["steps"]) == (40, 40, 40 * 28)


@pytest.mark.parametrize("kind", ["real", "shuffled"])
def test_weights_from_a_file_are_judged_by_their_auroc(kind):
    adata = made(kind)
    adata.uns["scbasset"]["history"] = {}
    report = sb.get.report(adata)
    assert report.verdict == {"real": "usable", "shuffled": "no sequence signal"}[kind]
    assert report.history is None
    assert "not known" in report.sentences["convergence"]


def test_batches_are_part_of_the_scores_and_their_mixing_is_reported():
    adata = made(batch=True)
    report = sb.get.report(adata)
    assert report.verdict == "usable"
    # the planted cell vectors know nothing of the batches
    assert report.numbers["same_batch"] == pytest.approx(report.numbers["same_batch_by_chance"], abs=0.06)
    assert "they are mixed" in report.sentences["batches"]
    assert "batches" not in sb.get.report(made()).sentences
    adata.obsm["X_scbasset"] = adata.obsm["X_scbasset"] + 9 * (adata.obs["sample"] == "a").to_numpy()[:, None]
    assert sb.get.report(adata).numbers["same_batch"] == 1


def test_depth_in_the_embedding_is_found():
    adata = made()
    before = sb.get.report(adata)
    depth = np.log10(np.asarray((adata.X > 0).sum(1)).ravel())
    adata.obsm["X_scbasset"][:, 0] = 10 * depth
    after = sb.get.report(adata)
    assert after.numbers["depth_in_embedding"] > 0.5 > 0.1 > before.numbers["depth_in_embedding"]
    assert "leaks" in after.sentences["embedding"]


def test_layer_is_the_one_trained_on():
    adata = made(layer="counts")
    recorded = sb.get.report(adata)
    assert recorded.verdict == "usable"
    named = sb.get.report(adata, layer="counts")
    assert recorded.numbers == named.numbers


def test_mudata_views_and_other_keys_give_the_same():
    adata = made()
    expected = sb.get.report(adata).numbers
    keyed = made(key="foo")
    assert sb.get.report(keyed, key="foo").numbers == expected
    assert sb.get.report(mudata.MuData({"peaks": adata}), mod="peaks").numbers == expected
    view = adata[:, ::-1]
    reversed_ = sb.get.report(view)
    assert view.is_view
    assert reversed_.numbers["per_cell"] == pytest.approx(expected["per_cell"], rel=1e-9)
    assert sb.get.report(adata[:40]).verdict == "usable"


def test_without_training_peaks_the_rest_still_stands():
    adata = made()
    report = sb.get.report(adata[:, adata.var["split"] != "train"].copy())
    assert np.isnan(report.numbers["training_per_cell"])
    assert report.numbers["per_cell"] == pytest.approx(sb.get.report(adata).numbers["per_cell"], rel=1e-6)


def test_survives_a_file(tmp_path):
    adata = made(batch=True)
    adata.write_h5ad(tmp_path / "model.h5ad")
    assert sb.get.report(ad.read_h5ad(tmp_path / "model.h5ad")).numbers == sb.get.report(adata).numbers


def test_samples_of_peaks_and_cells_reach_the_same_verdict(monkeypatch):
    from scbasset_tl.get import _evidence

    whole = sb.get.report(made()).numbers
    monkeypatch.setattr(_evidence, "_MAX_PEAKS", 80)
    monkeypatch.setattr(_evidence, "_MAX_CELLS", 40)
    report = sb.get.report(made(), rng=1)
    assert report.verdict == "usable"
    assert report.numbers["per_cell"] == whole["per_cell"]  # the auROC itself is never sampled
    assert 0 < report.numbers["per_cell_z"] < whole["per_cell_z"]
    assert report.numbers == sb.get.report(made(), rng=1).numbers


def test_writes_nothing():
    adata = made(batch=True)
    before = adata.copy()
    sb.get.report(adata)
    assert repr(adata) == repr(before)  # the names of all slots
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    pd.testing.assert_frame_equal(adata.var, before.var)
    np.testing.assert_array_equal(adata.obsm["X_scbasset"], before.obsm["X_scbasset"])
    for name in ("scbasset", "dna_code"):
        np.testing.assert_array_equal(adata.varm[name], before.varm[name])
    assert (adata.X != before.X).nnz == 0
    assert repr(adata.uns) == repr(before.uns)


def test_one_epoch_of_real_training_is_undertrained(tiny):
    sb.pp.split_peaks(tiny, fractions=(0.6, 0.2, 0.2))
    sb.tl.scbasset(tiny, trunk=4, max_epochs=1)
    assert sb.get.report(tiny).verdict == "undertrained"


def drop_split(adata):
    del adata.var["split"]


def only_training(adata):
    adata.var["split"] = "train"


def drop_peaks(adata):
    del adata.varm["scbasset"]


def drop_cells(adata):
    del adata.obsm["X_scbasset"]


def drop_model(adata):
    del adata.uns["scbasset"]


def drop_matrix(adata):
    adata.X = None


def close_held_out(adata):
    adata.X = sp.csr_matrix(adata.X.toarray() * (adata.var["split"] == "train").to_numpy())


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (drop_split, KeyError, r"var\['split'\] is missing.*pp\.split_peaks"),
        (only_training, ValueError, r"var\['split'\] holds \{'train': 400\}.*'val' or 'test'"),
        (drop_peaks, KeyError, "no peak embeddings.*pp.add_sequences"),
        (drop_cells, KeyError, r"obsm\['X_scbasset'\].*tl\.scbasset"),
        (drop_model, KeyError, "holds no trained model.*tl.scbasset"),
        (drop_matrix, ValueError, "adata.X is None"),
        (close_held_out, ValueError, "all 120 held-out peaks are open in every cell or in none"),
    ],
)
def test_what_is_missing_is_named(spoil, error, words):
    adata = made()
    spoil(adata)
    with pytest.raises(error, match=words):
        sb.get.report(adata)


def test_unknown_layer_is_named():
    with pytest.raises(KeyError, match="no layer 'spliced'"):
        sb.get.report(made(), layer="spliced")
