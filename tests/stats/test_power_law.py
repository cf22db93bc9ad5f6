import numpy as np
import pytest

from scbasset_tl.stats.power_law import PowerLaw, fit_power_law


@pytest.mark.parametrize("law", [PowerLaw(0.8, 1.5, 0.5), PowerLaw(0.9, 3.0, 0.9), PowerLaw(0.7, 0.4, 0.2)])
def test_exact_curves_are_found(law):
    n = np.array([50, 100, 200, 400, 800])
    found = fit_power_law(n, law.at(n))
    np.testing.assert_allclose(found, law, rtol=1e-6)
    assert found.at(1600) == pytest.approx(law.at(1600))


def test_it_is_the_least_squared_distance(rng):
    from scipy.optimize import curve_fit

    n = np.array([40.0, 80, 160, 320, 640, 1280])
    score = 0.8 - 1.2 * n**-0.6 + 0.002 * rng.normal(size=6)
    found = fit_power_law(n, score)
    best, _ = curve_fit(lambda x, a, b, c: a - b * x**-c, n, score, p0=found)
    ours, theirs = (np.square(score - PowerLaw(*law).at(n)).sum() for law in (found, best))
    assert theirs <= ours < 1.05 * theirs  # exponents are tried in steps


def test_few_sizes_have_the_usual_exponent_and_falling_scores_no_gain():
    assert fit_power_law([100, 400], [0.6, 0.7]).exponent == 0.5
    np.testing.assert_allclose(fit_power_law([100, 400], [0.6, 0.7]), (0.8, 2.0, 0.5))
    falling = fit_power_law([10, 20, 40, 80], [0.7, 0.69, 0.68, 0.67])
    assert falling.gain == 0
    assert falling.limit == pytest.approx(0.685)
