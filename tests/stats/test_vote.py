"""Votes against scikit-learn's classifier."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from scbasset_tl.stats.neighbors import nearest_among
from scbasset_tl.stats.vote import vote


@pytest.mark.parametrize("weights", ["distance", "uniform"])
def test_against_scikit_learn(rng, weights):
    known, queries = rng.normal(size=(80, 3)), rng.normal(size=(30, 3))
    queries[:4] = known[:4]
    known[50] = known[0]  # two at distance 0, of different classes
    codes = rng.integers(0, 4, 80)
    codes[[0, 50]] = 0, 1
    neighbors, distances = nearest_among(known, 7, queries, rng=rng)
    exact = np.where(np.linalg.norm(known[neighbors] - queries[:, None], axis=2) == 0, 0, distances)
    expected = KNeighborsClassifier(7, weights=weights, algorithm="brute").fit(known, codes)
    votes = vote(neighbors, exact, codes, 4, weights=weights)
    if weights == "distance":
        np.testing.assert_allclose(votes[0], [0.5, 0.5, 0, 0])
    np.testing.assert_allclose(votes[4:], expected.predict_proba(queries)[4:], rtol=1e-6)
    np.testing.assert_allclose(votes.sum(axis=1), 1)
