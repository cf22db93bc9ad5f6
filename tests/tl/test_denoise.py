"""tl.denoise and tl.denoised_pca against get.accessibility, dense PCA and kNN; slots, files and containers."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
from sklearn.decomposition import PCA

import scbasset_tl as sb
from scbasset_tl import _space
from scbasset_tl.stats import low_rank
from scbasset_tl.stats.neighbors import nearest


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("arguments", [{}, {"scale": "sigmoid"}, {"scale": "sigmoid", "normalize_depth": False}])
def test_layer_is_what_accessibility_reads(trained, monkeypatch, arguments, dtype):
    monkeypatch.setattr(low_rank, "BLOCK_ENTRIES", 300)
    sb.tl.denoise(trained, dtype=dtype, **arguments)
    layer = trained.layers["scbasset"]
    assert layer.dtype == dtype
    tolerance = 1e-5 if dtype == "float32" else 2e-3
    np.testing.assert_allclose(layer, sb.get.accessibility(trained, **arguments), rtol=tolerance, atol=tolerance)
    assert trained.uns["denoise"]["params"]["scale"] == arguments.get("scale", "logit")


def test_file_is_what_accessibility_reads(trained, tmp_path, monkeypatch, snapshot_of):
    monkeypatch.setattr(low_rank, "BLOCK_ENTRIES", 300)
    before = snapshot_of(trained)
    sb.tl.denoise(trained, scale="sigmoid", path=tmp_path / "denoised.h5ad")
    assert snapshot_of(trained) == before
    expected = sb.get.accessibility(trained, scale="sigmoid")
    whole = ad.read_h5ad(tmp_path / "denoised.h5ad")
    np.testing.assert_allclose(whole.X, expected, atol=1e-6)
    assert whole.obs.equals(trained.obs)
    assert whole.var_names.equals(trained.var_names)
    assert whole.uns["denoise"]["params"]["scale"] == "sigmoid"
    backed = ad.read_h5ad(tmp_path / "denoised.h5ad", backed="r")
    try:
        np.testing.assert_allclose(backed[5:9, [7, 2, 30]].X, expected.iloc[5:9, [7, 2, 30]], atol=1e-6)
    finally:
        backed.file.close()
    assert [file.name for file in tmp_path.iterdir()] == ["denoised.h5ad"]


@pytest.fixture
def snapshot_of():
    def take(adata):
        return (
            list(adata.layers),
            list(adata.obsm),
            list(adata.uns),
            list(adata.obs),
            list(adata.var),
            list(adata.varm),
        )

    return take


def test_containers(trained, tmp_path):
    expected = sb.get.accessibility(trained).to_numpy()
    copy = sb.tl.denoise(trained, key_added="mine", copy=True)
    # from anndata 0.13 on X is among the layers, without a name
    assert [name for name in copy.layers if name] == ["mine"]
    assert not [name for name in trained.layers if name]
    mdata = md.MuData({"peaks": trained.copy()})
    assert isinstance(sb.tl.denoise(mdata, mod="peaks", copy=True), md.MuData)
    sb.tl.denoise(mdata, mod="peaks")
    view = trained[:20, ::2]
    sb.tl.denoise(view)
    np.testing.assert_allclose(view.layers["scbasset"], expected[:20, ::2], atol=1e-6)
    for write, read in (("write_h5ad", ad.read_h5ad), ("write_zarr", ad.read_zarr)):
        getattr(copy, write)(tmp_path / write)
        np.testing.assert_array_equal(read(tmp_path / write).layers["mine"], copy.layers["mine"])
    mdata.write_h5mu(tmp_path / "m.h5mu")
    np.testing.assert_allclose(md.read_h5mu(tmp_path / "m.h5mu")["peaks"].layers["scbasset"], expected, atol=1e-6)


def test_a_layer_that_does_not_fit_is_refused_and_a_file_is_not(trained, monkeypatch, tmp_path):
    monkeypatch.setattr(_space, "available_memory", lambda: 10_000)
    with pytest.raises(MemoryError, match="would take 0.0 MB.*path="):
        sb.tl.denoise(trained)
    with pytest.raises(MemoryError, match="ask for fewer"):
        sb.get.accessibility(trained)
    assert sb.get.accessibility(trained, groupby="cell_type").shape == (5, 80)
    sb.tl.denoise(trained, path=tmp_path / "a.h5ad")
    assert (tmp_path / "a.h5ad").exists()


@pytest.mark.parametrize("normalize", [True, False])
def test_components_and_neighbours_are_those_of_the_dense_matrix(trained, normalize):
    dense = sb.get.accessibility(trained, normalize_depth=normalize).to_numpy(np.float64)
    sb.tl.denoised_pca(trained, normalize_depth=normalize)
    found = trained.obsm["X_scbasset_denoised"]
    assert found.dtype == np.float32
    rank = found.shape[1]
    assert rank == (5 if normalize else 6)
    oracle = PCA(n_components=rank, svd_solver="full")
    expected = oracle.fit_transform(dense)
    expected *= np.sign((expected * found).sum(axis=0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(
        trained.uns["denoised_pca"]["variance"], oracle.explained_variance_, rtol=1e-4, atol=1e-9
    )
    np.testing.assert_allclose(trained.uns["denoised_pca"]["variance_ratio"].sum(), 1)
    lists = [nearest(x, 8, rng=np.random.default_rng(0)) for x in (dense, found.astype(np.float64))]
    distances = [np.sort(distance, axis=1) for _, distance in lists]
    np.testing.assert_allclose(distances[0], distances[1], rtol=1e-3)
    assert (lists[0][0] == lists[1][0]).mean() > 0.99  # but for ties in single precision


def test_some_components_under_another_name(trained, tmp_path):
    whole = sb.tl.denoised_pca(trained, copy=True).obsm["X_scbasset_denoised"]
    mdata = md.MuData({"atac": trained})
    sb.tl.denoised_pca(mdata, n_comps=2, key_added="pcs")
    np.testing.assert_array_equal(mdata["atac"].obsm["pcs"], whole[:, :2])
    assert mdata["atac"].uns["pcs"]["variance"].shape == (2,)
    mdata["atac"].write_h5ad(tmp_path / "a.h5ad")
    np.testing.assert_array_equal(ad.read_h5ad(tmp_path / "a.h5ad").obsm["pcs"], whole[:, :2])


def test_silhouette_is_that_of_one_minus_pearson(trained):
    from sklearn.metrics import silhouette_score

    distance = np.clip(1 - np.corrcoef(sb.get.accessibility(trained).to_numpy(np.float64)), 0, None)
    np.fill_diagonal(distance, 0)
    expected = (silhouette_score(distance, trained.obs["cell_type"], metric="precomputed") + 1) / 2
    assert sb.metrics.denoised_asw(trained, label_key="cell_type") == pytest.approx(expected, abs=1e-5)


def test_a_file_that_data_are_read_from_is_kept(trained, tmp_path):
    trained.write_h5ad(tmp_path / "a.h5ad")
    md.MuData({"atac": trained}).write_h5mu(tmp_path / "m.h5ad")
    for name, read in (("a.h5ad", ad.read_h5ad), ("m.h5ad", md.read_h5mu)):
        before = (tmp_path / name).read_bytes()
        backed = read(tmp_path / name, backed="r")
        try:
            with pytest.raises(ValueError, match="is the file that data are read from"):
                sb.tl.denoise(backed, path=tmp_path / name)
            if name == "a.h5ad":
                (tmp_path / "link.h5ad").symlink_to(tmp_path / name)
                with pytest.raises(ValueError, match="is the file that data are read from"):
                    sb.tl.denoise(backed[:20], path=tmp_path / "link.h5ad")
            sb.tl.denoise(backed, path=tmp_path / "other.h5ad")
        finally:
            (backed["atac"] if name == "m.h5ad" else backed).file.close()
        assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("to_file", [True, False])
def test_what_half_precision_cannot_hold_is_refused(trained, tmp_path, to_file):
    trained.obsm["X_scbasset"][7] *= 1e9
    with pytest.raises(ValueError, match="dtype='float16' holds values up to 65504.*float32"):
        sb.tl.denoise(trained, dtype="float16", path=tmp_path / "a.h5ad" if to_file else None)
    assert not list(tmp_path.iterdir())
    assert not trained.layers
    sb.tl.denoise(trained)
    assert np.isfinite(trained.layers["scbasset"]).all()


def test_more_components_than_there_are_is_said(trained, capsys):
    with sb.settings.override(verbosity=2):
        sb.tl.denoised_pca(trained, n_comps=50)
    assert "has 5 principal components, not 50" in capsys.readouterr().err
    assert trained.obsm["X_scbasset_denoised"].shape == (50, 5)
