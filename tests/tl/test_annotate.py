"""tl.annotate: who votes, what is written, and that nothing else is written over."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb


@pytest.fixture
def pair(rng):
    """Three kinds of cells in a plane, one of them unlabelled; 30 to label."""
    places = {"B": (0, 0), "T": (10, 0), "gone": (0, 10)}
    kinds = np.array(sorted(places))[rng.integers(0, 3, 120)]
    vectors = np.array([places[kind] for kind in kinds]) + rng.normal(size=(120, 2))
    adata = ad.AnnData(np.zeros((120, 1)), obsm={"X_scbasset": vectors.astype(np.float32)})
    adata.obs["kind"] = pd.Categorical(np.where(kinds == "gone", None, kinds))
    return adata[:30].copy(), adata[30:].copy()


def test_neighbours_vote(pair):
    query, reference = pair
    sb.tl.annotate(query, reference, label_key="kind", k=5)
    known = query.obs["kind"].notna()
    assert query.obs["cell_type"][known].tolist() == query.obs["kind"][known].tolist()
    assert list(query.obs["cell_type"].cat.categories) == ["B", "T", "Unknown"]
    assert list(query.uns["cell_type"]["categories"]) == ["B", "T"]
    shares = query.obsm["cell_type_proba"]
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(query.obs["cell_type_confidence"], shares.max(axis=1))
    sb.tl.annotate(query, reference, label_key="kind", k=90 - int(reference.obs["kind"].isna().sum()), weights="uniform",
                   threshold=0.9, unknown="?")  # fmt: skip
    assert (query.obs["cell_type"] == "?").all()
    frequency = reference.obs["kind"].value_counts(normalize=True)
    np.testing.assert_allclose(query.obsm["cell_type_proba"], np.tile(frequency[["B", "T"]], (30, 1)), rtol=1e-6)


def test_no_cell_has_a_cluster(pair):
    query, reference = pair
    query.obs["cluster"] = pd.Categorical([None] * 30, categories=["0"])
    sb.tl.annotate(query, reference, label_key="kind", k=5)
    expected = query.obs["cell_type"].copy()
    sb.tl.annotate(query, reference, label_key="kind", k=5, cluster_key="cluster")
    pd.testing.assert_series_equal(query.obs["cell_type"], expected)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_of_a_vector_of_zeros_nothing_is_known(pair, metric):
    query, reference = pair
    query.obsm["X_scbasset"][3] = 0
    sb.tl.annotate(query, reference, label_key="kind", k=5, metric=metric)
    assert query.obs["cell_type"].iloc[3] == "Unknown"
    assert query.obs["cell_type_confidence"].iloc[3] == 0
    assert (query.obs["cell_type_confidence"].drop(query.obs_names[3]) > 0).all()


def test_cosine_sees_directions_only(pair):
    query, reference = pair
    for adata in pair:
        adata.obsm["X_turned"] = adata.obsm["X_scbasset"] + np.float32([5, 5])
    arguments = {"label_key": "kind", "metric": "cosine", "use_rep": "X_turned"}
    sb.tl.annotate(query, reference, **arguments)
    expected = query.obsm["cell_type_proba"].copy()
    query.obsm["X_turned"] *= 7
    sb.tl.annotate(query, reference, **arguments)
    np.testing.assert_allclose(query.obsm["cell_type_proba"], expected, rtol=1e-3)


def test_containers_names_and_files(pair, tmp_path):
    query, reference = pair
    reference.obsm["other"] = reference.obsm.pop("X_scbasset")
    arguments = {"label_key": "kind", "reference_rep": "other", "key_added": "pred"}
    expected = sb.tl.annotate(query, reference, **arguments, copy=True)
    assert "pred" not in query.obs
    mdata = md.MuData({"atac": query.copy()})
    sb.tl.annotate(mdata, md.MuData({"atac": reference}), **arguments)
    view = query[np.arange(30)]
    sb.tl.annotate(view, reference, **arguments)
    expected.write_h5ad(tmp_path / "a.h5ad")
    expected.write_zarr(tmp_path / "a.zarr")
    mdata.write_h5mu(tmp_path / "a.h5mu")
    files = [ad.read_h5ad(tmp_path / "a.h5ad"), ad.read_zarr(tmp_path / "a.zarr")]
    for adata in [mdata["atac"], view, *files, md.read_h5mu(tmp_path / "a.h5mu")["atac"]]:
        assert adata.obs["pred"].tolist() == expected.obs["pred"].tolist()
        np.testing.assert_array_equal(adata.obsm["pred_proba"], expected.obsm["pred_proba"])
        np.testing.assert_array_equal(adata.obs["pred_confidence"], expected.obs["pred_confidence"])
        assert list(adata.uns["pred"]["categories"]) == ["B", "T"]
        assert adata.uns["pred"]["params"]["reference_rep"] == "other"
    sb.tl.annotate(expected, reference, **arguments)  # its own slots it may replace


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_cosine_distances_are_those_of_scipy_also_from_zeros(pair, rng, weights):
    query, reference = pair
    reference.obs["kind"] = rng.choice(["B", "T"], 90)
    reference.obsm["X_scbasset"][:4] = 0
    sb.tl.annotate(query, reference, label_key="kind", metric="cosine", k=30, weights=weights)
    x, y = (adata.obsm["X_scbasset"].astype(np.float64) for adata in (query, reference))
    distance = 1 - np.divide(x @ y.T, norms := np.outer(*(np.linalg.norm(part, axis=1) for part in (x, y))), where=norms > 0, out=np.zeros((30, 90)))  # fmt: skip
    nearest = np.argsort(distance, axis=1)[:, :30]
    votes = np.ones(nearest.shape) if weights == "uniform" else 1 / np.take_along_axis(distance, nearest, axis=1)
    for_b = (reference.obs["kind"].to_numpy()[nearest] == "B") * votes
    np.testing.assert_allclose(query.obsm["cell_type_proba"][:, 0], for_b.sum(1) / votes.sum(1), rtol=2e-3)


def test_cells_without_a_cluster_keep_their_labels(pair):
    query, reference = pair
    query.obs["cluster"] = np.nan
    sb.tl.annotate(query, reference, label_key="kind", k=5, key_added="own")
    sb.tl.annotate(query, reference, label_key="kind", k=5, cluster_key="cluster")
    assert query.obs["cell_type"].tolist() == query.obs["own"].tolist()
