"""Block skip-gram: losses and gradients against loops and autograd, and what training finds."""

import numpy as np
import pytest
import torch
from scipy import sparse

from scbasset_tl.nn.skipgram import SkipGramConfig, cbow_step, fit, independent_loss, skipgram_step
from scbasset_tl.stats.correspondence import region_vectors


def naive(objective, center, context, noise, weight, n_negative):
    loss = torch.zeros((), dtype=torch.float64)
    for b in range(len(center)):
        rows = [i for i in range(center.shape[1]) if weight[b, i] > 0]
        for i in rows:
            others = [j for j in rows if j != i]
            if objective == "skipgram":
                source = center[b, i]
                positive = sum(-torch.nn.functional.logsigmoid(source @ context[b, j]) for j in others) / len(others)
            else:
                source = torch.stack([center[b, j] for j in others]).mean(0)
                positive = -torch.nn.functional.logsigmoid(source @ context[b, i])
            negative = -torch.nn.functional.logsigmoid(-(noise[b] @ source)).mean()
            loss = loss + weight[b, i] * (positive + n_negative * negative)
    return loss


@pytest.mark.parametrize("objective", ["skipgram", "cbow"])
def test_loss_and_gradients(objective):
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 5, 4), (3, 5, 4), (3, 6, 4)]
    parts = [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]
    weight = torch.tensor([[1.0, 1, 1, 1, 1], [0.5, 0.5, 0, 0.5, 0], [0.7, 0.7, 0, 0, 0]], dtype=torch.float64)
    expected = naive(objective, *parts, weight, 5)
    gradients = torch.autograd.grad(expected, parts)
    step = {"skipgram": skipgram_step, "cbow": cbow_step}[objective](*(part.detach() for part in parts), weight, 5)
    torch.testing.assert_close(step.loss, expected.detach())
    for found, gradient in zip(step[1:], gradients, strict=True):
        torch.testing.assert_close(found, gradient)


def test_independent_loss_is_the_least_that_logits_of_regions_alone_reach():
    rng = np.random.default_rng(0)
    share, noise = rng.dirichlet(np.ones(20)), rng.dirichlet(np.ones(20))
    best = np.log(share / (5 * noise))

    def loss(logits):
        return (share * np.logaddexp(0, -logits) + 5 * noise * np.logaddexp(0, logits)).sum()

    assert independent_loss(share, noise, 5) == pytest.approx(loss(best))
    assert all(loss(best + step) > loss(best) for step in (0.01, -0.01))


def kinds(n_cells=200, n_regions=300):
    rng = np.random.default_rng(1)
    kind, programme = rng.integers(0, 3, n_cells), rng.integers(0, 3, n_regions)
    x = rng.random((n_cells, n_regions)) < np.where(kind[:, None] == programme, 0.4, 0.1)
    return sparse.csr_matrix(x), kind, programme


def run(x, start="svd", **options):
    config = SkipGramConfig(n_latent=8, **options)
    first = region_vectors(x, 7, rng=np.random.default_rng(0)) if start == "svd" else None
    return fit(x, config, start=first, device="cpu", rng=np.random.default_rng(0))


def separation(vectors, programme):
    unit = vectors - vectors.mean(0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    same = programme[:, None] == programme
    return (unit @ unit.T)[same].mean() - (unit @ unit.T)[~same].mean()


@pytest.mark.parametrize("options", [{}, {"objective": "cbow"}, {"start": "random", "lr": 0.3, "max_epochs": 300}])
def test_training_beats_independence_and_finds_the_programmes(options):
    x, _, programme = kinds()
    found = run(x, **options)
    assert found.loss[-1] < found.independent
    assert separation(found.vectors, programme) > 0.5
    np.testing.assert_allclose(found.vectors[x.indices].mean(0), 0, atol=1e-6)


def test_too_little_training_from_a_random_start_is_seen_in_the_loss():
    x, _, _ = kinds()
    found = run(x, start="random", lr=0.01, max_epochs=1)
    assert found.loss[-1] > found.independent


@pytest.mark.parametrize("objective", ["skipgram", "cbow"])
def test_what_diverges_is_not_returned(objective):
    with pytest.raises(FloatingPointError, match=r"no longer finite after epoch \d: lower lr \(now 1e\+38\)"):
        run(kinds()[0], objective=objective, lr=1e38, max_epochs=4)


def test_the_same_seed_gives_the_same_bits_and_the_global_state_is_left_alone():
    x, _, _ = kinds()
    before = torch.get_rng_state()
    one, two = run(x, max_epochs=2), run(x, max_epochs=2)
    np.testing.assert_array_equal(one.vectors, two.vectors)
    assert one.loss == two.loss
    assert torch.equal(torch.get_rng_state(), before)


def test_frequent_regions_are_left_out_at_random():
    x, _, _ = kinds()
    x = sparse.csr_matrix(x.toarray() | (np.arange(x.shape[1]) < 3))
    counts = np.bincount(x.indices)
    assert run(x, subsample=0.0, max_epochs=1).independent != run(x, subsample=1e-3, max_epochs=1).independent
    assert np.isfinite(run(x, subsample=1e-5, max_epochs=3).vectors).all()
    assert counts.max() == x.shape[0]
