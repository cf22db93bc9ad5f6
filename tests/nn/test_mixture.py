"""The mixture against scipy, quadrature and Monte Carlo."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from scbasset_tl.nn.mixture import Mixture


def make_mixture(shares, means, variances):
    mixture = Mixture(*np.shape(means)).double()
    with torch.no_grad():
        mixture.logits.copy_(torch.tensor(shares).log() + 3)  # softmax takes any constant
        mixture.mean.copy_(torch.tensor(means))
        mixture.raw_variance.copy_(torch.log(torch.expm1(torch.tensor(variances) - 1e-4)))
    return mixture


@pytest.fixture
def mixture():
    return make_mixture([0.2, 0.5, 0.3], [[-1.0, 0.5], [0.0, 0.0], [2.0, -1.0]], [[0.3, 1.0], [0.5, 0.2], [1.5, 2.0]])


def scipy_joint(mixture, z):
    shares = mixture.logits.detach().softmax(0).numpy()
    parts = zip(mixture.mean.detach().numpy(), mixture.variance.detach().sqrt().numpy(), strict=True)
    return np.stack([stats.norm.pdf(z, mean, std).prod(1) for mean, std in parts], 1) * shares


def test_density_and_responsibilities_are_scipys(rng, mixture):
    z = rng.normal(0, 2, (20, 2))
    joint = scipy_joint(mixture, z)
    np.testing.assert_allclose(mixture.log_prob(torch.tensor(z)).detach(), np.log(joint.sum(1)), rtol=1e-9)
    found = mixture.responsibilities(torch.tensor(z)).detach().numpy()
    np.testing.assert_allclose(found, joint / joint.sum(1, keepdims=True), rtol=1e-8)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)


def test_responsibilities_far_away_are_finite(mixture):
    found = mixture.responsibilities(torch.full((1, 2), 1e4).double())
    assert found.sum().item() == pytest.approx(1)


def draws(mu, logvar, n):
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(n, len(mu), generator=generator, dtype=torch.float64)
    spread = [torch.tensor(part).double().expand(n, -1) for part in (mu, logvar)]
    return *spread, spread[0] + (0.5 * spread[1]).exp() * noise


def test_the_marginal_kl_is_that_of_quadrature():
    mixture = make_mixture([0.3, 0.7], [[-1.0], [1.5]], [[0.4], [1.2]])
    q = stats.norm(0.3, np.exp(-0.4))

    def integrand(z):
        return q.pdf(z) * (q.logpdf(z) - np.log(scipy_joint(mixture, np.array([[z]])).sum()))

    expected, _ = integrate.quad(integrand, -8, 8)
    found = mixture.kl_marginal(*draws([0.3], [-0.8], 200_000)).mean().item()
    assert found == pytest.approx(expected, abs=5e-3)


def test_the_joint_kl_is_that_of_drawn_codes_and_components(rng, mixture):
    """Given responsibilities r of one code: E over z of q and c of r of log q(z) r(c) / p(z, c)."""
    mu, logvar = np.array([0.5, -0.3]), np.array([-1.0, 0.2])
    code = torch.tensor([[0.2, 0.1]]).double()
    r = mixture.responsibilities(code).detach().numpy()[0]
    n = 400_000
    z = mu + np.exp(logvar / 2) * rng.normal(size=(n, 2))
    component = rng.choice(3, n, p=r)
    log_q = stats.norm.logpdf(z, mu, np.exp(logvar / 2)).sum(1) + np.log(r[component])
    sampled = (log_q - np.log(scipy_joint(mixture, z)[np.arange(n), component])).mean()
    found = mixture.kl_joint(torch.tensor(mu)[None], torch.tensor(logvar)[None], code).item()
    assert found == pytest.approx(sampled, abs=1e-2)


def test_the_joint_kl_is_at_least_the_marginal_one(rng, mixture):
    for _ in range(5):
        sample = draws(rng.normal(size=2), rng.normal(-1, 1, 2), 20_000)
        assert mixture.kl_joint(*sample).mean() >= mixture.kl_marginal(*sample).mean() - 1e-2


@pytest.mark.parametrize("kind", ["kl_marginal", "kl_joint"])
def test_kl_is_zero_where_the_code_is_the_prior(kind):
    mixture = make_mixture([1.0], [[0.4, -2.0]], [[0.5, 3.0]])
    sample = draws([0.4, -2.0], np.log([0.5, 3.0]), 50)
    np.testing.assert_allclose(getattr(mixture, kind)(*sample).detach(), 0, atol=1e-6)


def test_samples_have_the_moments_of_the_mixture(mixture):
    generator = torch.Generator().manual_seed(0)
    z = mixture.sample(200_000, generator=generator).detach().numpy()
    shares, means = mixture.logits.detach().softmax(0).numpy(), mixture.mean.detach().numpy()
    mean = shares @ means
    variance = shares @ (mixture.variance.detach().numpy() + means**2) - mean**2
    np.testing.assert_allclose(z.mean(0), mean, atol=0.02)
    np.testing.assert_allclose(z.var(0), variance, rtol=0.02)


def test_samples_of_a_component_are_its_own(mixture):
    generator = torch.Generator().manual_seed(0)
    z = mixture.sample(100_000, generator=generator, component=torch.full((100_000,), 2)).detach()
    np.testing.assert_allclose(z.mean(0), [2, -1], atol=0.02)
    np.testing.assert_allclose(z.var(0), [1.5, 2], rtol=0.02)


def test_a_start_finds_separate_clouds(rng):
    kind = rng.choice(3, 900, p=[0.5, 0.3, 0.2])
    centers, widths = np.array([[0.0, 0], [6, 6], [-6, 6]]), np.array([[1.0, 0.5], [0.3, 1], [1, 1]])
    z = centers[kind] + widths[kind] * rng.normal(size=(900, 2))
    mixture = Mixture(3, 2)
    before = np.random.get_state()[1].copy()
    mixture.start_from(z, 0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    order = [int(np.square(mixture.mean.detach().numpy() - center).sum(1).argmin()) for center in centers]
    assert sorted(order) == [0, 1, 2]
    shares = mixture.logits.softmax(0).detach().numpy()[order]
    np.testing.assert_allclose(shares, np.bincount(kind) / 900, atol=0.01)
    for center, (mean, variance) in enumerate(zip(mixture.mean[order], mixture.variance[order], strict=True)):
        np.testing.assert_allclose(mean.detach(), z[kind == center].mean(0), atol=0.05)
        np.testing.assert_allclose(variance.detach(), z[kind == center].var(0), rtol=0.1)
