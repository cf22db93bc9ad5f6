"""Real human cells without sequence: LSI as the reference, and every score of cells run end to end."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
import scipy.sparse as sp

import scbasset_tl as sb


@pytest.fixture
def folder(real_data):
    if not (real_data / "human").is_dir():
        pytest.skip("real human data not found: set SCBASSET_TL_REAL_DATA to their folder")
    return real_data / "human"


def lsi(counts, n_components=30):
    """TF-IDF and SVD without the first component, which is depth."""
    from sklearn.decomposition import TruncatedSVD

    opened = sp.csr_matrix(counts > 0, dtype=np.float64)
    tf = sp.diags(1 / np.asarray(opened.sum(1)).ravel()) @ opened
    idf = np.log1p(opened.shape[0] / np.maximum(np.asarray(opened.sum(0)).ravel(), 1))
    return TruncatedSVD(n_components + 1, random_state=0).fit_transform(tf @ sp.diags(idf))[:, 1:]


def test_leukaemia_of_two_patients(folder):
    adata = ad.read_h5ad(folder / "aml_corces2016_hg19.h5ad")
    sb.pp.filter_peaks(adata, min_fraction=0.01)
    adata.obsm["X_lsi"] = lsi(adata.X)
    call = {"use_rep": "X_lsi"}
    clusters = sb.metrics.clustering_scores(adata, label_key="notes", **call)
    labels = {
        key: sb.metrics.label_score(adata, label_key=key, k=10, **call) for key in ("notes", "patient", "cell_type")
    }
    mixing = sb.metrics.batch_mixing(adata, batch_key="patient", label_key="cell_type", k=30, **call)
    assert clusters["ari"] > 0.3
    assert labels["notes"] > 0.6
    # cells lie with those of their patient more than with those of their kind: the batch effect
    assert labels["patient"] > labels["cell_type"]
    assert mixing["ilisi"] < mixing["ilisi_by_chance"] - 0.3
    assert mixing["kbet"] < mixing["kbet_by_chance"] - 0.3


def test_rna_and_atac_of_the_same_cells(folder):
    atac, rna = (ad.read_h5ad(folder / f"a549_scicar_{name}.h5ad") for name in ("atac_hg19", "rna"))
    atac.obsm["X_lsi"] = lsi(atac.X)
    rna.obsm["X_lsi"] = lsi(rna.X)
    mdata = md.MuData({"atac": atac, "rna": rna})
    score = sb.metrics.neighbor_score(mdata, use_rep="X_lsi", other_mod="rna", other_rep="X_lsi", k=[10, 50, 100])
    assert all(value > 1.1 * k / (atac.n_obs - 1) for k, value in score.items())
    apart = sb.metrics.embedding_rank_distance(mdata, use_rep="X_lsi", other_mod="rna", other_rep="X_lsi")
    assert 0.4 < apart.foscttm < 0.6  # in no common space yet
