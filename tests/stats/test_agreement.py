import numpy as np
import pytest
from scipy.stats import kruskal, pearsonr, wilcoxon

from scbasset_tl.stats.agreement import column_correlations, group_p_values, signed_rank


def test_correlations_are_those_of_scipy(rng):
    one, other = rng.normal(size=(2, 50, 4))
    other[:, 3] = 0.1
    expected = [pearsonr(one[:, column], other[:, column]).statistic for column in range(3)]
    found = column_correlations(one, other)
    np.testing.assert_allclose(found[:3], expected, rtol=1e-12)
    assert np.isnan(found[3])


def test_group_p_values_are_those_of_scipy(rng):
    values, group = rng.poisson(2.0, (60, 3)).astype(float), np.repeat(["a", "b", "c"], 20)
    values[:, 2] = 4
    expected = [kruskal(*(values[group == level, column] for level in "abc")).pvalue for column in range(2)]
    np.testing.assert_allclose(group_p_values(values, group), [*expected, 1])


def test_signed_rank(rng):
    one, other = rng.normal(size=(2, 20))
    assert signed_rank(one, other, "less") == pytest.approx(wilcoxon(one, other, alternative="less").pvalue)
    assert signed_rank(one, 0.0, "greater") == pytest.approx(wilcoxon(one, alternative="greater").pvalue)
    assert np.isnan(signed_rank(one, one, "greater"))
    assert np.isnan(signed_rank([], [], "greater"))
