import numpy as np
import pytest
from scipy import sparse

from scbasset_tl.stats.deviations import background_peaks, deviations


def test_deviations_are_chromvars(rng):
    """Straight from the formulas of its paper, one motif, cell and background set at a time."""
    counts = rng.poisson(0.6, (30, 6)).astype(float)
    counts[0, 0] += 1
    has_motif = rng.random((30, 3)) < 0.4
    background = rng.integers(0, 30, (30, 7))
    expected_share = counts.sum(1) / counts.sum()

    def raw(peaks, cell):
        expected = sum(expected_share[peak] * counts[:, cell].sum() for peak in peaks)
        return (sum(counts[peak, cell] for peak in peaks) - expected) / expected

    expected = np.empty((6, 3))
    for motif in range(3):
        mine = np.flatnonzero(has_motif[:, motif])
        for cell in range(6):
            sampled = [raw(background[mine, each], cell) for each in range(7)]
            expected[cell, motif] = (raw(mine, cell) - np.mean(sampled)) / np.std(sampled, ddof=1)
    found = deviations(sparse.csr_matrix(counts), sparse.csr_matrix(has_motif.astype(float)), background)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_motif_that_no_peak_has_is_nan(rng):
    counts = sparse.csr_matrix(rng.poisson(1.0, (20, 4)).astype(float))
    has_motif = sparse.csr_matrix(np.stack([np.zeros(20), np.ones(20) * (np.arange(20) < 9)], axis=1))
    found = deviations(counts, has_motif, rng.integers(0, 20, (20, 5)))
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1]).all()


def test_background_peaks_are_drawn_with_chromvars_chances(rng):
    n = 40
    gc, depth = rng.uniform(0.3, 0.7, n), rng.integers(5, 200, n)
    drawn = background_peaks(gc, depth, 20000, rng)
    traits = np.stack([np.log10(depth), gc])
    whitened = np.linalg.inv(np.linalg.cholesky(np.cov(traits))) @ traits
    low, high = whitened.min(1), whitened.max(1)
    grids = [np.linspace(low[axis], high[axis], 50) for axis in range(2)]
    bins = [tuple(int(np.abs(grids[axis] - whitened[axis, peak]).argmin()) for axis in range(2)) for peak in range(n)]
    for peak in (0, 7, 23):
        weight = np.array(
            [
                np.exp(-50 * sum((grids[a][bins[peak][a]] - grids[a][bins[other][a]]) ** 2 for a in range(2)))
                / bins.count(bins[other])
                for other in range(n)
            ]
        )
        share = np.bincount(drawn[peak], minlength=n) / drawn.shape[1]
        np.testing.assert_allclose(share, weight / weight.sum(), atol=0.02)


@pytest.mark.parametrize("flat", ["gc", "depth", "both"])
def test_peaks_that_are_all_alike(rng, flat):
    gc = np.full(30, 0.5) if flat != "depth" else rng.uniform(0.3, 0.7, 30)
    depth = np.full(30, 12) if flat != "gc" else rng.integers(5, 200, 30)
    drawn = background_peaks(gc, depth, 4, rng)
    assert drawn.shape == (30, 4)
    assert ((drawn >= 0) & (drawn < 30)).all()
    if flat == "both":
        assert len(np.unique(drawn)) > 10
