"""The batched solver against scikit-learn, scipy and the definition."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from scbasset_tl.stats import logistic
from scbasset_tl.stats.logistic import fit_cells, log_likelihood
from scbasset_tl.stats.open_entries import OpenEntries

N_PEAKS, N_CELLS, WIDTH = 1300, 24, 5


def entries_of(dense):
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(dense.sum(axis=1))])
    assert (np.diff(rows) >= 0).all()
    return OpenEntries(indptr.astype(np.int64), columns.astype(np.int32), dense.shape[1])


@pytest.fixture
def problem(rng):
    peaks = np.maximum(rng.normal(size=(N_PEAKS, WIDTH)), -0.16).astype(np.float32)
    weight, bias = rng.normal(size=(N_CELLS, WIDTH)), rng.normal(-3, 1, N_CELLS)
    dense = rng.random((N_PEAKS, N_CELLS)) < 1 / (1 + np.exp(-(peaks @ weight.T + bias)))
    return peaks, dense


def loss_and_gradient(theta, peaks, opened, l2, center):
    logits = peaks @ theta[:-1] + theta[-1]
    error = 1 / (1 + np.exp(-logits)) - opened
    apart = theta[:-1] - center
    loss = np.logaddexp(0, logits).sum() - logits[opened].sum() + l2 / 2 * apart @ apart
    return loss, np.append(peaks.T @ error + l2 * apart, error.sum())


@pytest.mark.parametrize("l2", [0.1, 30.0])
def test_against_scikit_learn(problem, l2):
    peaks, dense = problem
    fit = fit_cells(peaks, entries_of(dense), l2=l2, block=7)
    assert fit.converged.all()
    for cell in range(0, N_CELLS, 4):
        regression = LogisticRegression(C=1 / l2, tol=1e-8, solver="newton-cholesky")
        expected = regression.fit(peaks.astype(float), dense[:, cell])
        np.testing.assert_allclose(fit.weight[cell], expected.coef_[0], atol=1e-5)
        np.testing.assert_allclose(fit.bias[cell], expected.intercept_[0], atol=1e-5)


def test_the_penalty_pulls_to_the_center(problem, rng):
    peaks, dense = problem
    center = rng.normal(size=(N_CELLS, WIDTH))
    fit = fit_cells(peaks, entries_of(dense), l2=20.0, center=center)
    for cell in range(0, N_CELLS, 6):
        arguments = (peaks.astype(float), dense[:, cell], 20.0, center[cell])
        best = minimize(loss_and_gradient, np.zeros(WIDTH + 1), arguments, jac=True, method="BFGS", tol=1e-9)
        np.testing.assert_allclose(np.append(fit.weight[cell], fit.bias[cell]), best.x, atol=1e-5)


def test_gradient_standard_error_and_log_likelihood_at_the_optimum(problem):
    peaks, dense = problem
    entries = entries_of(dense)
    fit = fit_cells(peaks, entries, l2=2.0)
    design = np.column_stack([peaks, np.ones(N_PEAKS)]).astype(float)
    for cell in range(N_CELLS):
        theta = np.append(fit.weight[cell], fit.bias[cell])
        loss, gradient = loss_and_gradient(theta, design[:, :-1], dense[:, cell], 2.0, np.zeros(WIDTH))
        opening = 1 / (1 + np.exp(-design @ theta))
        hessian = (design * (opening * (1 - opening))[:, None]).T @ design + np.diag([2.0] * WIDTH + [0])
        assert np.abs(gradient).max() < 1e-4
        expected = np.sqrt(np.diag(np.linalg.inv(hessian))[:-1]).mean()
        assert fit.standard_error[cell] == pytest.approx(expected, rel=1e-3)
        assert fit.log_likelihood[cell] == pytest.approx(theta[:-1] @ theta[:-1] - loss, rel=1e-10)
    np.testing.assert_allclose(log_likelihood(peaks, entries, fit.weight, fit.bias), fit.log_likelihood, rtol=1e-12)


def test_cells_of_few_peaks_are_solved_too(problem, rng):
    peaks, _ = problem
    dense = np.zeros((N_PEAKS, 30), dtype=bool)
    for cell in range(30):  # one to three open peaks, and all but as many: separable, all of them
        dense[rng.choice(N_PEAKS, 1 + cell % 3, replace=False), cell] = True
    dense[:, 15:] = ~dense[:, 15:]
    fit = fit_cells(1 + 20 * peaks, entries_of(dense), l2=1e-3)
    assert fit.converged.all()
    for cell in range(30):
        theta = np.append(fit.weight[cell], fit.bias[cell])
        _, gradient = loss_and_gradient(theta, 1 + 20 * peaks.astype(float), dense[:, cell], 1e-3, np.zeros(WIDTH))
        assert np.abs(gradient).max() < 1e-3


def test_cells_without_an_optimum(problem, rng):
    peaks, dense = problem
    dense[:, 0], dense[:, 1] = False, True
    center = rng.normal(size=(N_CELLS, WIDTH))
    fit = fit_cells(peaks, entries_of(dense), l2=1.0, center=center)
    assert fit.converged.tolist() == [False, False] + [True] * (N_CELLS - 2)
    assert np.isnan(fit.standard_error[:2]).all()
    np.testing.assert_array_equal(fit.weight[:2], center[:2])
    assert fit.bias[0] == pytest.approx(-np.log(2 * N_PEAKS + 1))
    assert fit.bias[1] == pytest.approx(np.log(2 * N_PEAKS + 1))
    separable = np.zeros((N_PEAKS, 1), dtype=bool)
    separable[peaks[:, 0].argmax()] = True
    assert not fit_cells(peaks, entries_of(separable), l2=0.0, n_iter=10).converged.any()


def test_blocks_starts_and_dead_units_change_nothing(problem, monkeypatch):
    peaks, dense = problem
    entries = entries_of(dense)
    expected = fit_cells(peaks, entries, l2=1.0)
    again = fit_cells(peaks, entries, l2=1.0, start=expected, block=5)
    assert (again.n_iter == 1).all()
    np.testing.assert_allclose(again.weight, expected.weight, atol=1e-6)
    monkeypatch.setattr(logistic, "_PEAKS", 100)
    np.testing.assert_allclose(fit_cells(peaks, entries, l2=1.0).weight, expected.weight, atol=1e-6)
    dead = np.column_stack([peaks, np.zeros(N_PEAKS)])
    np.testing.assert_allclose(fit_cells(dead, entries, l2=1.0).weight[:, :-1], expected.weight, atol=1e-5)
