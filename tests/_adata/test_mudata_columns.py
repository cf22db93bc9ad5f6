"""MuData: columns of its own ``obs`` are found as those of the modality are."""

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.resolve import resolve


@pytest.fixture
def mdata():
    mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=120, n_genes=10)
    # in another order than the modality's cells
    leiden = pd.Series(np.where(mdata["atac"].obs["depth"] > mdata["atac"].obs["depth"].median(), "high", "low"))
    mdata.obs["leiden"] = pd.Categorical(leiden)
    mdata.obs["cell_type"] = "of the MuData"
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
