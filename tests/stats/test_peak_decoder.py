import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from scbasset_tl.stats.peak_decoder import PENALTIES, fit_peak_decoder


def simulate(n_cells, n_peaks, n_features, noise=0.0):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n_cells, n_features)) * rng.uniform(0.5, 2, n_features) + 1
    truth = rng.standard_normal((n_peaks, n_features)) / 2
    chance = 1 / (1 + np.exp(1 - features @ truth.T))
    opened = sparse.csr_matrix((rng.random(chance.shape) < chance).astype(np.float32))
    return features, opened, truth + noise * rng.standard_normal(truth.shape)


def test_weights_are_those_of_scikit_learn():
    features, opened, _ = simulate(150, 12, 3)
    found = fit_peak_decoder(features, opened, center=np.zeros((12, 3)), rng=np.random.default_rng(0))
    scaled = (features - features.mean(0)) / features.std(0)
    for peak in range(12):
        model = LogisticRegression(C=1 / found.l2, tol=1e-10, max_iter=1000)
        model.fit(scaled, opened[:, [peak]].toarray()[:, 0])
        logits = features @ found.weight[peak, :-1] + found.weight[peak, -1]
        np.testing.assert_allclose(logits, model.decision_function(scaled), atol=1e-4)


def test_what_is_known_of_the_peaks_is_kept_if_it_helps():
    features, opened, center = simulate(120, 40, 6, noise=0.1)
    rng = np.random.default_rng
    known = fit_peak_decoder(features, opened, center=center, rng=rng(0))
    unknown = fit_peak_decoder(features, opened, center=np.zeros_like(center), rng=rng(0))
    assert known.l2 > unknown.l2
    assert max(known.held_out.values()) > max(unknown.held_out.values())


def test_penalty_is_the_best_that_was_tried():
    features, opened, center = simulate(200, 30, 4)
    found = fit_peak_decoder(features, opened, center=np.zeros_like(center), rng=np.random.default_rng(1))
    assert found.l2 in PENALTIES
    assert found.held_out[found.l2] == max(found.held_out.values())


@pytest.mark.parametrize("n_cells", [5, 19])
def test_few_cells_have_no_held_out_ones(n_cells):
    features, opened, center = simulate(n_cells, 10, 3)
    found = fit_peak_decoder(features, opened, center=center, rng=np.random.default_rng(0))
    assert not found.held_out
    assert np.isfinite(found.weight).all()
