"""tl.lsi against muon's own LSI; what is written, and what is refused."""

import warnings

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import scbasset_tl as sb

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from muon import atac as muon_atac


@pytest.fixture(scope="module")
def toy():
    return sb.datasets.toy(n_obs=150, n_vars=400)


def reference(adata, n):
    """Singular vectors of muon's LSI, each times its size, of which the first is left out."""
    whole = ad.AnnData((adata.X > 0).astype(np.float64))
    muon_atac.pp.tfidf(whole)
    muon_atac.tl.lsi(whole, scale_embeddings=False, n_comps=n + 1)
    vectors = whole.obsm["X_lsi"][:, 1:] * whole.uns["lsi"]["stdev"][1:]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_cells_are_where_muon_puts_them(toy):
    before = toy.X.copy()
    sb.tl.lsi(toy, n_latent=6)
    found, expected = toy.obsm["X_lsi"], reference(toy, 6)
    assert found.dtype == np.float32
    # whatever the signs of the axes
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)) / (expected**2).sum(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)
    assert (before != toy.X).nnz == 0


def test_it_is_a_baseline_that_knows_the_types(toy):
    adata = sb.tl.lsi(toy, key_added="baseline", copy=True)
    assert "baseline" not in toy.obsm
    score = sb.metrics.label_score(adata, label_key="cell_type", use_rep="baseline", k=10)
    assert score > 0.6
    assert adata.uns["baseline"]["params"]["n_latent"] == 32


def test_the_same_seed_and_counts_or_open_peaks_give_the_same(toy):
    again, binary = toy.copy(), toy.copy()
    binary.layers["open"] = (toy.X > 0).astype(np.int8)
    sb.tl.lsi(again, key_added="one")
    sb.tl.lsi(again, key_added="two")
    sb.tl.lsi(binary, layer="open", key_added="one")
    np.testing.assert_array_equal(again.obsm["one"], again.obsm["two"])
    np.testing.assert_array_equal(again.obsm["one"], binary.obsm["one"])


def test_cells_without_open_peaks_and_small_data():
    counts = np.random.default_rng(0).poisson(0.4, (12, 9))
    counts[3], counts[:, 4] = 0, 0
    adata = ad.AnnData(sp.csr_matrix(counts.astype(np.float32)))
    sb.tl.lsi(adata)
    assert not adata.obsm["X_lsi"][3].any()
    others = np.delete(adata.obsm["X_lsi"], 3, axis=0)
    assert np.isfinite(others).all()
    assert others.shape[1] == 6


def test_what_muon_wrote_stays(toy):
    adata = toy.copy()
    for name in ("X_lsi", "lsi"):
        adata.obsm.pop(name, None)
        adata.uns.pop(name, None)
    adata.X = adata.X.astype(np.float64)
    muon_atac.tl.lsi(adata, n_comps=5)
    kept = adata.obsm["X_lsi"].copy()
    with pytest.raises(ValueError, match=r"lsi'\] is there already, and not from tl.lsi"):
        sb.tl.lsi(adata)
    np.testing.assert_array_equal(adata.obsm["X_lsi"], kept)
    sb.tl.lsi(adata, key_added="baseline")


def test_a_mudata(toy):
    mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=120, n_genes=10)
    sb.tl.lsi(mdata, n_latent=5)
    assert mdata["atac"].obsm["X_lsi"].shape == (60, 5)
