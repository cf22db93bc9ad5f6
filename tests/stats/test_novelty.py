"""The held-out gain against its definition, and the share of cells that fall below the limit."""

import numpy as np
import pytest

from scbasset_tl.stats.logistic import fit_cells
from scbasset_tl.stats.novelty import depths_like, held_out_gain, low_gain, thinned
from scbasset_tl.stats.open_entries import OpenEntries


def entries_of(dense):
    return OpenEntries(
        np.concatenate([[0], np.cumsum(dense.sum(axis=1))]), np.nonzero(dense)[1].astype(np.int32), dense.shape[1]
    )


def draw(peaks, n_cells, rng):
    weight, bias = rng.normal(size=(n_cells, peaks.shape[1])), rng.normal(-2.5, 0.7, n_cells)
    return rng.random((len(peaks), n_cells)) < 1 / (1 + np.exp(-(peaks @ weight.T + bias)))


def test_gain_is_the_log_likelihood_over_that_of_the_density(rng):
    peaks = rng.normal(size=(60, 2))
    dense = draw(peaks, 5, rng)
    gain = held_out_gain(peaks, entries_of(dense), l2=1.0, rng=np.random.default_rng(3))
    first = np.random.default_rng(3).permutation(60) < 30
    for cell in range(5):
        total = 0.0
        for fitted in (first, ~first):
            fit = fit_cells(peaks[fitted], entries_of(dense[fitted]), l2=1.0)
            opened = dense[~fitted, cell]
            chance = 1 / (1 + np.exp(-(peaks[~fitted] @ fit.weight[cell] + fit.bias[cell])))
            total += np.log(np.where(opened, chance, 1 - chance)).sum()
            total -= np.log(np.where(opened, opened.mean(), 1 - opened.mean())).sum()
        assert gain[cell] == pytest.approx(total / dense[:, cell].sum(), rel=1e-6)


def test_five_percent_of_known_cells_and_nearly_all_shuffled_ones(rng):
    peaks = rng.normal(size=(800, 4))
    dense = draw(peaks, 700, rng)
    known, new = entries_of(dense[:, :300]), entries_of(dense[:, 300:])
    strange = entries_of(rng.permuted(dense[:, 300:], axis=0))
    gains = [held_out_gain(peaks, entries, l2=1.0, rng=rng) for entries in (known, new, strange)]
    depths = [entries.cell_counts() for entries in (known, new, strange)]
    flagged = low_gain(gains[1], depths[1], gains[0], depths[0], share=0.05)
    assert 0.01 < flagged.mean() < 0.1
    assert low_gain(gains[2], depths[2], gains[0], depths[0], share=0.05).mean() > 0.95


def test_thinned_cells_keep_a_random_part_of_their_peaks(rng):
    dense = rng.random((500, 40)) < 0.4
    entries = entries_of(dense)
    n_open = np.where(np.arange(40) < 20, 50, 10**6)
    less = thinned(entries, n_open, rng).dense()
    assert not (less & ~dense).any()
    np.testing.assert_array_equal(less[:, 20:], dense[:, 20:])
    assert 45 < less[:, :20].sum(axis=0).mean() < 55


def test_depths_are_matched_by_rank():
    np.testing.assert_allclose(depths_like(np.array([5, 900, 30]), np.array([1, 2, 3])), [1 + 1 / 3, 2 + 2 / 3, 2])
