import random
import sys

import anndata
import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from scbasset_tl.metrics import clustering_scores


@pytest.fixture
def cells():
    """Four well separated types of 40 cells."""
    rng = np.random.default_rng(0)
    kind = np.repeat(list("ABCD"), 40)
    centres = dict(zip("ABCD", 6 * rng.standard_normal((4, 5)), strict=True))
    adata = anndata.AnnData(obsm={"X_scbasset": np.stack([centres[k] for k in kind]) + rng.standard_normal((160, 5))})
    adata.obs["cell_type"] = kind
    return adata


def test_given_clustering_by_hand():
    adata = anndata.AnnData(obs={"type": ["B", "B", "T", "T", "T", None], "cluster": ["0", "0", "1", "1", None, "2"]})
    scores = clustering_scores(adata, label_key="type", cluster_key="cluster")
    assert scores == {"ari": 1, "ami": 1, "nmi": 1, "homogeneity": 1, "n_clusters": 2, "n_labels": 2}
    # 4 cells, all in one cluster: nothing is learned about the labels
    adata.obs["cluster"] = "0"
    scores = clustering_scores(adata, label_key="type", cluster_key="cluster")
    assert scores == {"ari": 0, "ami": 0, "nmi": 0, "homogeneity": 0, "n_clusters": 1, "n_labels": 2}


def test_adjusted_rand_index_by_pairs():
    rng = np.random.default_rng(0)
    labels, clusters = rng.integers(0, 3, 30), rng.integers(0, 4, 30)
    adata = anndata.AnnData(obs={"type": labels.astype(str), "cluster": clusters})
    i, j = np.triu_indices(30, 1)
    together, clustered = labels[i] == labels[j], clusters[i] == clusters[j]
    chance = together.sum() * clustered.sum() / len(i)
    expected = ((together & clustered).sum() - chance) / ((together.sum() + clustered.sum()) / 2 - chance)
    assert clustering_scores(adata, label_key="type", cluster_key="cluster")["ari"] == pytest.approx(expected)


def test_bisection_finds_as_many_clusters_as_labels(cells):
    before, global_state = cells.obs.copy(), (random.getstate(), np.random.get_state()[1].copy())
    scores = clustering_scores(cells, label_key="cell_type")
    assert scores == {"ari": 1, "ami": 1, "nmi": 1, "homogeneity": 1, "n_clusters": 4, "n_labels": 4}
    assert_frame_equal(cells.obs, before)
    assert [*cells.obsm, *cells.obsp, *cells.uns] == ["X_scbasset"]
    assert random.getstate() == global_state[0]
    np.testing.assert_array_equal(np.random.get_state()[1], global_state[1])


def test_the_same_seed_gives_the_same_scores_and_unlabelled_cells_are_not_clustered(cells):
    cells.obsm["X_scbasset"] = np.random.default_rng(0).standard_normal((160, 5))
    cells.obs["cell_type"] = cells.obs["cell_type"].where(np.arange(160) % 2 == 0)
    first = clustering_scores(cells, label_key="cell_type", rng=3)
    assert clustering_scores(cells, label_key="cell_type", rng=3) == first
    assert clustering_scores(cells[::2].copy(), label_key="cell_type", rng=3) == first


def test_cosine_ignores_the_length_of_the_vectors(cells):
    rng = np.random.default_rng(1)
    directions = np.eye(4)[np.repeat(np.arange(4), 40)] + 0.05 * rng.standard_normal((160, 4))
    cells.obsm["X_scbasset"] = directions * rng.uniform(0.02, 1, (160, 1))
    assert clustering_scores(cells, label_key="cell_type", metric="cosine")["ari"] == 1
    assert clustering_scores(cells, label_key="cell_type")["ari"] < 0.95


def test_a_count_out_of_reach_is_recorded(cells):
    cells.obs["cell_type"] = np.random.default_rng(0).integers(0, 120, 160).astype(str)
    scores = clustering_scores(cells, label_key="cell_type")
    assert 4 < scores["n_clusters"] < scores["n_labels"]


def test_too_few_cells(cells):
    with pytest.raises(ValueError, match="15 labelled cells; clustering needs more than 15"):
        clustering_scores(cells[:15], label_key="cell_type")


def test_without_the_extra(cells, monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(ImportError, match=r"pip install igraph leidenalg"):
        clustering_scores(cells, label_key="cell_type")
