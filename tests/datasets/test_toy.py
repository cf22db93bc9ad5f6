"""The toy cells: what was drawn agrees with the answer that comes with it."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import scbasset_tl as sb

SMALL = {"n_obs": 40, "n_vars": 60, "n_types": 3}


@pytest.fixture(scope="module")
def adata():
    return sb.datasets.toy(rng=1)


def assert_same(one, other):
    """Equal to the last bit, uns and all."""
    assert (one.X != other.X).nnz == 0
    pd.testing.assert_frame_equal(one.obs, other.obs, check_categorical=False, check_index_type=False)
    pd.testing.assert_frame_equal(one.var, other.var, check_categorical=False, check_index_type=False)
    assert set(one.varm) == set(other.varm)
    for name in one.varm:
        np.testing.assert_array_equal(one.varm[name], other.varm[name])
        assert one.varm[name].dtype == other.varm[name].dtype
    assert_same_dict(one.uns, other.uns)


def assert_same_dict(one, other):
    assert set(one) == set(other)
    for name, value in one.items():
        if isinstance(value, dict):
            assert_same_dict(value, other[name])
        elif isinstance(value, np.ndarray):
            assert value.tolist() == other[name].tolist()
        else:
            assert value == other[name]


def true_log_odds(adata):
    """From the slots, cell by cell, as the docstring says."""
    rows = []
    for _, cell in adata.obs.iterrows():
        column = adata.uns["toy"]["cell_types"].tolist().index(cell["cell_type"])
        row = adata.uns["toy"]["base"] + np.log(cell["depth"]) + adata.varm["toy_effect"][:, column]
        if "batch" in adata.obs:
            row = row + adata.varm["toy_batch_effect"][:, int(cell["batch"].removeprefix("batch_")) - 1]
        rows.append(row + adata.var.get("toy_noise", 0))
    return np.array(rows)


def label_score(adata, n_components, k=50):
    """Share of neighbours of one type by TF-IDF and truncated SVD, without a first component that is depth (|r| > .5)."""
    opened = (adata.X > 0).astype(float)
    reduced = TruncatedSVD(n_components, random_state=0).fit_transform(TfidfTransformer().fit_transform(opened))
    depth = np.log(np.asarray(opened.sum(1)).ravel() + 1)
    if abs(np.corrcoef(reduced[:, 0], depth)[0, 1]) > 0.5:
        reduced = reduced[:, 1:]
    neighbors = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(reduced).kneighbors(return_distance=False)
    types = adata.obs["cell_type"].to_numpy()
    return np.mean(types[neighbors] == types[:, None])


def test_what_is_in_it(adata):
    assert adata.shape == (600, 4000)
    assert sparse.issparse(adata.X)
    assert adata.X.format == "csr"
    assert (adata.X.data == adata.X.data.round()).all()
    assert adata.X.data.min() == 1
    assert adata.obs["cell_type"].value_counts().tolist() == [120] * 5
    assert adata.var_names.is_unique
    assert adata.var_names[0] == f"chr1:0-{adata.var['end'].iloc[0]}"
    assert adata.varm["dna_code"].shape == (4000, 192)
    motifs = adata.uns["toy"]["motifs"]
    assert motifs["kind"].tolist() == [
        *["specific"] * 5, "shared", "shared", "general", "repressor", *["decoy"] * 3,
    ]  # fmt: skip
    assert ((motifs["effect"] != 0).sum(1) == [1, 1, 1, 1, 1, 2, 2, 5, 2, 0, 0, 0]).all()
    assert (motifs["effect"][motifs["kind"] == "repressor"] <= 0).all()


def test_effects_are_the_sums_over_sites(adata):
    effect = adata.uns["toy"]["motifs"]["effect"]
    for sites, seen in zip(adata.varm["toy_sites"][:300], adata.varm["toy_effect"], strict=False):
        expected = sum((effect[motif] for motif, _, _ in sites if motif >= 0), np.zeros(5))
        np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_open_as_often_as_the_truth_says(adata):
    """Observed against expected numbers of open entries in 40 bins of true probability, as a chi-square statistic."""
    probability = 1 / (1 + np.exp(-true_log_odds(adata)))
    opened = (adata.X > 0).toarray()
    order = np.array_split(np.argsort(probability, axis=None), 40)
    expected = np.array([probability.flat[rows].sum() for rows in order])
    variance = np.array([(probability.flat[rows] * (1 - probability.flat[rows])).sum() for rows in order])
    observed = np.array([opened.flat[rows].sum() for rows in order])
    assert ((observed - expected) ** 2 / variance).sum() < 80  # 40 degrees of freedom; 1 in 6,000 is above


def test_best_auroc_is_that_of_the_true_probabilities():
    adata = sb.datasets.toy(n_obs=60, n_vars=150, depth=2)
    log_odds, opened = true_log_odds(adata), (adata.X > 0).toarray()
    cells = [roc_auc_score(y, z) for y, z in zip(opened, log_odds, strict=True) if 0 < y.sum() < len(y)]
    peaks = [roc_auc_score(y, z) for y, z in zip(opened.T, log_odds.T, strict=True) if 0 < y.sum() < len(y)]
    assert len(peaks) < 150  # peaks that are open nowhere are left out of the mean
    assert adata.uns["toy"]["best_auroc"] == pytest.approx(np.mean(cells), abs=1e-9)
    assert adata.uns["toy"]["best_auroc_per_peak"] == pytest.approx(np.mean(peaks), abs=1e-9)


def test_best_auroc_holds_for_a_fresh_draw(adata):
    log_odds = true_log_odds(adata)
    fresh = np.random.default_rng(9).random(log_odds.shape) < 1 / (1 + np.exp(-log_odds))
    cells = [roc_auc_score(y, z) for y, z in zip(fresh[:100], log_odds, strict=False)]
    assert adata.uns["toy"]["best_auroc"] == pytest.approx(np.mean(cells), abs=0.02)
    assert 0.7 < adata.uns["toy"]["best_auroc"] < 0.9


@pytest.mark.parametrize("rng", [0, 1, 2])
def test_types_overlap_in_latent_semantic_indexing(rng):
    adata = sb.datasets.toy(rng=rng)
    for n_components in (10, 20, 30):
        assert 0.6 < label_score(adata, n_components) < 0.9


def test_same_seed_same_bits():
    before = np.random.get_state()[1].copy()
    one, again, other = (sb.datasets.toy(**SMALL, rng=rng) for rng in (4, np.random.default_rng(4), 5))
    assert one.uns["toy"]["params"]["rng"] == 4
    assert "rng" not in again.uns["toy"]["params"]
    again.uns["toy"]["params"]["rng"] = 4
    assert_same(one, again)
    assert (one.varm["dna_code"] != other.varm["dna_code"]).any()
    assert (np.random.get_state()[1] == before).all()


def test_cells_do_not_change_the_genome_nor_windows_the_cells():
    base = sb.datasets.toy(**SMALL)
    deep = sb.datasets.toy(**{**SMALL, "n_obs": 90}, depth=9, n_batches=2)
    long = sb.datasets.toy(**SMALL, seq_len=384)
    np.testing.assert_array_equal(base.varm["dna_code"], deep.varm["dna_code"])
    np.testing.assert_array_equal(base.varm["dna_code"], long.varm["dna_code"][:, 96:288])
    assert (base.X != long.X).nnz == 0


@pytest.mark.parametrize(("n_vars", "depth"), [(400, 20), (2000, 20), (2000, 100)])
def test_depth_is_about_the_number_of_open_peaks(n_vars, depth):
    opened = (sb.datasets.toy(n_obs=300, n_vars=n_vars, depth=depth).X > 0).sum(1)
    assert opened.mean() == pytest.approx(depth, rel=0.2)


def test_the_smallest_there_is():
    adata = sb.datasets.toy(n_obs=2, n_vars=10, n_types=2, depth=1e6)
    assert adata.X.nnz == 20
    assert np.isnan(adata.uns["toy"]["best_auroc"])


def test_no_cell_is_empty():
    assert sb.datasets.toy(n_obs=100, n_vars=50, depth=0.01).X.sum(1).min() == 1


def test_batches_differ_in_depth_and_motifs():
    adata = sb.datasets.toy(n_obs=300, n_vars=400, n_batches=3)
    assert adata.obs["batch"].value_counts().to_dict() == {"batch_1": 100, "batch_2": 100, "batch_3": 100}
    depth = adata.obs.groupby("batch", observed=True)["depth"].median()
    assert depth["batch_1"] > depth["batch_2"] > depth["batch_3"]
    effect = adata.uns["toy"]["motifs"]["batch_effect"]
    assert (np.ptp(effect[:9], axis=1) > 0.1).all()
    assert (effect[9:] == 0).all()
    probability = 1 / (1 + np.exp(-true_log_odds(adata)))
    assert (adata.X > 0).sum() == pytest.approx(probability.sum(), rel=0.05)
    assert "batch" not in sb.datasets.toy(**SMALL).obs


def test_peak_noise_lowers_what_sequence_can_tell():
    plain, noisy = (sb.datasets.toy(n_obs=100, n_vars=500, peak_noise=sd) for sd in (0, 1.5))
    assert noisy.var["toy_noise"].std() == pytest.approx(1.5, rel=0.1)
    assert noisy.uns["toy"]["best_auroc"] < plain.uns["toy"]["best_auroc"] - 0.03
    assert "toy_noise" not in plain.var


@pytest.mark.parametrize("form", ["h5ad", "zarr"])
def test_round_trip(tmp_path, form):
    adata = sb.datasets.toy(**SMALL, n_batches=2, peak_noise=0.1)
    before = adata.copy()
    path = tmp_path / f"toy.{form}"
    if form == "h5ad":
        adata.write_h5ad(path)
        read = ad.read_h5ad(path)
    else:
        adata.write_zarr(path)
        read = ad.read_zarr(path)
    assert_same(before, read)


def test_nothing_in_uns_grows_with_cells_or_peaks():
    adata = sb.datasets.toy(n_obs=43, n_vars=47)
    assert not any(set(np.shape(value)) & {43, 47} for value in adata.uns["toy"]["motifs"].values())
    part = adata[::2, ::3].copy()
    assert part.varm["toy_effect"].shape == (16, 5)


def test_many_types_keep_their_order():
    types = sb.datasets.toy(n_obs=60, n_vars=100, n_types=12).obs["cell_type"]
    assert types.cat.categories.tolist() == [f"type_{i}" for i in range(1, 13)]
    assert types.value_counts().tolist() == [5] * 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_obs": 0}, "n_obs must be a whole number of at least 1, got 0"),
        ({"n_obs": 10.5}, r"n_obs .* got 10\.5"),
        ({"n_obs": 4}, "n_obs=4 cells are too few for n_types=5 and n_batches=1"),
        ({"n_vars": 3}, "n_vars must be a whole number of at least 10, got 3"),
        ({"n_types": 1}, "n_types must be a whole number of at least 2, got 1"),
        ({"n_types": 50}, "n_types must be at most 20, .* got 50"),
        ({"n_batches": 0}, "n_batches must be a whole number of at least 1, got 0"),
        ({"n_obs": 20, "n_batches": 21}, "n_obs=20 cells are too few for n_types=5 and n_batches=21"),
        ({"seq_len": 0}, "seq_len must be a whole number of at least 168, got 0"),
        ({"seq_len": -192}, "seq_len .* got -192"),
        ({"depth": 0}, "depth must be a finite number above 0, got 0"),
        ({"depth": float("inf")}, "depth must be a finite number .* got inf"),
        ({"peak_noise": -1}, "peak_noise must be a finite number at least 0, got -1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        sb.datasets.toy(**arguments)
