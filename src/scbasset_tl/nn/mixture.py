"""A mixture of diagonal Gaussians that is learned as a prior (Jiang et al. 2017, VaDE)."""

from __future__ import annotations

import warnings
from math import log, pi
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import softplus

from scbasset_tl.nn.diffusion import normal
from scbasset_tl.nn.likelihood import inverse_softplus

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_LEAST_VARIANCE = 1e-4
_LOG_2PI = log(2 * pi)


class Mixture(nn.Module):
    """``n_components`` Gaussians with diagonal covariance over ``n_latent`` dimensions; alike until it is started."""

    def __init__(self, n_components: int, n_latent: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(n_components))
        self.mean = nn.Parameter(torch.zeros(n_components, n_latent))
        self.raw_variance = nn.Parameter(inverse_softplus(torch.ones(n_components, n_latent)))

    @property
    def variance(self) -> Tensor:
        """(n_components, n_latent)."""
        return softplus(self.raw_variance) + _LEAST_VARIANCE

    def log_joint(self, z: Tensor) -> Tensor:
        """Log density of ``z`` (B, n_latent) and each component together, (B, n_components)."""
        variance = self.variance
        square = ((z[:, None] - self.mean).square() / variance).sum(2)
        constant = variance.log().sum(1) + z.shape[1] * _LOG_2PI
        return self.logits.log_softmax(0) - 0.5 * (square + constant)

    def log_prob(self, z: Tensor) -> Tensor:
        """Log density of ``z`` (B, n_latent), (B,)."""
        return self.log_joint(z).logsumexp(1)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Probability of each component given ``z`` (B, n_latent), (B, n_components)."""
        return self.log_joint(z).softmax(1)

    def sample(self, n: int, *, generator: torch.Generator, component: Tensor | None = None) -> Tensor:
        """``n`` draws (n, n_latent), of the components (n,) given or of random ones."""
        if component is None:
            shares = self.logits.detach().softmax(0).to(generator.device)
            component = torch.multinomial(shares, n, replacement=True, generator=generator)
        component = component.to(self.mean.device)
        noise = normal((n, self.mean.shape[1]), generator, self.mean)
        return self.mean[component] + self.variance[component].sqrt() * noise

    def kl_marginal(self, mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
        """Log of q(z | x) / p(z), (B,): at draws ``z`` of q = N(mu, exp(logvar)) an unbiased estimate of its KL."""
        log_q = -0.5 * ((z - mu).square() / logvar.exp() + logvar + _LOG_2PI).sum(1)
        return log_q - self.log_prob(z)

    def kl_joint(self, mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
        """KL of q(z | x) r(c) to p(z, c), (B,), where r are the responsibilities at ``z``: at least the marginal KL."""
        log_joint = self.log_joint(z)
        log_r = log_joint.log_softmax(1)
        variance = self.variance
        square = ((mu[:, None] - self.mean).square() + logvar.exp()[:, None]) / variance + variance.log()
        of_component = 0.5 * square.sum(2) + log_r - self.logits.log_softmax(0)
        return (log_r.exp() * of_component).sum(1) - 0.5 * (1 + logvar).sum(1)

    @torch.no_grad()
    def start_from(self, z: np.ndarray, seed: int) -> None:
        """Take the parameters that expectation maximisation finds for ``z`` (n, n_latent)."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(len(self.logits), covariance_type="diag", reg_covar=1e-3, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a start need not have converged
            mixture.fit(z)
        # no component may start without cells: its log share would be minus infinity
        self.logits.copy_(torch.from_numpy(mixture.weights_).clamp(min=1e-6).log())
        self.mean.copy_(torch.from_numpy(mixture.means_))
        variance = torch.from_numpy(mixture.covariances_) - _LEAST_VARIANCE
        self.raw_variance.copy_(inverse_softplus(variance))
