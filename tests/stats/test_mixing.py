from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chisquare, entropy

from scbasset_tl.stats.mixing import inverse_simpson, kbet_p_values
from scbasset_tl.stats.neighbors import nearest


@pytest.fixture(scope="module")
def published():
    """Scores of scib-metrics and harmonypy, with the points they are of."""
    return np.load(Path(__file__).parents[1] / "reference" / "mixing.npz")


def test_kbet_is_that_of_scib_metrics(published):
    neighbors, _ = nearest(published["x"], int(published["k"]) - 1, rng=np.random.default_rng(0))
    p_values = kbet_p_values(neighbors, published["batch"])
    np.testing.assert_allclose(p_values, published["kbet_p_values"], atol=1e-6)  # theirs are float32
    assert (p_values >= 0.05).mean() == pytest.approx(float(published["kbet"]))


@pytest.mark.parametrize(("theirs", "further"), [("lisi", 0), ("lisi_harmonypy", 1)])
def test_lisi_is_that_of_scib_metrics_and_of_harmony(published, theirs, further):
    k = int(published["k"])  # Harmony's authors do not count the cell itself
    neighborhood = nearest(published["x"], k - 1 + further, rng=np.random.default_rng(0))
    found = inverse_simpson(*neighborhood, published["batch"], k // 3)
    np.testing.assert_allclose(found, published[theirs], rtol=2e-5)


def test_kbet_against_scipy(rng):
    group, neighbors = rng.integers(0, 3, 40), rng.integers(0, 40, (40, 12))
    expected = np.bincount(group) / 40 * 13
    for cell, p_value in enumerate(kbet_p_values(neighbors, group)):
        around = np.bincount(group[[*neighbors[cell], cell]], minlength=3)
        assert p_value == pytest.approx(chisquare(around, expected).pvalue)


def test_lisi_against_a_root_finder(rng):
    group, neighbors, distances = rng.integers(0, 3, 20), rng.integers(0, 20, (20, 12)), rng.random((20, 12)) + 3
    for cell, index in enumerate(inverse_simpson(neighbors, distances, group, 4)):

        def weights(beta, row=distances[cell]):
            return np.exp(-beta * (row - row.min()))

        weight = weights(brentq(lambda beta: entropy(weights(beta)) - np.log(4), 0, 1e4))
        shares = np.bincount(group[neighbors[cell]], weight / weight.sum(), minlength=3)
        assert index == pytest.approx(1 / (shares**2).sum(), rel=1e-4)


def test_lisi_knows_no_unit_and_no_origin_of_distances(rng):
    group, neighbors, distances = rng.integers(0, 2, 30), rng.integers(0, 30, (30, 12)), rng.random((30, 12))
    index = inverse_simpson(neighbors, distances, group, 4)
    for changed in (1e6 * distances, 1e-6 * distances, distances + 1e5):
        np.testing.assert_allclose(inverse_simpson(neighbors, changed, group, 4), index, rtol=1e-4)


def test_lisi_of_points_in_one_place(rng):
    group, neighbors = np.array([0, 0, 0, 1]), np.array([[1, 2, 3]] * 4)
    np.testing.assert_allclose(inverse_simpson(neighbors, np.zeros((4, 3)), group, 2), 9 / 5)
