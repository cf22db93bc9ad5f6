"""Correspondence analysis against the dense decomposition."""

import numpy as np
import pytest
from scipy import sparse

from scbasset_tl.stats.correspondence import region_vectors, weigh_axes


def kinds(rng, n_cells=300, n_regions=400):
    kind, programme = rng.integers(0, 2, n_cells), rng.integers(0, 2, n_regions)
    x = rng.random((n_cells, n_regions)) < np.where(kind[:, None] == programme, 0.3, 0.05)
    return sparse.csr_matrix(x), programme


def test_against_the_dense_decomposition(rng):
    x, _ = kinds(rng)
    table = x.toarray() / x.nnz
    r, c = table.sum(1), table.sum(0)
    residual = (table - np.outer(r, c)) / np.sqrt(np.outer(r, c))
    s, v = np.linalg.svd(residual)[1:]
    n, m, total = *x.shape, x.nnz
    y2 = s[0] ** 2 * total
    signal = np.sqrt((y2 - n - m) ** 2 - 4 * n * m) / (np.sqrt(y2) * np.sqrt(total))
    expected = np.abs(v[0] * signal / np.sqrt(c))
    found = region_vectors(x, 5, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(found[:, 0]), expected, rtol=1e-3, atol=1e-4)
    assert found[np.abs(found[:, 0]).argmax(), 0] > 0


def test_one_component_of_signal_and_no_noise(rng):
    x, programme = kinds(rng)
    found = region_vectors(x, 20, rng=np.random.default_rng(0))
    assert (np.abs(found).sum(0) > 0).sum() <= 2
    assert abs(np.corrcoef(found[:, 0], programme)[0, 1]) > 0.9


def test_more_components_than_there_are(rng):
    x, _ = kinds(rng, 4, 6)
    x = x[x.getnnz(1) > 0][:, :]
    x = x[:, np.flatnonzero(x.getnnz(0))].tocsr()
    found = region_vectors(x, 50, rng=np.random.default_rng(0))
    assert found.shape == (x.shape[1], 50)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("power", [0.0, 0.5, 0.75, 1.0])
def test_weighted_axes_are_singular_vectors_with_powers_of_their_values(power):
    """Against numpy's SVD, whatever the vectors were turned by before."""
    rng = np.random.default_rng(0)
    found = (rng.standard_normal((40, 5)) * [3, 2, 1, 0.5, 0]).astype(np.float32)
    share = rng.dirichlet(np.ones(40))
    _, s, v = np.linalg.svd(np.sqrt(share)[:, None] * found, full_matrices=False)
    kept = s > 1e-6 * s[0]
    expected = (np.sqrt(share)[:, None] * found) @ v[kept].T * s[kept] ** (power - 1) / np.sqrt(share)[:, None]
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    for vectors in (found, (found @ turn).astype(np.float32)):
        weighed = weigh_axes(vectors, share, power)
        np.testing.assert_allclose(weighed @ weighed.T, expected @ expected.T, rtol=1e-3, atol=1e-4)
        assert weighed.dtype == np.float32
