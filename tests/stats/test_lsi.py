import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist

from scbasset_tl.stats.lsi import Lsi


@pytest.fixture
def opened(rng):
    x = rng.random((12, 9)) < 0.4
    x[3], x[:, 2] = False, False  # a cell without open peaks, a peak that is open nowhere
    return x


def naive(x):
    """Log TF-IDF, dense."""
    depth, n_cells = x.sum(1, keepdims=True), x.sum(0)
    return np.log1p(1e4 * x / np.maximum(depth, 1) * np.log1p(len(x) / np.maximum(n_cells, 1)))


def test_coordinates_are_those_of_a_dense_svd(opened, rng):
    lsi = Lsi.fit(sparse.csr_matrix(opened), 4, rng=rng)
    u, s, _ = np.linalg.svd(naive(opened))
    found = lsi.transform(sparse.csr_matrix(opened))
    assert found.shape == (12, 4)
    np.testing.assert_allclose(pdist(found), pdist(u[:, 1:5] * s[1:5]), rtol=1e-6, atol=1e-8)
    assert not found[3].any()


def test_other_cells_are_projected_with_the_weights_of_the_fitted(opened, rng):
    lsi = Lsi.fit(sparse.csr_matrix(opened), 3, rng=rng)
    np.testing.assert_allclose(
        lsi.transform(sparse.csr_matrix(opened[[5, 0]])), lsi.transform(sparse.csr_matrix(opened))[[5, 0]]
    )


def test_no_more_dimensions_than_there_are(opened, rng):
    assert Lsi.fit(sparse.csr_matrix(opened), 50, rng=rng).transform(sparse.csr_matrix(opened)).shape == (12, 8)
