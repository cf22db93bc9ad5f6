import numpy as np
import pytest
from scipy.spatial.distance import cdist

from scbasset_tl.stats import neighbors
from scbasset_tl.stats.neighbors import _without_self, nearest, shared_fraction


def by_hand(x, k):
    distances = cdist(x, x)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1)[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def test_exact_against_all_pairs():
    x = np.random.default_rng(0).standard_normal((60, 5))
    indices, distances = nearest(x, 7, rng=np.random.default_rng(0))
    expected_indices, expected_distances = by_hand(x, 7)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_allclose(distances, expected_distances)


def test_duplicates_are_neighbours_of_each_other_never_of_themselves():
    x = np.repeat(np.arange(3.0)[:, None], 20, axis=0)
    indices, distances = nearest(x, 5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(distances, 0)
    np.testing.assert_array_equal(x[indices][..., 0], np.repeat(x, 5, axis=1))
    assert not (indices == np.arange(60)[:, None]).any()
    assert all(len(set(row)) == 5 for row in indices)


@pytest.mark.parametrize("k", [0, 10, 50])
def test_k_must_leave_enough_points(k):
    with pytest.raises(ValueError, match=f"k must be from 1 to 9.*got {k}"):
        nearest(np.zeros((10, 2)), k, rng=np.random.default_rng(0))


def test_points_must_be_finite():
    x = np.zeros((10, 2))
    x[[2, 3], 1] = np.nan
    with pytest.raises(ValueError, match="2 hold NaN"):
        nearest(x, 1, rng=np.random.default_rng(0))


def test_a_point_crowded_out_by_duplicates_loses_its_farthest():
    indices, distances = np.array([[0, 1, 2], [0, 2, 3], [2, 3, 0]]), np.array([[0, 0, 1], [0, 0, 2], [0, 1, 1]])
    kept, kept_distances = _without_self(indices, distances)
    np.testing.assert_array_equal(kept, [[1, 2], [0, 2], [3, 0]])
    np.testing.assert_array_equal(kept_distances, [[0, 1], [0, 0], [1, 1]])


def test_shared_fraction():
    one = np.array([[1, 2], [0, 2], [0, 1], [0, 1]], dtype=np.int32)
    other = np.array([[2, 1], [2, 3], [3, 1], [2, 0]])
    assert shared_fraction(one, other) == (1 + 0.5 + 0.5 + 0.5) / 4
    assert shared_fraction(one[:, :1], other[:, :1]) == 0


@pytest.mark.slow
def test_descent_finds_nearly_all_and_repeats_itself(monkeypatch):
    # pynndescent takes half a minute to compile itself, in every process
    rng = np.random.default_rng(0)
    x = rng.normal(scale=3, size=(8, 16))[rng.integers(0, 8, 5000)] + rng.standard_normal((5000, 16))
    expected, _ = nearest(x, 20, rng=np.random.default_rng(3))
    monkeypatch.setattr(neighbors, "EXACT_UP_TO", 0)
    state = np.random.get_state()[1].copy()
    indices, distances = nearest(x, 20, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert shared_fraction(indices, expected) > 0.98
    assert (np.diff(distances, axis=1) >= 0).all()
    assert not (indices == np.arange(5000)[:, None]).any()
    np.testing.assert_array_equal(nearest(x, 20, rng=np.random.default_rng(3))[0], indices)
    duplicates = np.repeat(x[:50], 40, axis=0)
    indices, distances = nearest(duplicates, 15, rng=np.random.default_rng(3))
    assert indices.shape == (2000, 15)
    np.testing.assert_array_equal(distances, 0)
