import numpy as np
import pytest
from scipy.stats import rankdata

from scbasset_tl.stats.rank_distance import counterpart_ranks


def by_hand(one, other):
    distances = ((one[:, None] - other[None]) ** 2).sum(-1)
    return tuple(rankdata(matrix, axis=1).diagonal() for matrix in (distances, distances.T))


@pytest.mark.parametrize("block", [None, 1, 7, 100])
def test_against_all_pairs(rng, block):
    one, other = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    for ranks, expected in zip(counterpart_ranks(one, other, block=block), by_hand(one, other), strict=True):
        np.testing.assert_array_equal(ranks, expected)


def test_points_that_tie_count_half(rng):
    one, other = rng.integers(0, 2, (40, 2)), rng.integers(0, 2, (40, 2)).astype(np.float32)
    ranks = counterpart_ranks(one, other, block=9)
    np.testing.assert_array_equal(ranks, by_hand(one.astype(float), other.astype(float)))
    np.testing.assert_array_equal(counterpart_ranks(np.ones((5, 2)), np.ones((5, 2))), np.full((2, 5), 3.0))


def test_the_same_points_are_nearest_to_themselves(rng):
    x = rng.normal(size=(50, 4)) + 1e6
    np.testing.assert_array_equal(counterpart_ranks(x, x, block=8), np.ones((2, 50)))
