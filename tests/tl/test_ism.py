"""tl.ism: its slot against whole sequences, files, containers, and on toy data with the planted sites."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_network
from scbasset_tl._adata.sequence.ism import check_window
from scbasset_tl.nn.codes import one_hot

PARTS = {
    "regions", "chrom", "start", "window", "seq_len", "codes", "delta", "method", "model", "params", "schema_version", "slots",
    "written_by",
}  # fmt: skip


def assert_same_entry(one, other):
    assert set(one) == set(other) == PARTS
    for name in ("regions", "chrom", "start", "window", "codes", "delta"):
        assert np.asarray(one[name]).dtype.kind == np.asarray(other[name]).dtype.kind or name in ("regions", "chrom")
        np.testing.assert_array_equal(np.asarray(one[name]), np.asarray(other[name]))
    assert one["model"] == other["model"]
    assert str(one["method"]) == str(other["method"])


def test_slot_holds_the_changes_of_the_embedding(trained_tiny):
    before = set(trained_tiny.uns)
    assert sb.tl.ism(trained_tiny, ["chr1:4000-4300", "chr1:0-300"], window=20) is None
    assert set(trained_tiny.uns) - before == {"ism"}
    entry = trained_tiny.uns["ism"]
    assert set(entry) == PARTS
    assert entry["delta"].shape == (2, 20, 4, 6)
    assert entry["delta"].dtype == np.float32
    assert list(entry["regions"]) == ["chr1:4000-4300", "chr1:0-300"]
    assert list(entry["start"]) == [4140, 140]
    assert list(entry["window"]) == [86, 106]
    np.testing.assert_array_equal(entry["codes"], trained_tiny.varm["dna_code"][[4, 0], 86:106])
    mutant = trained_tiny.varm["dna_code"][[4, 4]].copy()
    mutant[1, 90] = (mutant[0, 90] + 1) % 4
    with torch.no_grad():
        h = read_network(trained_tiny).trunk()(one_hot(torch.from_numpy(mutant)))
    np.testing.assert_allclose(entry["delta"][0, 4, mutant[1, 90]], h[1] - h[0], rtol=0, atol=1e-5)
    assert not entry["delta"][0, 4, mutant[0, 90]].any()


def test_window():
    assert check_window(None, 1344) == (0, 1344)
    assert check_window(20, 1344) == (662, 682)
    assert check_window(21, 1344) == (662, 683)
    assert check_window(np.int64(1344), 1344) == (0, 1344)
    assert check_window([5, 9], 1344) == (5, 9)


def test_gradient_is_an_estimate_of_it(trained_tiny):
    sb.tl.ism(trained_tiny, [10, 11])
    sb.tl.ism(trained_tiny, [10, 11], method="gradient", key_added="estimate")
    exact, estimate = (trained_tiny.uns[key]["delta"] for key in ("ism", "estimate"))
    assert trained_tiny.uns["estimate"]["params"]["method"] == "gradient"
    assert exact.shape == estimate.shape
    assert 0.5 < np.corrcoef(exact.ravel(), estimate.ravel())[0, 1] < 0.9999


def test_key_added_copy_views_and_backed(trained_tiny, tmp_path):
    expected = sb.tl.ism(trained_tiny, [3, 5], window=12, copy=True)
    assert "ism" not in trained_tiny.uns
    sb.tl.ism(trained_tiny, [3, 5], window=12, key_added="foo")
    assert_same_entry(trained_tiny.uns["foo"], expected.uns["ism"])
    view = trained_tiny[:20]
    sb.tl.ism(view, [3, 5], window=12)
    assert_same_entry(view.uns["ism"], expected.uns["ism"])
    assert view.n_obs == 20
    assert "ism" not in trained_tiny.uns
    trained_tiny.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    sb.tl.ism(backed, [3, 5], window=12)
    assert_same_entry(backed.uns["ism"], expected.uns["ism"])
    backed.file.close()


def test_mudata_writes_inside_the_modality(trained_tiny):
    expected = sb.tl.ism(trained_tiny, [3, 5], window=12, copy=True)
    mdata = md.MuData({"peaks": trained_tiny.copy()})
    copied = sb.tl.ism(mdata, [3, 5], window=12, mod="peaks", copy=True)
    assert isinstance(copied, md.MuData)
    assert "ism" not in mdata["peaks"].uns
    assert_same_entry(copied["peaks"].uns["ism"], expected.uns["ism"])
    sb.tl.ism(mdata, [3, 5], window=12, mod="peaks")
    assert_same_entry(mdata["peaks"].uns["ism"], expected.uns["ism"])


def test_changes_beyond_memory_are_refused_before_the_work(trained_tiny, monkeypatch):
    # 50 positions × 4 bases × latent dimensions of 4 bytes each
    needed = 50 * 4 * 4 * trained_tiny.obsm["X_scbasset"].shape[1]
    monkeypatch.setattr("scbasset_tl._space.available_memory", lambda: needed)
    sb.tl.ism(trained_tiny, [3], window=50)
    monkeypatch.setattr("scbasset_tl._space.available_memory", lambda: needed - 1)
    monkeypatch.setattr("scbasset_tl.nn.mutagenesis.mutagenesis", None)
    with pytest.raises(MemoryError, match=r"the mutagenesis of 1 regions × 50 bp would take .* fewer bases by window="):
        sb.tl.ism(trained_tiny, [3], window=50, key_added="again")
    assert "again" not in trained_tiny.uns


def test_importance_stands_on_the_planted_sites(trained_toy):
    motifs, sites = trained_toy.uns["toy"]["motifs"], trained_toy.varm["toy_sites"]
    acts = np.abs(motifs["effect"]).max(axis=1) > 0
    acting = (sites[..., 0] >= 0) & acts[sites[..., 0]]
    held_out = (trained_toy.var["split"] != "train").to_numpy()
    peaks = np.flatnonzero(held_out & acting.any(axis=1))[:60]
    sb.tl.ism(trained_toy, peaks)
    scores = sb.get.ism(trained_toy, groupby="cell_type")
    planted = np.zeros((60, 192), dtype=bool)
    for row, peak in enumerate(peaks):
        for start in sites[peak, acting[peak], 1]:
            planted[row, 96 + start : 96 + start + 16] = True
    importance = np.abs(scores.importance).mean(axis=0)
    assert 0.15 < planted.mean() < 0.4
    assert roc_auc_score(planted.ravel(), importance.ravel()) > 0.8
