"""Figures known for the published scBasset embedding of Buenrostro 2018 and its published clusters."""

import anndata
import pytest

from scbasset_tl import metrics


@pytest.fixture(scope="module")
def cells(real_data):
    adata = anndata.read_h5ad(real_data / "reference" / "buenrostro2018_embeddings.h5ad")
    adata.obs["cell_type"] = adata.obs["cell_type"].cat.remove_categories("unknown")
    return adata


def test_clusters(cells):
    scores = metrics.clustering_scores(cells, label_key="cell_type", cluster_key="cluster_scBasset")
    assert round(scores["ari"], 4) == 0.4707
    assert round(scores["nmi"], 4) == 0.6132
    assert round(scores["homogeneity"], 4) == 0.6213
    assert (scores["n_clusters"], scores["n_labels"]) == (9, 9)


def test_silhouette(cells):
    assert round(metrics.cell_type_asw(cells, label_key="cell_type"), 4) == 0.5287


def test_scores_at_matched_cluster_count_and_label_score_lie_in_the_known_range(cells):
    scores = metrics.clustering_scores(cells, label_key="cell_type")
    assert scores["n_clusters"] == scores["n_labels"] == 9
    assert 0.4 < scores["ari"] < 0.7
    label = metrics.label_score(cells, label_key="cell_type", k=[10, 50, 100])
    assert 0.5 < label[100] < label[50] < label[10] < 0.9
