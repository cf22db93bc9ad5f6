"""Likelihoods against scipy.stats in float64, and that of a part of the peaks against that of all."""

import numpy as np
import pytest
import torch
from scipy import sparse, stats
from torch import nn

from scbasset_tl.nn.likelihood import PeakLikelihood, log_softplus

N_CELLS, N_PEAKS, WIDTH = 8, 60, 5


@pytest.fixture
def peaks(rng):
    counts = sparse.csr_matrix(rng.poisson(0.4, (N_CELLS, N_PEAKS)).astype(np.float32))
    weight, bias = rng.normal(size=(N_PEAKS, WIDTH)), rng.normal(-1, 1, N_PEAKS)
    return counts, weight, bias, rng.normal(size=(N_CELLS, WIDTH))


def make(peaks, kind, **options):
    counts, weight, bias, offset = peaks
    return PeakLikelihood(counts.indptr, counts.indices, counts.data, weight, bias, offset, kind=kind, **options)


def naive(peaks, kind, features, rows):
    counts, weight, bias, offset = peaks
    logits = (features + offset[rows]) @ weight.T + bias
    count = counts.toarray()[rows]
    if kind == "bernoulli":
        return -stats.bernoulli.logpmf(count > 0, 1 / (1 + np.exp(-logits))).sum(1)
    return -stats.poisson.logpmf(count, np.logaddexp(0, logits)).sum(1)


@pytest.mark.parametrize("kind", ["bernoulli", "poisson"])
def test_all_peaks_give_scipys_likelihood(rng, peaks, kind):
    x, rows = rng.normal(size=(4, WIDTH - 1)), np.array([5, 0, 5, 2])
    found = make(peaks, kind)(torch.tensor(x).float(), torch.tensor(rows)).numpy()
    np.testing.assert_allclose(found, naive(peaks, kind, np.pad(x, ((0, 0), (0, 1))), rows), rtol=1e-5)


@pytest.mark.parametrize("kind", ["bernoulli", "poisson"])
def test_parts_of_the_peaks_are_unbiased(rng, peaks, kind):
    x, rows = torch.tensor(rng.normal(size=(4, WIDTH)), requires_grad=True), torch.tensor([5, 0, 1, 2])
    whole, parts = make(peaks, kind).double(), make(peaks, kind, peaks_per_step=13).double()
    expected = whole(x, rows)
    # 5 parts of 12 peaks, each as probable as the others
    seen = {tuple(parts(x, rows).tolist()) for _ in range(60)}
    assert len(seen) == 5
    np.testing.assert_allclose(np.mean(list(seen), 0), expected.detach(), rtol=1e-9)


@pytest.mark.parametrize("kind", ["bernoulli", "poisson"])
def test_gradients_are_those_of_finite_differences(rng, peaks, kind):
    x, rows = torch.tensor(rng.normal(size=(3, WIDTH)) * 4, requires_grad=True), torch.tensor([1, 2, 1])
    likelihood = make(peaks, kind).double()
    assert torch.autograd.gradcheck(lambda x: likelihood(x, rows), x)


def test_a_body_makes_the_features_and_learns_nothing(rng, peaks):
    body = nn.utils.skip_init(nn.Linear, 2, WIDTH)
    with torch.no_grad():
        body.weight.copy_(torch.tensor(rng.normal(size=(WIDTH, 2))))
        body.bias.zero_()
    x, rows = torch.tensor(rng.normal(size=(3, 2))).float().requires_grad_(), torch.arange(3)
    loss = make(peaks, "bernoulli", body=body)(x, rows)
    features = x.detach().numpy() @ body.weight.detach().numpy().T
    np.testing.assert_allclose(loss.detach(), naive(peaks, "bernoulli", features, np.arange(3)), rtol=1e-5)
    loss.sum().backward()
    assert x.grad.abs().sum() > 0
    assert body.weight.grad is None


def test_no_fragment_is_as_probable_as_a_closed_peak():
    logits = np.linspace(-30, 30, 61)
    rate = np.logaddexp(0, logits)
    np.testing.assert_allclose(stats.poisson.pmf(0, rate), 1 / (1 + np.exp(logits)), rtol=1e-9)
    empty = sparse.csr_matrix((1, 61), dtype=np.float32)
    of_kind = [
        PeakLikelihood(empty.indptr, empty.indices, empty.data, np.zeros((61, 1)), logits, None, kind=kind)
        for kind in ("bernoulli", "poisson")
    ]
    found = [likelihood(torch.zeros(1, 1), torch.zeros(1, dtype=torch.int64)).item() for likelihood in of_kind]
    assert found[0] == found[1] == pytest.approx(rate.sum(), rel=1e-5)


def test_the_logarithm_of_softplus_is_finite_everywhere():
    logits = torch.tensor([-200.0, -20.0, -15.0, 0.0, 30.0], requires_grad=True)
    found = log_softplus(logits)
    np.testing.assert_allclose(found.detach(), np.log(np.logaddexp(0, logits.detach().double().numpy())), rtol=1e-5)
    found.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_cells_without_peaks_count(rng, peaks):
    counts, weight, bias, offset = peaks
    counts = sparse.vstack([counts[:2], sparse.csr_matrix((1, N_PEAKS), dtype=np.float32)]).tocsr()
    few = counts, weight, bias, offset[:3]
    x = rng.normal(size=(3, WIDTH))
    found = make(few, "bernoulli")(torch.tensor(x).float(), torch.arange(3))
    np.testing.assert_allclose(found, naive(few, "bernoulli", x, np.arange(3)), rtol=1e-5)


def test_an_unknown_kind_is_refused(peaks):
    with pytest.raises(ValueError, match="likelihood must be one of"):
        make(peaks, "gaussian")
