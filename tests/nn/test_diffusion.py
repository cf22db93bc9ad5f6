"""Noising against a recursion over single steps, and sampling where the answer is known."""

import numpy as np
import pytest
import torch

from scbasset_tl.nn.diffusion import Schedule, ddim, make_schedule


@pytest.fixture(params=["linear", "cosine"])
def schedule(request):
    return make_schedule(request.param)


def test_the_linear_schedule_is_the_product_of_its_rates():
    kept, expected = 1.0, []
    for step in range(1000):
        kept *= 1 - (1e-4 + (0.02 - 1e-4) * step / 999)
        expected.append(kept)
    np.testing.assert_allclose(make_schedule("linear").alpha_bar.numpy(), expected, rtol=1e-10)


def test_the_cosine_schedule_is_the_squared_cosine():
    step = np.arange(1, 1001) / 1000
    expected = (np.cos((step + 0.008) / 1.008 * np.pi / 2) / np.cos(0.008 / 1.008 * np.pi / 2)) ** 2
    # but for the last steps, whose rates are bounded
    np.testing.assert_allclose(make_schedule("cosine").alpha_bar[:990].numpy(), expected[:990], rtol=1e-4)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_schedules_of_other_lengths_end_alike(kind):
    short, long = make_schedule(kind, 100), make_schedule(kind, 1000)
    assert len(short) == 100
    assert (short.alpha_bar.diff() < 0).all()
    assert short.alpha_bar[-1] < 1e-3
    assert short.alpha_bar[49].item() == pytest.approx(long.alpha_bar[499].item(), abs=0.01)


def test_noised_has_the_mean_and_variance_of_single_steps(schedule):
    mean, variance = np.float64(1), np.float64(0)
    alpha = np.diff(np.log(np.concatenate([[1.0], schedule.alpha_bar.numpy()])))
    x0, noise = torch.tensor([[2.0]]).double(), torch.tensor([[1.0]]).double()
    for t, rate in enumerate(np.exp(alpha)):
        mean, variance = np.sqrt(rate) * mean, rate * variance + 1 - rate
        if t in (0, 10, 500, 999):
            found = schedule.noised(x0, torch.tensor([t]), noise).item()
            assert found == pytest.approx(2 * mean + np.sqrt(variance), rel=1e-9)


def posterior_mean(schedule, mean, variance):
    def predict(x, t):
        kept = schedule.at(t, x)
        gain = variance * kept.sqrt() / (kept * variance + 1 - kept)
        return mean + gain * (x - kept.sqrt() * mean)

    return predict


@pytest.mark.parametrize(("n_steps", "tolerance"), [(20, 0.05), (50, 0.012)])
def test_the_posterior_mean_of_a_gaussian_gives_that_gaussian(schedule, n_steps, tolerance):
    mean, variance = torch.tensor([1.5, -2.0]).double(), torch.tensor([0.25, 2.0]).double()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 2, generator=generator, dtype=torch.float64)
    x = (x - x.mean(0)) / x.std(0)
    predict = posterior_mean(schedule, mean, variance)
    found = ddim(predict, x, schedule, n_steps=n_steps)
    np.testing.assert_allclose(found.mean(0), mean, atol=0.02)
    np.testing.assert_allclose(found.std(0), variance.sqrt(), rtol=tolerance)


def test_sampling_from_a_time_between_visits_no_later_one():
    schedule, seen = make_schedule("linear"), []

    def predict(x, t):
        seen.append(int(t[0]))
        return x

    ddim(predict, torch.zeros(2, 3), schedule, n_steps=5, start=3)
    assert seen == [3, 2, 1, 0]


def test_without_noise_the_answer_is_the_last_prediction():
    schedule = Schedule(torch.tensor([0.9, 0.5]).double())
    found = ddim(lambda x, t: torch.full_like(x, 3.0), torch.randn(4, 2), schedule, n_steps=2)
    np.testing.assert_array_equal(found, 3.0)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="schedule must be one of"):
        make_schedule("quadratic")
