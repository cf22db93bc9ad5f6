import numpy as np
from scipy.stats import binom, chisquare

from scbasset_tl.stats.perturb import redraw, thin


def test_thinning_is_binomial(rng):
    kept = thin(np.full(20_000, 6, dtype=np.float32), 0.3, rng)
    assert kept.dtype == np.float32
    found = np.bincount(kept.astype(int), minlength=7)
    assert chisquare(found, 20_000 * binom.pmf(np.arange(7), 6, 0.3)).pvalue > 1e-4
    np.testing.assert_array_equal(thin(np.arange(9), 1.0, rng), np.arange(9))


def test_redrawn_rows_keep_their_number_and_nothing_else(rng):
    counts = np.array([0, 3, 10, 5])
    indptr, indices = redraw(counts, 10, rng)
    rows = np.split(indices, indptr[1:-1])
    assert [len(set(row)) for row in rows] == counts.tolist()
    assert all((np.diff(row) > 0).all() for row in rows)
    assert indices.dtype == np.int32
    _, many = redraw(np.full(4000, 3), 10, rng)
    assert chisquare(np.bincount(many, minlength=10)).pvalue > 1e-4
