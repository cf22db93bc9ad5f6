"""tl.scembed and tl.map_cells: slots, round trips, repeatability, and that cells keep their kinds."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
import scipy.sparse as sp

import scbasset_tl as sb

SMALL = {"n_latent": 6, "max_epochs": 3, "min_count": 3}


@pytest.fixture
def shifted(tiny):
    """A universe that is not the peaks: shifted, in another order, one region short."""
    regions = sb.genome.read_regions(tiny.var)
    table = tiny.var.assign(chr=regions.chrom, start=regions.start + 100, end=regions.end + 100)
    return table.iloc[::-1].iloc[1:]


def same(one, other, key="scembed", obsm="X_scembed", weights=False):
    np.testing.assert_array_equal(one.obsm[obsm], other.obsm[obsm])
    np.testing.assert_array_equal(one.obs[f"{key}_empty"], other.obs[f"{key}_empty"])
    if weights:
        np.testing.assert_array_equal(one.uns[key]["weights"], other.uns[key]["weights"])
    else:
        np.testing.assert_array_equal(one.varm[key], other.varm[key])
    np.testing.assert_array_equal(one.uns[key]["history"]["loss"], other.uns[key]["history"]["loss"])


def test_slots_of_the_own_peaks(tiny):
    assert sb.tl.scembed(tiny, **SMALL) is None
    assert tiny.obsm["X_scembed"].shape == (60, 6)
    assert tiny.varm["scembed"].shape == (90, 6)
    assert tiny.obsm["X_scembed"].dtype == tiny.varm["scembed"].dtype == np.float32
    entry = tiny.uns["scembed"]
    assert entry["slots"] == {"obsm": "X_scembed", "obs": "scembed_empty", "varm": "scembed"}
    assert "weights" not in entry
    assert len(entry["history"]["loss"]) == 3
    assert entry["params"]["n_latent"] == 6


def test_slots_of_another_universe(tiny, shifted):
    sb.pp.tokenize_regions(tiny, shifted)
    sb.tl.scembed(tiny, **SMALL, key_added="foo")
    assert "foo" not in tiny.varm
    assert tiny.uns["foo"]["weights"].shape == (89, 6)
    assert tiny.uns["foo"]["checksum"] == tiny.uns["tokens"]["checksum"]
    assert {"foo_empty"} <= set(tiny.obs)
    with pytest.raises(KeyError, match="holds no tokens"):
        sb.tl.scembed(tiny, tokens_key="bar")


def test_cells_are_means_of_their_trained_regions(tiny):
    x = tiny.X.toarray()
    x[2:, 0], x[:2, 0] = 0, 1  # too rare
    x[5] = 0
    tiny.X = sp.csr_matrix(x)
    sb.tl.scembed(tiny, **SMALL)
    vectors = tiny.varm["scembed"]
    assert not vectors[0].any()
    assert tiny.obs["scembed_empty"].tolist() == [cell == 5 for cell in range(60)]
    assert not tiny.obsm["X_scembed"][5].any()
    opened = (tiny.X.toarray() > 0) & vectors.any(1)
    np.testing.assert_allclose(tiny.obsm["X_scembed"][1], vectors[opened[1]].mean(0), rtol=1e-5)


def test_copy_seed_and_global_state(tiny):
    import torch

    before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    one, two, other = (sb.tl.scembed(tiny, **SMALL, copy=True, rng=rng) for rng in (3, 3, 4))
    assert "X_scembed" not in tiny.obsm
    same(one, two)
    assert (one.obsm["X_scembed"] != other.obsm["X_scembed"]).any()
    drawn = sb.tl.scembed(tiny, **SMALL, copy=True, rng=np.random.default_rng(3))
    same(drawn, sb.tl.scembed(tiny, **SMALL, copy=True, rng=drawn.uns["scembed"]["params"]["seed"]))
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_views_layers_and_mudata(tiny):
    expected = sb.tl.scembed(tiny, **SMALL, copy=True)
    more = ad.concat([tiny, tiny[:5].copy()], index_unique="-", merge="same")[:60]
    assert more.is_view
    sb.tl.scembed(more, **SMALL)
    same(expected, more)
    tiny.layers["counts"], tiny.X = tiny.X.tocsc(), sp.csr_matrix(tiny.shape, dtype=np.float32)
    sb.pp.tokenize_regions(tiny, layer="counts")
    mdata = md.MuData({"peaks": tiny})
    changed = sb.tl.scembed(mdata, **SMALL, mod="peaks", copy=True)
    same(expected, changed["peaks"])
    assert "X_scembed" not in tiny.obsm


@pytest.mark.parametrize("universe", [False, True])
def test_files_hold_the_whole_model(tiny, shifted, tmp_path, universe):
    if universe:
        sb.pp.tokenize_regions(tiny, shifted)
    sb.tl.scembed(tiny, **SMALL)
    query = tiny[:20].copy()
    expected = sb.tl.map_cells(query, tiny, copy=True, key_added="new").obsm["new"]
    np.testing.assert_allclose(expected, tiny.obsm["X_scembed"][:20], rtol=1e-5, atol=1e-6)
    tiny.write_h5ad(tmp_path / "a.h5ad")
    tiny.write_zarr(tmp_path / "a.zarr")
    md.MuData({"atac": tiny}).write_h5mu(tmp_path / "a.h5mu")
    for back in (
        ad.read_h5ad(tmp_path / "a.h5ad"),
        ad.read_zarr(tmp_path / "a.zarr"),
        md.read_h5mu(tmp_path / "a.h5mu")["atac"],
    ):
        same(tiny, back, weights=universe)
        found = sb.tl.map_cells(query, back, copy=True, key_added="new")
        np.testing.assert_array_equal(found.obsm["new"], expected)
        sb.tl.scembed(back, **SMALL)
        same(tiny, back, weights=universe)


def test_the_order_of_the_querys_peaks_does_not_matter(tiny, rng):
    sb.tl.scembed(tiny, **SMALL)
    query = tiny[:, rng.permutation(90)].copy()
    sb.tl.map_cells(query, tiny)
    np.testing.assert_allclose(query.obsm["X_scembed"], tiny.obsm["X_scembed"], rtol=1e-4, atol=1e-6)
    assert "varm" not in query.uns["scembed"]["slots"]
    with pytest.raises(KeyError, match="kept elsewhere"):
        sb.tl.map_cells(tiny, query)


def test_subsetting_peaks_subsets_the_model(tiny):
    sb.tl.scembed(tiny, **SMALL)
    half = tiny[:, :45].copy()
    sb.tl.map_cells(half, half, key_added="new")
    vectors = tiny.varm["scembed"][:45]
    opened = (half.X.toarray() > 0) & vectors.any(1)
    np.testing.assert_allclose(half.obsm["new"][0], vectors[opened[0]].mean(0), rtol=1e-5, atol=1e-6)


def test_labels_cross_a_shifted_universe():
    adata = sb.datasets.toy(n_obs=200, n_vars=1000, depth=250)
    reference, query = adata[:120].copy(), adata[120:].copy()
    sb.tl.scembed(reference, n_latent=20, min_count=3)
    query.var["start"] += 100
    query.var["end"] += 100
    sb.tl.map_cells(query, reference)
    truth = query.obs.pop("cell_type").astype(str)
    sb.tl.annotate(query, reference, label_key="cell_type", use_rep="X_scembed", threshold=0.0)
    assert (query.obs["cell_type"].astype(str) == truth).mean() > 0.8


def test_the_closed_form_and_a_warning_where_nothing_was_learned(tiny, capsys):
    sb.tl.scembed(tiny, n_latent=6, max_epochs=0)
    assert tiny.varm["scembed"].any()
    with sb.settings.override(verbosity=1):
        sb.tl.scembed(tiny, n_latent=6, max_epochs=1, start="random", lr=1e-6)
    assert "no structure" in capsys.readouterr().err


def test_annotation_by_cluster():
    reference = ad.AnnData(np.zeros((4, 1)), obsm={"X": np.array([[0.0], [1.0], [8.0], [9.0]])})
    reference.obs["kind"] = ["B", "B", "T", "T"]
    query = ad.AnnData(np.zeros((6, 1)), obsm={"X": np.array([[0.1], [0.2], [8.5], [8.6], [0.3], [8.7]])})
    query.obs["cluster"] = ["x", "x", "x", "y", "y", None]
    sb.tl.annotate(query, reference, label_key="kind", use_rep="X", k=2, cluster_key="cluster")
    assert query.obs["cell_type"].tolist() == ["B", "B", "B", "B", "B", "T"]
    with pytest.raises(KeyError, match="obs has no column 'leiden'"):
        sb.tl.annotate(query, reference, label_key="kind", use_rep="X", k=2, cluster_key="leiden")


@pytest.fixture(scope="module")
def toy():
    return sb.datasets.toy(n_obs=150, n_vars=600, depth=200)


@pytest.mark.parametrize(
    "options", [{}, {"max_epochs": 0}, {"objective": "cbow"}, {"subsample": 0.0}, {"subsample": 1e-4}], ids=str
)
def test_every_way_of_training_tells_the_kinds_apart(toy, options):
    adata = toy.copy()
    sb.tl.scembed(adata, n_latent=16, **options)
    assert sb.metrics.label_score(adata, label_key="cell_type", use_rep="X_scembed", k=10) > 0.75
    history = adata.uns["scembed"]["history"]
    assert (history["loss"][-1:] < history["independent"]).all()


def test_cells_without_tokens_cross_a_universe(tiny):
    sb.tl.scembed(tiny, **SMALL)
    tiny.obs["kind"] = np.where(np.arange(60) < 30, "B", "T")
    query = tiny[:5].copy()
    x = query.X.toarray()
    x[2] = 0
    query.X, query.obs = sp.csr_matrix(x), query.obs[[]]
    sb.tl.map_cells(query, tiny)
    assert query.obs["scembed_empty"].tolist() == [cell == 2 for cell in range(5)]
    assert not query.obsm["X_scembed"][2].any()
    for metric in ("euclidean", "cosine"):
        sb.tl.annotate(query, tiny, label_key="kind", use_rep="X_scembed", k=3, metric=metric)
        assert np.isfinite(query.obsm["cell_type_proba"]).all()


def test_axes_are_weighted_after_training(tiny):
    """The closed form gives vectors s^p v / √c and cells U s^(1 + p); at 1 nothing is changed."""
    found = {p: sb.tl.scembed(tiny, n_latent=6, max_epochs=0, min_count=1, axis_power=p, copy=True) for p in (1, 0.5)}
    share = np.asarray((tiny.X > 0).sum(0)).ravel() / tiny.X.nnz
    s = np.sqrt((share[:, None] * found[1].varm["scembed"] ** 2).sum(0))
    used = s > 1e-4 * s[0]
    for slot in ("varm", "obsm"):
        name = "scembed" if slot == "varm" else "X_scembed"
        one, half = (getattr(found[p], slot)[name][:, used] for p in (1, 0.5))
        np.testing.assert_allclose(half, one / np.sqrt(s[used]), rtol=1e-3, atol=1e-4)
    assert found[0.5].uns["scembed"]["params"]["axis_power"] == 0.5
    trained = sb.tl.scembed(tiny, **SMALL, axis_power=0.5, copy=True)
    shares = trained.X.toarray() > 0
    np.testing.assert_allclose((shares @ trained.varm["scembed"]).sum(0), 0, atol=0.05)
    assert sb.tl.scembed(tiny, **SMALL, copy=True).uns["scembed"]["params"]["axis_power"] == 1
    with pytest.raises(ValueError, match="axis_power"):
        sb.tl.scembed(tiny, axis_power=-1)
