import numpy as np
import pytest

from scbasset_tl.stats.null import p_values, pools, spread


def test_spread_is_the_standard_deviation_over_cells(rng):
    vectors, effect = rng.normal(size=(50, 6)) + 3, rng.normal(size=(9, 6))
    found = spread(effect, np.cov(vectors, rowvar=False, ddof=0))
    np.testing.assert_allclose(found, (vectors @ effect.T).std(0), rtol=1e-12)
    assert (spread(effect, np.zeros((6, 6))) == 0).all()


def test_p_values_count_the_draws_of_the_pool(rng):
    statistic, pool = rng.integers(0, 9, (30, 3)).astype(float), rng.integers(0, 4, 30)
    null, null_pool = rng.integers(0, 9, (200, 3)).astype(float), rng.integers(0, 3, 200)  # pool 3 has none
    found = p_values(statistic, pool, null, null_pool)
    for motif in range(30):
        draws = null[null_pool == pool[motif]]
        for column in range(3):
            above = sum(draw >= statistic[motif, column] for draw in draws[:, column])
            assert found[motif, column] == (1 + above) / (1 + len(draws))
    assert (found[pool == 3] == 1).all()
    assert found.max() <= 1


def test_p_values_are_uniform_where_motifs_are_as_the_null():
    rng = np.random.default_rng(3)
    p = p_values(rng.normal(size=(4000, 1)), np.zeros(4000), rng.normal(size=(2000, 1)), np.zeros(2000))
    for level in (0.01, 0.05, 0.5):
        # the share above a level has a standard error, for the draws of the null too
        assert (p <= level).mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) * (1 / 4000 + 1 / 2000)))


def test_pools_are_of_like_width_and_information(rng):
    width, information = rng.integers(6, 20, 200), rng.uniform(5, 25, 200)
    pool = pools(width, information, np.ones(200), smallest=20)
    sizes = np.bincount(pool)
    assert sizes.min() >= 20
    assert 4 <= len(sizes) <= 10
    within = sum(np.var(width[pool == number]) * sizes[number] for number in range(len(sizes))) / 200
    assert within < np.var(width) / 3
    np.testing.assert_array_equal(pools(width[:1], information[:1], np.ones(1), smallest=1), [0])


@pytest.mark.parametrize(
    ("width", "information", "n_pools"),
    [([8] * 10, [9.0] * 10, 1), ([8] * 5 + [9] * 5, [9.0] * 10, 1), ([8] * 5 + [18] * 5, [9.0] * 10, 2),
     ([8] * 10, [9.0] * 5 + [14.0] * 5, 2), ([8] * 3 + [18] * 7, [9.0] * 10, 1)],
)  # fmt: skip
def test_alike_motifs_share_a_pool_and_no_pool_is_too_small(width, information, n_pools):
    pool = pools(np.array(width), np.array(information), np.full(10, 5), smallest=20)
    assert len(set(pool)) == n_pools


def test_a_pool_is_as_large_as_its_draws():
    width, information = np.repeat([3, 18], 10), np.full(20, 9.0)
    assert len(set(pools(width, information, np.repeat([5, 95], 10), smallest=50))) == 2
    assert len(set(pools(width, information, np.repeat([4, 96], 10), smallest=50))) == 1
