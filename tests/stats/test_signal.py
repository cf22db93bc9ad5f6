from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.stats.signal import auc_of_one_score, permutation_moments, signal_per_cell, signal_per_peak


def entries_of(dense: np.ndarray) -> OpenEntries:
    indices = np.concatenate([np.flatnonzero(row) for row in dense]).astype(np.int32)
    return OpenEntries(np.concatenate([[0], np.cumsum(dense.sum(1))]), indices, dense.shape[1])


@pytest.mark.parametrize("n_columns", [2, 9])
def test_moments_are_those_of_all_permutations(rng, n_columns):
    a, b = rng.normal(size=(6, n_columns)), rng.normal(size=(6, n_columns))
    sums = [np.vdot(a, b[list(order)]) for order in permutations(range(6))]
    np.testing.assert_allclose(permutation_moments(a, b), (np.mean(sums), np.std(sums)), rtol=1e-10)


@pytest.mark.parametrize(("signal", "axis"), [(signal_per_cell, 0), (signal_per_peak, 1)])
def test_signal_is_the_mean_auroc_and_its_null_that_of_all_pairings(rng, signal, axis):
    scores = rng.integers(0, 5, (5, 8)).astype(float)  # with ties
    opened = rng.random((5, 8)) < 0.5
    opened[0, 0], opened[1, 0] = True, False
    if axis == 0:
        opened[:, 3] = False
        opened[:, 4] = True
    else:
        opened[2] = False
    both = opened.any(axis) & ~opened.all(axis)
    assert not both.all()

    def mean_auroc(order):
        pairs = zip(scores.T, opened[order].T, strict=True) if axis == 0 else zip(scores, opened[order], strict=True)
        return np.mean([roc_auc_score(y, s) for s, y in pairs if 0 < y.sum() < len(y)])

    if axis == 1:  # a peak of one class is in no pairing
        scores, opened = scores[both], opened[both]
    null = [mean_auroc(list(order)) for order in permutations(range(len(opened)))]
    found = signal(scores, opened)
    expected = mean_auroc(slice(None)), np.mean(null), np.std(null)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found.z == pytest.approx((expected[0] - expected[1]) / expected[2])


def test_null_per_cell_is_chance_and_per_peak_keeps_depth(rng):
    depth = rng.normal(0, 1, 40)
    opened = rng.random((200, 40)) < 1 / (1 + np.exp(1 - depth))
    scores = np.tile(depth, (200, 1)) + 1e-3 * rng.normal(size=(200, 40))
    assert signal_per_cell(scores, opened).null == pytest.approx(0.5, abs=1e-12)
    per_peak = signal_per_peak(scores, opened)
    assert per_peak.null > 0.6
    assert abs(per_peak.z) < 3


def test_z_is_standard_normal_where_there_is_no_signal(rng):
    z = []
    for _ in range(300):
        scores = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 30))
        opened = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 30)) > 1
        z.append(signal_per_cell(scores, opened).z)
    assert abs(np.mean(z)) < 0.2
    assert np.std(z) == pytest.approx(1, abs=0.15)


def test_no_null_without_peaks_that_differ(rng):
    opened = rng.random((5, 6)) < 0.5
    assert np.isnan(signal_per_cell(np.zeros((5, 6)), opened).z)
    assert np.isnan(signal_per_cell(rng.normal(size=(1, 6)), opened[:1]).auroc)
    assert np.isnan(signal_per_peak(rng.normal(size=(5, 6)), np.zeros((5, 6), dtype=bool)).auroc)


def test_auc_of_one_score_against_sklearn(rng):
    scores, dense = rng.integers(0, 6, 30), rng.random((7, 30)) < 0.3
    dense[2], dense[5] = False, True
    found = auc_of_one_score(scores, entries_of(dense))
    assert np.isnan(found[[2, 5]]).all()
    rest = [0, 1, 3, 4, 6]
    np.testing.assert_allclose(found[rest], [roc_auc_score(dense[row], scores) for row in rest], rtol=1e-12)
