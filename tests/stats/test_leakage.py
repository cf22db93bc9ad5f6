import numpy as np
import pytest

from scbasset_tl.stats.leakage import explained_share, same_group


def test_explained_share_is_principal_component_regression(rng):
    x, y = rng.normal(size=(50, 4)) * [3, 1, 1, 0.1], rng.normal(size=50)
    x[:, 1] += y
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    r2 = np.array([np.corrcoef(component, y)[0, 1] ** 2 for component in u.T])
    assert explained_share(x, y) == pytest.approx((r2 * s**2).sum() / (s**2).sum())


def test_explained_share_at_its_ends(rng):
    y = rng.normal(size=20)
    assert explained_share(np.outer(y, [1, -2, 0]) + 5, y) == pytest.approx(1)
    assert np.isnan(explained_share(np.ones((20, 3)), y))
    assert np.isnan(explained_share(rng.normal(size=(20, 3)), np.ones(20)))


def test_same_group_by_hand(rng):
    group = np.array([0, 0, 0, 1, 1])
    neighbors = np.array([[1, 2], [0, 3], [3, 4], [4, 0], [3, 1]])
    observed, chance = same_group(neighbors, group)
    assert observed == pytest.approx((2 + 1 + 0 + 1 + 1) / 10)
    pairs = [group[i] == group[j] for i in range(5) for j in range(5) if i != j]
    assert chance == pytest.approx(np.mean(pairs))
