"""The rank-sum test against scipy's."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm, rankdata

from scbasset_tl.stats.rank_sum import rank_sum_z, rank_sums, rank_sums_of_open


@pytest.fixture
def group(rng):
    return rng.integers(0, 3, 40)


@pytest.mark.parametrize("kind", ["continuous", "tied", "constant"])
def test_sums_and_deviates_are_scipys(rng, group, kind):
    values = {
        "continuous": rng.normal(size=(6, 40)).astype(np.float32),
        "tied": rng.integers(0, 4, (6, 40)).astype(np.float32),
        "constant": np.full((6, 40), 0.3),
    }[kind]
    sums, ties = rank_sums(values, group, 3)
    ranks = rankdata(values, axis=1)
    for number in range(3):
        np.testing.assert_allclose(sums[:, number], ranks[:, group == number].sum(axis=1))
        z = rank_sum_z(sums[:, number], ties, int((group == number).sum()), 40)
        if kind == "constant":
            assert (z == 0).all()
            continue
        found = mannwhitneyu(
            values[:, group == number].astype(float),
            values[:, group != number].astype(float),
            axis=1,
            method="asymptotic",
            use_continuity=False,
        )
        np.testing.assert_allclose(2 * norm.sf(np.abs(z)), found.pvalue, rtol=1e-9)
        expected = (group == number).sum() * (group != number).sum() / 2
        np.testing.assert_array_equal(z > 0, found.statistic > expected)


def test_counts_of_open_cells_give_the_same(rng, group):
    values = (rng.random((9, 40)) < rng.random((9, 1))).astype(float)
    values[0], values[1] = 0, 1
    n_open = np.stack([values[:, group == number].sum(axis=1) for number in range(3)], axis=1)
    for found, expected in zip(rank_sums_of_open(n_open, np.bincount(group)), rank_sums(values, group, 3), strict=True):
        np.testing.assert_allclose(found, expected)
