"""The cell vectors that training begins with: numpy's decomposition of the training peaks alone."""

import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.codes import sequence_codes
from scbasset_tl._adata.model.problem import training_data
from scbasset_tl.train import start
from scbasset_tl.train.start import svd_vectors


@pytest.fixture(scope="module")
def adata():
    return sb.datasets.toy(n_obs=80, n_vars=300)


def problem_of(adata, batch_key=None):
    return training_data(adata, sequence_codes(adata), layer=None, batch_key=batch_key, seed=0).problem()


def exact(problem, n_latent):
    opened = problem.open_entries.dense()[problem.train].T.astype(float)
    idf = np.log1p(len(opened) / np.maximum(opened.sum(0), 1))
    weighted = np.log1p(1e4 * opened * idf / opened.sum(1, keepdims=True))
    u, s, _ = np.linalg.svd(weighted, full_matrices=False)
    return (u * s)[:, 1 : n_latent + 1]


def test_it_is_the_decomposition_of_the_training_peaks(adata):
    problem = problem_of(adata)
    found, expected = svd_vectors(problem, 4, 0), exact(problem, 4)
    signs = np.sign((found * expected).sum(0))
    expected = expected * signs * 0.5**0.5 / expected.std(0).max()
    np.testing.assert_allclose(found[:, :2], expected[:, :2], atol=0.02)  # as near as a randomised decomposition comes


def test_other_peaks_do_not_matter(adata):
    other = adata.copy()
    held_out = np.setdiff1d(np.arange(adata.n_vars), problem_of(adata).train)
    x = adata.X.tolil()
    x[:, held_out] = (x[:, held_out].toarray() == 0).astype(x.dtype)
    other.X = x.tocsr()
    np.testing.assert_array_equal(svd_vectors(problem_of(adata), 8, 3), svd_vectors(problem_of(other), 8, 3))


def test_what_a_batch_shares_is_left_to_the_batch(adata):
    batches = adata.copy()
    batches.obs["run"] = np.where(np.arange(80) % 3 == 0, "a", "b")
    vectors = svd_vectors(problem_of(batches, "run"), 8, 0)
    for run in "ab":
        np.testing.assert_allclose(vectors[(batches.obs["run"] == run).to_numpy()].mean(0), 0, atol=1e-6)


def test_a_sample_of_peaks_serves_too_many_open_pairs(adata, monkeypatch):
    problem = problem_of(adata)
    whole = svd_vectors(problem, 4, 0)
    monkeypatch.setattr(start, "_MAX_ENTRIES", int(problem.open_entries.rows(problem.train).indptr[-1] // 2))
    part = svd_vectors(problem, 4, 0)
    assert part.shape == whole.shape
    assert np.abs(part - whole).max() > 1e-3
    np.testing.assert_array_equal(part, svd_vectors(problem, 4, 0))
