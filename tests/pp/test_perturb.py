"""pp.downsample_counts and pp.shuffle_accessibility."""

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import scbasset_tl as sb

VERBS = {
    "downsampled": lambda data, **call: sb.pp.downsample_counts(data, 0.5, **call),
    "shuffled": sb.pp.shuffle_accessibility,
}


@pytest.fixture
def counts():
    """300 cells × 40 peaks, CSR with some explicit zeros, and sequences for them."""
    rng = np.random.default_rng(0)
    matrix = sparse.csr_matrix(rng.poisson(1.0, (300, 40)).astype(np.float32))
    matrix.data[::9] = 0
    return ad.AnnData(matrix)


def dense(adata, layer):
    return adata.layers[layer].toarray()


def test_downsampling_draws_reads(counts):
    before = counts.X.copy()
    sb.pp.downsample_counts(counts, 0.3)
    kept, all_reads = dense(counts, "downsampled"), counts.X.toarray()
    assert (kept <= all_reads).all()
    n_reads = int(all_reads.sum())
    assert int(kept.sum()) == pytest.approx(0.3 * n_reads, abs=4 * (0.21 * n_reads) ** 0.5)
    assert np.corrcoef(kept.sum(1), all_reads.sum(1))[0, 1] > 0.4
    assert counts.layers["downsampled"].nnz == (kept > 0).sum()
    assert counts.layers["downsampled"].dtype == np.float32
    assert (before != counts.X).nnz == 0
    sb.pp.downsample_counts(counts, 1, key_added="whole")
    np.testing.assert_array_equal(dense(counts, "whole"), all_reads)


def test_downsampling_draws_entries(counts):
    sb.pp.downsample_counts(counts, 0.3, by="entries")
    kept, everything = dense(counts, "downsampled"), counts.X.toarray()
    assert ((kept == 0) | (kept == everything)).all()
    for value in np.unique(everything[everything > 0]):
        of_value = everything == value
        if (n := of_value.sum()) > 100:  # the count does not matter
            assert abs((kept[of_value] > 0).mean() - 0.3) < 4 * np.sqrt(0.21 / n)
    counts.layers["scaled"] = counts.X * 0.37
    sb.pp.downsample_counts(counts, 0.3, by="entries", layer="scaled", key_added="half")
    assert counts.layers["half"].nnz == counts.layers["downsampled"].nnz


def test_downsampling_of_a_binary_matrix_leaves_that_share_of_its_entries():
    adata = ad.AnnData(np.ones((100, 100), dtype=bool))
    sb.pp.downsample_counts(adata, 0.2)
    assert adata.layers["downsampled"].dtype == bool
    assert adata.layers["downsampled"].nnz == pytest.approx(2000, abs=160)


@pytest.mark.parametrize(
    "form", ["csr", "csc", "dense", "half", "sparse half", "big-endian", "repeats", "layer", "backed"]
)
def test_every_form_of_the_matrix(counts, form, tmp_path):
    same = counts.copy()
    if form == "backed":
        same.write_h5ad(tmp_path / "a.h5ad")
        same = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    elif form == "repeats":
        x = counts.X  # each entry twice: its value and zero
        values = np.stack([x.data, np.zeros_like(x.data)], axis=1).ravel()
        same = ad.AnnData(sparse.csr_matrix((values, np.repeat(x.indices, 2), 2 * x.indptr), x.shape))
    elif form == "sparse half":
        same.X = counts.X.copy()
        same.X.data = counts.X.data.astype(np.float16)
    elif form == "big-endian":
        same.X = counts.X.toarray().astype(">f4")
    elif form == "layer":
        same.layers["counts"], same.X = counts.X, None
    else:
        make = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": sparse.csr_matrix.toarray}
        same.X = make.get(form, lambda x: x.toarray().astype(np.float16))(counts.X)
    layer = "counts" if form == "layer" else None
    sb.pp.downsample_counts(same, 1, layer=layer)
    np.testing.assert_array_equal(dense(same, "downsampled"), counts.X.toarray())
    sb.pp.shuffle_accessibility(same, layer=layer)
    np.testing.assert_array_equal((dense(same, "shuffled") > 0).sum(1), (counts.X.toarray() > 0).sum(1))


