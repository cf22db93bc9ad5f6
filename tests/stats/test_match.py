import numpy as np
import pytest
from scipy.stats import kstest

from scbasset_tl.stats.match import match_hits


@pytest.fixture
def window(rng):
    """Importances (L, 4, 2) whose rows sum to 0, codes without N, and PWMs where they lie."""
    importance = rng.normal(size=(40, 4, 2))
    importance -= importance.mean(1, keepdims=True)
    pwms = [rng.dirichlet(np.ones(4), width) for width in (5, 8, 5)]
    return importance, rng.integers(0, 4, 40).astype(np.uint8), pwms, np.array([0, 17, 35])


def test_scores_are_the_dot_product_and_the_correlation(window):
    importance, codes, pwms, starts = window
    match = match_hits(importance, codes, pwms, starts)
    for hit, (pwm, start) in enumerate(zip(pwms, starts, strict=True)):
        for output in range(2):
            block = importance[start : start + len(pwm), :, output]
            assert match.dot[hit, output] == pytest.approx((pwm * block).sum(), rel=1e-12)
            assert match.pearson[hit, output] == pytest.approx(np.corrcoef(pwm.ravel(), block.ravel())[0, 1], rel=1e-10)


def test_p_values_are_ranks_among_all_rotations_of_the_importances(window):
    importance, codes, pwms, starts = window
    match = match_hits(importance, codes, pwms, starts)
    length = len(codes)
    for hit, (pwm, start) in enumerate(zip(pwms, starts, strict=True)):
        for output in range(2):
            dots, cosines = [], []
            for shift in range(length):
                block = np.empty((len(pwm), 4))
                for position in range(len(pwm)):
                    to, source = start + position, (start + position + shift) % length
                    for base in range(4):
                        # as far from the base that is there as it was at the source
                        away = (base - int(codes[to])) % 4
                        block[position, base] = importance[source, (int(codes[source]) + away) % 4, output]
                dots.append(abs((pwm * block).sum()))
                cosines.append(abs(np.corrcoef(pwm.ravel(), block.ravel())[0, 1]))
            assert match.p_dot[hit, output] == np.mean(np.array(dots) >= dots[0] * (1 - 1e-9))
            assert match.p_pearson[hit, output] == np.mean(np.array(cosines) >= cosines[0] * (1 - 1e-9))


@pytest.mark.parametrize("bias", [0.0, 2.0])
def test_p_values_are_uniform_on_random_importances(rng, bias):
    """Even where the base that is there tends to matter more than others, which every hit would otherwise profit by."""
    p_dot, p_pearson = [], []
    pwm = np.full((8, 4), 0.05) + 0.8 * np.eye(4)[rng.integers(0, 4, 8)]
    for _ in range(400):
        codes = rng.integers(0, 4, 60).astype(np.uint8)
        start = int(rng.integers(0, 52))
        codes[start : start + 8] = pwm.argmax(1)
        importance = rng.normal(size=(60, 4, 1)) * rng.exponential(size=(60, 1, 1))
        importance[np.arange(60), codes] += bias
        importance -= importance.mean(1, keepdims=True)
        match = match_hits(importance, codes, [pwm], np.array([start]))
        p_dot.append(match.p_dot[0, 0])
        p_pearson.append(match.p_pearson[0, 0])
    for values in (p_dot, p_pearson):
        assert kstest(values, "uniform").pvalue > 1e-3
        assert np.mean(np.array(values) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_a_used_site_is_found_and_a_repressed_one_too(rng):
    pwm = np.full((8, 4), 0.05) + 0.8 * np.eye(4)[rng.integers(0, 4, 8)]
    codes = rng.integers(0, 4, 100).astype(np.uint8)
    codes[30:38] = pwm.argmax(1)
    importance = 0.1 * rng.normal(size=(100, 4, 2))
    importance[30:38, :, 0] += pwm
    importance[30:38, :, 1] -= pwm
    importance -= importance.mean(1, keepdims=True)
    match = match_hits(importance, codes, [pwm], np.array([30]))
    np.testing.assert_allclose(match.p_dot, 1 / 100)
    assert match.pearson[0, 0] > 0.8
    assert match.pearson[0, 1] < -0.8


def test_unknown_bases_and_flat_motifs_count_nothing(window):
    importance, codes, pwms, starts = window
    unknown = codes.copy()
    unknown[25:30] = 4
    changed = importance.copy()
    changed[25:30] = 1e6
    one, other = (match_hits(values, unknown, pwms, starts) for values in (importance, changed))
    np.testing.assert_array_equal(one.p_dot, other.p_dot)
    flat = match_hits(importance, codes, [np.full((5, 4), 0.25)], np.array([3]))
    np.testing.assert_allclose(flat.dot, 0, atol=1e-12)
    np.testing.assert_array_equal(flat.p_pearson, 1)


def test_no_hits(window):
    importance, codes, _, _ = window
    assert match_hits(importance, codes, [], np.array([], dtype=int)).dot.shape == (0, 2)
