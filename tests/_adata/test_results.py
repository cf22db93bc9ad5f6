"""Results know their model, and names that are the user's stay the user's."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "accelerator": "cpu"}


def motifs_of(adata):
    toy = adata.uns["toy"]["motifs"]
    return [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"][:2], toy["pwm"][:2], strict=True)]


@pytest.fixture(scope="module")
def made():
    adata = sb.datasets.toy(n_obs=60, n_vars=200, rng=3)
    sb.tl.scbasset(adata, rng=1, **SMALL)
    sb.tl.tf_activity(adata, motifs_of(adata), n_background=20, n_null=0)
    sb.tl.ism(adata, [0, 1], window=30)
    return adata


@pytest.fixture
def adata(made):
    return made.copy()


def test_a_split_of_ones_own_is_not_replaced(adata):
    adata.var["split"] = "fold1"
    with pytest.raises(ValueError, match=r"var\['split'\] is there already"):
        sb.pp.split_peaks(adata)
    assert (adata.var["split"] == "fold1").all()
    sb.pp.split_peaks(adata, key_added="other")
    sb.pp.split_peaks(adata, key_added="other", rng=1)


def test_tf_activities_are_no_model(adata):
    with pytest.raises(KeyError, match="holds no trained model"):
        sb.get.accessibility(adata, key="tf_activity")


def test_mutagenesis_knows_its_model(adata):
    sb.tl.scbasset(adata, key_added="other", rng=5, **SMALL)
    del adata.uns["ism"]
    sb.tl.ism(adata, [0, 1], key="other", window=20)
    del adata.uns["scbasset"]
    by_itself = sb.get.ism(adata)
    np.testing.assert_array_equal(by_itself.raw, sb.get.ism(adata, model_key="other").raw)
    np.testing.assert_array_equal(sb.get.ism(adata, [1]).raw, by_itself.raw[:, [1]])


def test_scores_are_of_the_layer_that_was_trained_on():
    adata = sb.datasets.toy(n_obs=60, n_vars=200, rng=3)
    adata.layers["counts"] = adata.X.copy()
    sb.tl.scbasset(adata, layer="counts", rng=1, **SMALL)
    expected = sb.metrics.accessibility_auc(adata, layer="counts")
    adata.X = adata.X[np.random.default_rng(0).permutation(60)]
    pd.testing.assert_series_equal(sb.metrics.accessibility_auc(adata).per_peak, expected.per_peak)


def test_cells_of_another_model_are_named(adata):
    other = sb.datasets.toy(n_obs=60, n_vars=200, rng=3)
    sb.tl.scbasset(other, rng=2, **SMALL)
    other.obs_names = [f"other{number}" for number in range(60)]
    joined = ad.concat([adata, other], merge="first", uns_merge="first")
    with pytest.raises(ValueError, match=r"60 of 120 cells are not of the model 'scbasset' \(first: \['other0'"):
        sb.metrics.accessibility_auc(joined, split=None)
    sb.get.accessibility(joined[:60].copy())
    halves = ad.concat([adata[:30], adata[30:]], merge="same", uns_merge="same")
    np.testing.assert_array_equal(sb.get.accessibility(halves), sb.get.accessibility(adata))


def test_what_concat_left_behind_is_told(adata):
    joined = ad.concat([adata[:30], adata[30:]], merge="same")
    with pytest.raises(
        KeyError, match=r"obsm\['X_scbasset'\] is there without it: anndata\.concat .*uns_merge='first'"
    ):
        sb.get.accessibility(joined)
    del joined.obsm["X_scbasset"], joined.obs["scbasset_bias"]
    with pytest.raises(KeyError, match=r"holds no trained model .* or pass key=\.'?\"?$"):
        sb.get.accessibility(joined)


def test_cells_that_were_not_trained_are_named(adata):
    plain = sb.datasets.toy(n_obs=60, n_vars=200, rng=4)
    plain.obs_names = [f"new{number}" for number in range(60)]
    joined = ad.concat([adata, plain], join="outer", merge="first", uns_merge="first")
    with pytest.raises(ValueError, match="60 of 120 cells are not of the model"):
        sb.tl.tf_activity(joined, motifs_of(adata), n_background=20, n_null=0)


def test_mapped_cells_are_of_the_model(adata):
    query = sb.datasets.toy(n_obs=60, n_vars=200, rng=3)
    sb.tl.map_cells(query, adata)
    assert np.isfinite(sb.get.accessibility(query).to_numpy()).all()