def test_entries_that_repeat_are_summed_before_they_are_checked():
    halves = sparse.csr_matrix((np.array([0.5, 0.5, 3.0]), [1, 1, 0], [0, 3]), (1, 2))
    adata = ad.AnnData(halves)
    sb.pp.downsample_counts(adata, 1)
    np.testing.assert_array_equal(dense(adata, "downsampled"), [[3, 1]])
    assert adata.X.nnz == 3


def test_shuffled_cells_keep_their_depth_and_nothing_else(counts):
    sb.pp.shuffle_accessibility(counts)
    shuffled, opened = dense(counts, "shuffled"), counts.X.toarray() > 0
    np.testing.assert_array_equal(shuffled.sum(1), opened.sum(1))
    assert set(np.unique(shuffled)) == {0, 1}
    residue = [x - x.mean(1, keepdims=True) for x in (shuffled, opened)]
    assert abs(np.corrcoef(residue[0].ravel(), residue[1].ravel())[0, 1]) < 0.05


def test_shuffled_peaks_change_places(counts):
    sb.pp.shuffle_accessibility(counts, by="peak", rng=3)
    shuffled, opened = dense(counts, "shuffled"), counts.X.toarray() > 0
    assert sorted(map(bytes, shuffled.T.astype(bool))) == sorted(map(bytes, opened.T))
    assert (shuffled != opened).any(axis=0).mean() > 0.8
    np.testing.assert_array_equal(shuffled.sum(1), opened.sum(1))


@pytest.mark.parametrize("name", VERBS)
def test_containers_copies_views_and_names(counts, name):
    from mudata import MuData

    verb = VERBS[name]
    changed = verb(counts, rng=1, copy=True)
    assert list(counts.layers) == [] or name not in counts.layers
    assert verb(counts, rng=1, key_added="foo") is None
    np.testing.assert_array_equal(dense(counts, "foo"), dense(changed, name))
    mdata = MuData({"peaks": ad.AnnData(counts.X), "rna": ad.AnnData(np.ones((300, 0)))})
    verb(mdata, rng=1, mod="peaks")
    np.testing.assert_array_equal(dense(mdata["peaks"], name), dense(changed, name))
    assert name not in mdata["rna"].layers
    view = counts[:50, 5:]
    verb(view, rng=1)
    assert view.layers[name].shape == (50, 35)
    assert name not in counts.layers
    generator = np.random.default_rng(1)
    verb(counts, rng=generator, key_added="one")
    verb(counts, rng=generator, key_added="two")
    assert (dense(counts, "one") != dense(counts, "two")).any()


@pytest.mark.parametrize("name", VERBS)
def test_layers_survive_files(counts, name, tmp_path):
    VERBS[name](counts)
    counts.write_h5ad(tmp_path / "a.h5ad")
    counts.write_zarr(tmp_path / "a.zarr")
    for back in (ad.read_h5ad(tmp_path / "a.h5ad"), ad.read_zarr(tmp_path / "a.zarr")):
        np.testing.assert_array_equal(dense(back, name), dense(counts, name))


def test_cells_of_one_kind_predict_each_other_until_they_are_shuffled(tiny):
    from sklearn.metrics import roc_auc_score

    sb.pp.shuffle_accessibility(tiny)
    reached = {}
    for name, matrix in (("whole", tiny.X), ("shuffled", tiny.layers["shuffled"])):
        opened = matrix.toarray() > 0
        alike = (tiny.obs["kind"].to_numpy()[:, None] == tiny.obs["kind"].to_numpy()) & ~np.eye(60, dtype=bool)
        scores = (alike / alike.sum(axis=1, keepdims=True)) @ opened
        reached[name] = np.mean([roc_auc_score(*pair) for pair in zip(opened, scores, strict=True)])
    assert reached["whole"] > 0.65
    assert abs(reached["shuffled"] - 0.5) < 0.05
