"""metrics.perturbation against the package's own exact areas, and a case by hand."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl._adata.kinds import TF_ACTIVITY
from scbasset_tl.stats.auc import areas_per_row
from scbasset_tl.stats.open_entries import OpenEntries

STORED = {
    **dict.fromkeys(TF_ACTIVITY.keys.split(), ()),
    **{"written_by": "tl.tf_activity", "slots": {"obsm": "tf_activity"}, "params": {}, "schema_version": 1},
}


@pytest.fixture
def screened(rng):
    adata = AnnData(sparse.csr_matrix(np.ones((50, 2), dtype=np.float32)))
    adata.obs["guide"] = np.repeat(["sgNT", "sgGATA1", "sgGATA2"], [20, 18, 12])
    adata.obsm["tf_activity"] = rng.normal(size=(50, 2)).astype(np.float32)
    adata.obsm["tf_activity"][20:38, 0] -= 3
    adata.uns["tf_activity"] = {
        **STORED,
        "names": np.array(["GATA1", "GATA2"], dtype=object),
        "ids": np.array(["M1", "M2"]),
    }
    return adata


def call(adata, motifs=("GATA1", "M2"), **changes):
    return sb.metrics.perturbation(
        adata, motifs, **{"groupby": "guide", "perturbed": "sgGATA1", "control": "sgNT", **changes}
    )


@pytest.mark.parametrize("direction", ["down", "up"])
def test_areas_are_the_packages_own(screened, direction):
    found = call(screened, direction=direction).summary
    assert found["motif"].tolist() == ["GATA1", "GATA2"]
    scores = screened.obsm["tf_activity"][:38].T * (-1 if direction == "down" else 1)
    entries = OpenEntries(np.array([0, 18, 36]), np.tile(np.arange(20, 38, dtype=np.int32), 2), 38)
    areas = areas_per_row(np.ascontiguousarray(scores), entries)
    np.testing.assert_allclose(found["auroc"], areas.roc)
    np.testing.assert_allclose(found["auprc"], areas.pr)
    assert found[["n_perturbed", "n_control"]].to_numpy().tolist() == [[18, 20]] * 2
    assert found["auprc_by_chance"].iloc[0] == pytest.approx(18 / 38)


def test_silenced_cells_come_first(screened):
    table = call(screened, "GATA1").summary
    assert table["auroc"].iloc[0] > 0.7
    assert call(screened, "GATA1", direction="up").summary["auroc"].iloc[0] == pytest.approx(1 - table["auroc"].iloc[0])


def test_curves_by_hand():
    adata = AnnData(sparse.csr_matrix(np.ones((5, 1), dtype=np.float32)))
    adata.obs["guide"] = ["k", "k", "c", "c", "c"]
    adata.obsm["tf_activity"] = np.array([[-3.0], [-1.0], [-2.0], [0.0], [1.0]])
    adata.uns["tf_activity"] = {**STORED, "names": np.array(["A"], dtype=object)}
    found = call(adata, "A", perturbed="k", control="c")
    roc = found.curves[found.curves["curve"] == "roc"]
    assert roc[["x", "y"]].to_numpy().tolist() == pytest.approx(
        np.array([[0, 0], [0, 0.5], [1 / 3, 0.5], [1 / 3, 1], [2 / 3, 1], [1, 1]])
    )
    pr = found.curves[found.curves["curve"] == "pr"]
    np.testing.assert_allclose(pr["y"], [2 / 5, 2 / 4, 2 / 3, 1 / 2, 1, 1])
    assert found.summary["auprc"].iloc[0] == pytest.approx((1 + 2 / 3) / 2)


def test_a_baseline_stands_beside(screened, rng):
    other = pd.DataFrame(rng.normal(size=(50, 2)), index=screened.obs_names[::-1], columns=["GATA2", "GATA1"])
    found = call(screened, "GATA1", baseline=other)
    assert found.summary["method"].tolist() == ["activity", "baseline"]
    screened.obsm["tf_activity"][:, 0] = other.loc[screened.obs_names, "GATA1"]
    assert found.summary["auroc"].iloc[1] == pytest.approx(call(screened, "GATA1").summary["auroc"].iloc[0])


def test_groups_of_numbers_that_may_be_missing(screened):
    expected = call(screened, "GATA1").summary
    guides = screened.obs["guide"].map({"sgNT": 0, "sgGATA1": 1})
    screened.obs["guide"] = guides.astype(object).astype("Int64")
    found = call(screened, "GATA1", perturbed=1, control=0).summary
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"motifs": "SPI1"}, KeyError, r"1 of 1 have no activity, \['SPI1'\]"),
        ({"motifs": []}, ValueError, "motifs is empty"),
        ({"groupby": "sg"}, KeyError, "no column 'sg'"),
        ({"control": "sgX"}, KeyError, r"no group \['sgX'\]"),
        ({"control": "sgGATA1"}, ValueError, "are both 'sgGATA1'"),
        ({"direction": "left"}, ValueError, r"\['down', 'up'\]"),
        ({"baseline": 3}, TypeError, "must be a DataFrame"),
        ({"baseline": pd.DataFrame({"GATA1": [1.0]}, index=["0"])}, ValueError, "lacks 37 of the cells"),
        ({"baseline": pd.DataFrame(np.ones((1, 2)), columns=["A", "A"])}, ValueError, r"motif names repeat.*\['A'\]"),
        ({"baseline": pd.DataFrame({"A": [1, 2]}, index=["c", "c"])}, ValueError, r"cell names repeat.*\['c'\]"),
        ({"activity_key": "x"}, KeyError, "holds no TF activity"),
    ],
)
def test_bad_calls(screened, changes, error, words):
    with pytest.raises(error, match=words):
        call(screened, **changes)


def test_cells_without_a_guide_in_a_nullable_column(screened):
    expected = call(screened).summary
    screened.obs["guide"] = pd.array(screened.obs["guide"].to_numpy(), dtype="string")
    screened.obs.loc[screened.obs_names[38:], "guide"] = pd.NA
    pd.testing.assert_frame_equal(call(screened).summary, expected)
