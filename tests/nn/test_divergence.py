"""MMD against a double loop and its expectation, InfoNCE against sklearn's log loss."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from scbasset_tl.nn.divergence import info_nce, mmd


def naive_mmd(a, b):
    constants = [2 * a.shape[1] * scale for scale in (0.1, 0.2, 0.5, 1, 2, 5, 10)]

    def kernel(p, q):
        return sum(constant / (constant + ((p - q) ** 2).sum()) for constant in constants)

    def within(sample):
        return np.mean([kernel(p, q) for i, p in enumerate(sample) for j, q in enumerate(sample) if i != j])

    return within(a) + within(b) - 2 * np.mean([kernel(p, q) for p in a for q in b])


def test_mmd_is_the_double_loop(rng):
    a, b = rng.normal(size=(9, 5)), rng.normal(1, 2, (7, 5))
    assert mmd(torch.tensor(a), torch.tensor(b)).item() == pytest.approx(naive_mmd(a, b), rel=1e-10)
    single = mmd(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    assert single.item() == pytest.approx(naive_mmd(a, b), rel=1e-4)


def test_mmd_has_the_gradient_of_finite_differences(rng):
    a, b = (torch.tensor(rng.normal(size=(6, 3)), requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(mmd, (a, b))


def test_mmd_of_equal_laws_is_zero_on_average(rng):
    found = [mmd(*torch.tensor(rng.normal(size=(2, 24, 4)))).item() for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / len(found) ** 0.5
    assert min(found) < 0  # unbiased, so it cannot stay above zero


def test_mmd_of_other_laws_is_positive(rng):
    assert mmd(torch.tensor(rng.normal(size=(100, 4))), torch.tensor(rng.normal(0.5, 1, (100, 4)))).item() > 0.02


def test_info_nce_is_the_log_loss_of_finding_the_own_row(rng):
    a, b = rng.normal(size=(2, 12, 4))
    cosine = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
    odds = np.exp(cosine / 0.1)
    expected = log_loss(np.arange(12), odds / odds.sum(1, keepdims=True))
    assert info_nce(torch.tensor(a), torch.tensor(b)).item() == pytest.approx(expected, rel=1e-10)


def test_info_nce_bounds_the_information(rng):
    a = torch.tensor(rng.normal(size=(64, 8)))
    unrelated = torch.tensor(rng.normal(size=(64, 8)))
    assert 0 <= info_nce(a, a).item() < 0.5 < np.log(64) < info_nce(a, unrelated).item()
