import numpy as np
import pytest
from scipy import sparse, stats
from scipy.spatial.distance import cdist
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from scbasset_tl._random import draw_seed
from scbasset_tl.stats import two_sample as ts
from scbasset_tl.stats.lsi import Lsi


def test_correlations_are_those_of_scipy(rng):
    one, other = rng.normal(size=40), rng.integers(0, 5, 40).astype(float)
    pearson, spearman = ts.correlations(one, other)
    assert pearson == pytest.approx(stats.pearsonr(one, other).statistic)
    assert spearman == pytest.approx(stats.spearmanr(one, other).statistic)
    assert np.isnan(ts.correlations(one, np.ones(40))).all()


def test_the_classifier_tells_apart_what_differs_and_nothing_else():
    same, shifted = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, 100, 5))
        same.append(ts.classifier_auroc(x, y, 15, rng=rng))
        shifted.append(ts.classifier_auroc(x, y + 0.5, 15, rng=rng))
    assert np.mean(same) == pytest.approx(0.5, abs=0.08)  # four standard errors of the mean
    assert 0.7 < np.mean(shifted) < 0.9
    assert ts.classifier_auroc(x, y + 20, 15, rng=rng) == 1


def test_the_classifier_is_that_of_sklearn(monkeypatch, rng):
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(70, 3)) + 0.5
    scores = []

    def spy(truth, score):
        scores.append((truth, score))
        return 0.25

    monkeypatch.setattr("sklearn.metrics.roc_auc_score", spy)
    assert ts.classifier_auroc(x, y, 7, rng=np.random.default_rng(3)) == 0.25
    assert sum(len(truth) for truth, _ in scores) == 120
    points, is_other = np.concatenate([x, y]), np.repeat([0, 1], [50, 70])
    folds = StratifiedKFold(5, shuffle=True, random_state=draw_seed(np.random.default_rng(3)))
    for (train, test), (truth, score) in zip(folds.split(points, is_other), scores, strict=True):
        oracle = KNeighborsClassifier(7).fit(points[train], is_other[train])
        np.testing.assert_array_equal(truth, is_other[test])
        np.testing.assert_allclose(score, oracle.predict_proba(points[test])[:, 1])


def test_mixing_of_one_law_and_of_two(rng):
    x, y = rng.normal(size=(2, 300, 4))
    assert ts.mixing(x, y, 30, rng=rng) > 1.7  # 30 neighbours are never quite half and half
    assert ts.mixing(x, y + 50, 30, rng=rng) == pytest.approx(1)


def test_ks_is_the_largest_gap_of_the_distributions(rng):
    one, other = rng.integers(0, 9, 30), rng.integers(2, 12, 45)
    gap = [(one <= value).mean() - (other <= value).mean() for value in range(13)]
    assert ts.ks(one, other) == pytest.approx(np.max(np.abs(gap)))
    assert ts.ks(one, other, side="greater") == pytest.approx(max(gap))
    assert ts.ks(np.arange(5) + 10, np.arange(5), side="greater") == 0


def test_coaccessibility_is_the_correlation_of_columns(rng):
    x, other = (rng.random((60, 8)) < rng.random(8) for _ in range(2))
    x[:, 4] = True  # tells nothing
    peaks = np.array([6, 1, 4, 0])
    with np.errstate(invalid="ignore"):
        oracle = np.corrcoef(x[:, peaks].T.astype(float))[np.triu_indices(4, 1)]
    found = ts.coaccessibility(sparse.csr_matrix(x), peaks)
    np.testing.assert_allclose(found, oracle)
    assert np.isnan(found).sum() == 3
    free = (
        np.corrcoef(x[:, [6, 1, 0]].T)[np.triu_indices(3, 1)],
        np.corrcoef(other[:, [6, 1, 0]].T)[np.triu_indices(3, 1)],
    )
    agreement = ts.coaccessibility_agreement(sparse.csr_matrix(x), sparse.csr_matrix(other), peaks)
    assert agreement == pytest.approx(np.corrcoef(*free)[0, 1])
    assert np.isnan(ts.coaccessibility_agreement(sparse.csr_matrix(x), sparse.csr_matrix(other), peaks[:2]))


def test_distances_to_the_nearest_are_in_the_space_of_the_training_cells(rng):
    training, query = (sparse.csr_matrix(rng.random((n, 40)) < 0.3) for n in (30, 10))
    copies, far = ts.nearest_distances(training, training[:5], query, n_components=6, rng=np.random.default_rng(1))
    lsi = Lsi.fit(training, 6, rng=np.random.default_rng(1))
    np.testing.assert_allclose(far, cdist(lsi.transform(query), lsi.transform(training)).min(1))
    np.testing.assert_allclose(copies, 0, atol=1e-5)
