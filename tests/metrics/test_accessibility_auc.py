import anndata
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.metrics import average_precision_score, roc_auc_score

from scbasset_tl._keys import SCHEMA_VERSION
from scbasset_tl.metrics import accessibility_auc

N_CELLS, N_PEAKS = 40, 60


@pytest.fixture
def trained():
    """The slots of a model with known logits; cell 0 and peak 0 have one class."""
    rng = np.random.default_rng(0)
    peaks, cells, bias = (
        rng.standard_normal((N_PEAKS, 3)),
        rng.standard_normal((N_CELLS, 3)),
        rng.normal(-1, 1, N_CELLS),
    )
    logits = cells @ peaks.T + bias[:, None]
    opened = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    opened[0], opened[:, 0] = False, False
    adata = anndata.AnnData(opened.astype(np.float32), layers={"inverse": 1.0 - opened})
    adata.obsm["emb"], adata.varm["emb"], adata.obs["emb_bias"] = cells, peaks, bias
    adata.var["split"] = pd.Categorical(np.array(["train", "train", "test", "val"])[np.arange(N_PEAKS) % 4][::-1])
    slots = {"obsm": "emb", "obs": "emb_bias", "varm": "emb"}
    entry = {"written_by": "tl.scbasset", "slots": slots, "schema_version": SCHEMA_VERSION}
    adata.uns["emb"] = {**entry, "weights": np.zeros(0, np.uint8), "batch": {}, "params": {}, "history": {}}
    return adata, logits


def by_sklearn(scores, truth):
    return [
        roc_auc_score(t, s) if 0 < t.sum() < t.size else np.nan for s, t in zip(scores, truth.astype(bool), strict=True)
    ]


@pytest.mark.parametrize(
    ("split", "levels"), [("test", ["test"]), ("held-out", ["val", "test"]), (None, ["train", "val", "test"])]
)
def test_against_sklearn(trained, split, levels):
    adata, logits = trained
    before, kept = (adata.obs.copy(), adata.var.copy()), adata.var["split"].isin(levels).to_numpy()
    auc = accessibility_auc(adata, key="emb", split=split)
    np.testing.assert_allclose(auc.per_cell, by_sklearn(logits[:, kept], adata.X[:, kept]))
    np.testing.assert_allclose(auc.per_peak, by_sklearn(logits[:, kept].T, adata.X[:, kept].T))
    assert auc.per_cell.index.equals(adata.obs_names)
    assert auc.per_peak.index.equals(adata.var_names[kept])
    opened = adata.X[:, kept]
    assert auc.n_one_class_cells == (opened.min(axis=1) == opened.max(axis=1)).sum() > 0
    assert auc.n_one_class_peaks == (opened.min(axis=0) == opened.max(axis=0)).sum()
    assert auc.mean_per_cell == pytest.approx(np.nanmean(auc.per_cell))
    assert f"per peak {auc.mean_per_peak:.3f}" in repr(auc)
    assert_frame_equal(adata.obs, before[0])
    assert_frame_equal(adata.var, before[1])
    assert [*adata.obsm, *adata.varm, *adata.uns] == ["emb", "emb", "emb"]


@pytest.mark.filterwarnings("ignore:From 0.4 .update")
def test_layer_and_modality(trained):
    mudata = pytest.importorskip("mudata")
    adata, _ = trained
    straight = accessibility_auc(adata, key="emb")
    inverse = accessibility_auc(mudata.MuData({"peaks": adata}), key="emb", layer="inverse", mod="peaks")
    np.testing.assert_allclose(inverse.per_cell, 1 - straight.per_cell)


def test_batch_effects_are_part_of_the_logits(trained):
    adata, logits = trained
    batch, weight = np.arange(N_CELLS) % 2, np.array([[3.0, 0, 0], [0, -3.0, 0]])
    adata.obs["donor"] = np.array(["d1", "d2"])[batch]
    adata.obsm["emb"] = adata.obsm["emb"] - weight[batch]
    adata.obs["emb_bias"] = adata.obs["emb_bias"] - np.array([5, -5])[batch]
    adata.uns["emb"]["batch"] = {
        "columns": ["donor"], "n_categories": [2], "categories": ["d1", "d2"], "weight": weight, "bias": np.array([5, -5])
    }  # fmt: skip
    auc = accessibility_auc(adata, key="emb", split=None)
    np.testing.assert_allclose(auc.per_cell, by_sklearn(logits, adata.X), atol=1e-6)
    np.testing.assert_allclose(auc.per_peak, by_sklearn(logits.T, adata.X.T), atol=1e-6)


def test_what_is_missing_or_wrong(trained):
    adata, _ = trained
    with pytest.raises(KeyError, match="tl.scbasset"):
        accessibility_auc(adata)
    with pytest.raises(ValueError, match="split must be one of"):
        accessibility_auc(adata, key="emb", split="all")
    adata.var["split"] = "train"
    with pytest.raises(ValueError, match=r"no peak has val or test in var\['split'\]"):
        accessibility_auc(adata, key="emb", split="held-out")
    del adata.var["split"]
    with pytest.raises(KeyError, match="pp.split_peaks"):
        accessibility_auc(adata, key="emb")


def test_average_precision_is_that_of_the_logits(trained):
    adata, logits = trained
    opened = adata.X > 0
    found = accessibility_auc(adata, key="emb", split=None)
    for values, truth, scores in (
        (found.auprc_per_cell, opened, logits),
        (found.auprc_per_peak, opened.T, logits.T),
    ):
        both = truth.any(axis=1) & ~truth.all(axis=1)
        expected = [average_precision_score(row, score) for row, score in zip(truth[both], scores[both], strict=True)]
        np.testing.assert_allclose(values[both], expected, rtol=1e-4)
        assert values[~both].isna().all()
    assert f"auPR per cell {found.mean_auprc_per_cell:.3f}" in repr(found)
    assert found.mean_auprc_per_peak == found.auprc_per_peak.mean()
