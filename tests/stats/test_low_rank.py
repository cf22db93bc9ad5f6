"""Products that are never formed, against the matrices themselves."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from scbasset_tl.stats import low_rank
from scbasset_tl.stats.low_rank import LowRank


@pytest.fixture(params=["without bias", "with bias"])
def linear(request, rng):
    bias = rng.normal(-3, 1, 70) * (request.param == "with bias")
    return LowRank(*(part.astype(np.float32) for part in (rng.normal(size=(70, 6)), rng.normal(size=(130, 6)), bias)))


@pytest.fixture(params=["logit", "sigmoid"])
def matrix(request, linear):
    return linear._replace(sigmoid=request.param == "sigmoid")


def whole(matrix):
    logits = matrix.left.astype(np.float64) @ matrix.right.T.astype(np.float64) + matrix.bias[:, None]
    return expit(logits) if matrix.sigmoid else logits


@pytest.fixture(params=[1, 700, 1 << 22])
def block(request, monkeypatch):
    monkeypatch.setattr(low_rank, "BLOCK_ENTRIES", request.param)


def test_blocks_are_the_matrix(matrix, block):
    parts = list(matrix.blocks())
    assert [rows.start for rows, _ in parts] == [0, *(rows.stop for rows, _ in parts[:-1])]
    np.testing.assert_allclose(np.concatenate([values for _, values in parts]), whole(matrix), rtol=0, atol=1e-5)
    assert parts[0][1].dtype == np.float32


def test_averages_are_those_of_entries(matrix, block, rng):
    dense = whole(matrix)
    some = rng.random((4, 70)) < 0.3
    weights = sparse.csr_matrix(some / some.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(matrix.average_rows(weights), weights @ dense, rtol=0, atol=1e-5)
    some = rng.random((5, 130)) < 0.1
    some[:, 0] = True
    weights = sparse.csr_matrix(some / some.sum(axis=1, keepdims=True))
    found = matrix.average_columns(weights)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (weights @ dense.T).T, rtol=0, atol=1e-5)


def test_the_mean_of_sigmoids_is_not_the_sigmoid_of_the_mean(rng):
    matrix = LowRank(
        np.array([[-4.0], [4.0]], "f4"), np.array([[1.0], [0.5]], "f4"), np.array([-2.0, -2.0], "f4"), True
    )
    mean = matrix.average_rows(sparse.csr_matrix([[0.5, 0.5]]))[0]
    np.testing.assert_allclose(mean, (expit([-6, -4]) + expit([2, 0])) / 2, atol=1e-6)
    assert (np.abs(mean - expit(-2)) > 0.1).all()


def test_principal_components_are_those_of_the_whole_matrix(linear):
    dense = whole(linear)
    found, variance = linear.principal_components()
    oracle = PCA(svd_solver="full").fit(dense)
    rank = 6 + bool(linear.bias.any())
    assert found.shape == (70, rank)
    np.testing.assert_allclose(variance, oracle.explained_variance_[:rank], rtol=1e-9)
    expected = oracle.transform(dense)[:, :rank]
    expected *= np.sign((expected * found).sum(axis=0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_neighbours_are_those_of_the_whole_matrix(linear):
    found, _ = linear.principal_components()
    lists = [NearestNeighbors(n_neighbors=10).fit(x).kneighbors() for x in (whole(linear), found)]
    np.testing.assert_array_equal(lists[0][1], lists[1][1])
    np.testing.assert_allclose(lists[0][0], lists[1][0], rtol=1e-9)


def test_components_of_deficient_factors(rng):
    """Cells in a plane, with a repeated direction of the peaks: two components."""
    left = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 5))
    right = rng.normal(size=(60, 5))
    right[:, 4] = right[:, 3]
    found, variance = LowRank(left, right, np.zeros(40)).principal_components()
    assert found.shape == (40, 2)
    assert (variance > 0).all()
    assert LowRank(np.ones((3, 5)), right, np.zeros(3)).principal_components()[0].shape == (3, 0)


def test_correlations_of_rows(linear):
    found = linear.correlation_coordinates()
    np.testing.assert_allclose(found @ found.T, np.corrcoef(whole(linear)), rtol=0, atol=1e-6)
    constant = LowRank(np.zeros((2, 6), "f4"), linear.right, np.ones(2, "f4"))
    np.testing.assert_array_equal(constant.correlation_coordinates(), 0)


@pytest.mark.parametrize("verb", ["average_rows", "average_columns"])
def test_averages_take_no_more_memory_than_their_size(verb):
    """Weights of double precision must not make the product one."""
    import tracemalloc

    matrix = LowRank(np.ones((1000, 4), "f4"), np.ones((1000, 4), "f4"), np.zeros(1000, "f4"))
    weights = sparse.identity(1000, format="csr", dtype=np.float64)
    tracemalloc.start()
    try:
        found = getattr(matrix, verb)(weights)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.dtype == np.float32
    assert peak < 1.5 * found.nbytes
