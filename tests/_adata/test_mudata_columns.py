"""MuData: columns of its own ``obs`` are found as those of the modality are."""

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.resolve import resolve


@pytest.fixture(autouse=True)
def warnings_are_heard():
    with sb.settings.override(verbosity=1):
        yield


@pytest.fixture
def mdata():
    mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=120, n_genes=10)
    # in another order than the modality's cells
    leiden = pd.Series(np.where(mdata["atac"].obs["depth"] > mdata["atac"].obs["depth"].median(), "high", "low"))
    mdata.obs["leiden"] = pd.Categorical(leiden)
    mdata.obs["cell_type"] = "of the MuData"
    mdata["atac"].obsm["X_pca"] = np.random.default_rng(0).normal(size=(60, 3))
    return mdata


def test_columns_of_both_levels_are_read_and_none_is_written(mdata):
    atac = mdata["atac"]
    before = list(atac.obs)
    adata = resolve(mdata)
    assert {"leiden", "atac:cell_type", *before} <= set(adata.obs)
    assert list(atac.obs) == before
    np.testing.assert_array_equal(adata.obs["leiden"] == "high", atac.obs["depth"] > atac.obs["depth"].median())
    assert adata.obs["cell_type"].equals(atac.obs["cell_type"])  # the modality's own goes first
    assert adata.X is atac.X
    assert adata.uns is atac.uns


def test_cells_are_matched_by_name(mdata):
    some = mdata["atac"][::-2]
    other = type(mdata)({"atac": some.copy(), "rna": mdata["rna"].copy()})
    other.obs["number"] = np.arange(other.n_obs)
    found = resolve(other).obs
    assert found.index.equals(some.obs_names)
    assert found["number"].equals(other.obs["number"].loc[some.obs_names])


def test_a_view_is_not_copied(mdata):
    view = mdata[mdata.obs["leiden"] == "low"]
    adata = resolve(view)
    assert adata.is_view
    assert (adata.obs["leiden"] == "low").all()
    assert list(mdata["atac"].obs) == ["cell_type", "depth"]


def test_groups_and_batches_of_the_mudata(mdata):
    sb.tl.scbasset(mdata, batch_key="leiden", trunk=8, max_epochs=1)
    # the model needs its batches wherever the modality goes
    assert mdata["atac"].obs["leiden"].equals(mdata.obs["leiden"].loc[mdata["atac"].obs_names])
    del mdata["atac"].obs["leiden"]
    groups = sb.get.accessibility(mdata, groupby="leiden")
    own = mdata["atac"].copy()
    own.obs["leiden"] = mdata.obs["leiden"].loc[own.obs_names]
    pd.testing.assert_frame_equal(groups, sb.get.accessibility(own, groupby="leiden"))
    assert sb.metrics.label_score(mdata, label_key="leiden") == sb.metrics.label_score(own, label_key="leiden")


def test_an_absent_column_is_named(mdata):
    sb.tl.scbasset(mdata, trunk=8, max_epochs=1)
    with pytest.raises(KeyError, match="louvain.*leiden"):
        sb.get.accessibility(mdata, groupby="louvain")


def test_two_columns_of_one_name_and_which_was_read(mdata, capsys):
    sb.tl.scbasset(mdata, trunk=8, max_epochs=1)
    own = sb.get.accessibility(mdata["atac"], groupby="cell_type")
    capsys.readouterr()
    pd.testing.assert_frame_equal(sb.get.accessibility(mdata, groupby="cell_type"), own)
    said = capsys.readouterr().err
    assert "WARNING: 'cell_type' is a column of mdata['atac'].obs and of mdata.obs" in said
    assert "60 of 60 cells: that of mdata['atac'].obs is read" in said
    assert said.count("cell_type") == 1
    sb.get.accessibility(mdata, groupby="leiden")
    assert "cell_type" not in capsys.readouterr().err  # nothing about columns that were not asked for


@pytest.mark.parametrize(
    "change", [lambda column: column, lambda column: column.astype(str), lambda column: column[::-1]]
)
def test_two_columns_with_the_same_values_are_one(mdata, change, capsys):
    mdata.obs["cell_type"] = change(mdata["atac"].obs["cell_type"])
    assert sb.metrics.cell_type_asw(mdata, label_key="cell_type", use_rep="X_pca") is not None
    assert "WARNING" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "use",
    [
        lambda mdata: sb.tl.scbasset(mdata, batch_key="donor", trunk=8, max_epochs=1),
        lambda mdata: sb.metrics.label_score(mdata, label_key="donor", use_rep="X_pca", k=5),
        lambda mdata: sb.metrics.batch_mixing(mdata, batch_key="donor", use_rep="X_pca", k=20),
    ],
    ids=["training", "a score", "mixing of batches"],
)
def test_every_verb_says_which_was_read(mdata, use, capsys):
    mdata["atac"].obs["donor"] = ["a", "b"] * 30
    mdata.obs["donor"] = ["a", "c"] * 30
    use(mdata)
    assert capsys.readouterr().err.count("'donor' is a column of mdata['atac'].obs and of mdata.obs") == 1


def test_missing_values_are_compared(mdata, capsys):
    for obs in (mdata["atac"].obs, mdata.obs):
        obs["donor"] = pd.Series([None, "a", "b"] * 20, index=mdata["atac"].obs_names)
    sb.metrics.label_score(mdata, label_key="donor", use_rep="X_pca", k=5)
    assert "WARNING" not in capsys.readouterr().err
    mdata["atac"].obs.iloc[0, mdata["atac"].obs.columns.get_loc("donor")] = "b"
    sb.metrics.label_score(mdata, label_key="donor", use_rep="X_pca", k=5)
    assert "other values in 1 of 60 cells" in capsys.readouterr().err


def test_what_is_said_leaves_no_trace_in_the_table(mdata):
    obs = resolve(mdata).obs
    assert not obs.attrs
    assert set(vars(mdata["atac"].obs)) == set(vars(pd.DataFrame()))
