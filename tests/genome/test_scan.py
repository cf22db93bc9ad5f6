import itertools

import numpy as np
import pytest

from scbasset_tl.genome import encode, reverse_complement
from scbasset_tl.genome.scan import BACKGROUND, log_odds, scan


@pytest.fixture
def pwms(rng):
    return [rng.dirichlet(np.full(4, 0.3), width) for width in (6, 9, 14)]


def naive_bits(pwm, background):
    """Log-odds in float64, as FIMO defines them, before they are rounded to steps."""
    background = np.asarray(background)
    return np.log2((pwm + 0.1 * background) / 1.1 / background)


def naive_scan(pwms, codes, p_value, background):
    """Every window on both strands, with the rounded steps, one at a time."""
    found = {}
    for number, pwm in enumerate(pwms):
        table = log_odds(pwm, background)
        for row, sequence in enumerate(codes):
            for start in range(len(sequence) - len(pwm) + 1):
                window = sequence[start : start + len(pwm)]
                if (window > 3).any():
                    continue
                for reverse in (False, True):
                    read = reverse_complement(window) if reverse else window
                    chance = table.tail[sum(steps[base] for steps, base in zip(table.steps, read, strict=True))]
                    if chance <= p_value:
                        score = naive_bits(pwm, background)[np.arange(len(pwm)), read].sum()
                        found[row, start, number, reverse] = (score, chance)
    return found


def test_log_odds_are_those_of_all_sequences(rng):
    pwm, background = rng.dirichlet(np.ones(4), 4), np.array([0.3, 0.2, 0.2, 0.3])
    table = log_odds(pwm, background)
    words = np.array(list(itertools.product(range(4), repeat=4)))
    sums = table.steps[np.arange(4), words].sum(1)
    chance = background[words].prod(1)
    for total in np.unique(sums):
        assert table.tail[total] == pytest.approx(chance[sums >= total].sum(), rel=1e-12)
    exact = naive_bits(pwm, background)[np.arange(4), words].sum(1)
    np.testing.assert_allclose(table.bits(sums), exact, atol=4 * 0.5 / table.per_bit)


@pytest.mark.parametrize("background", [BACKGROUND, (0.32, 0.18, 0.18, 0.32)])
def test_scan_finds_what_naive_code_finds(rng, pwms, background):
    codes = rng.choice(5, (12, 600), p=[0.3, 0.2, 0.2, 0.29, 0.01]).astype(np.uint8)
    hits = scan(pwms, codes, p_value=1e-3, background=background)
    expected = naive_scan(pwms, codes, 1e-3, background)
    keys = list(zip(hits.sequence, hits.start, hits.motif, hits.reverse, strict=True))
    assert len(expected) > 20
    assert keys == sorted(expected)
    scores, chances = np.array([expected[key] for key in keys]).T
    np.testing.assert_allclose(hits.score, scores, atol=14 * 0.5 / 100)
    np.testing.assert_allclose(hits.p_value, chances, rtol=1e-12)


def test_the_two_frequencies_of_a_pair_are_averaged(rng, pwms):
    codes = rng.integers(0, 4, (3, 300), dtype=np.uint8)
    hits, same = (
        scan(pwms, codes, p_value=1e-2, background=frequencies)
        for frequencies in ((0.4, 0.1, 0.3, 0.2), (0.3, 0.2, 0.2, 0.3))
    )
    for one, other in zip(hits, same, strict=True):
        np.testing.assert_allclose(one, other)


def test_p_values_are_calibrated_on_background_dna(rng, pwms):
    codes = rng.choice(4, (40, 2000), p=BACKGROUND).astype(np.uint8)
    hits = scan(pwms, codes, p_value=1e-2)
    for number, pwm in enumerate(pwms):
        n_windows = 2 * len(codes) * (codes.shape[1] - len(pwm) + 1)
        share = (hits.motif == number).sum() / n_windows
        attained = log_odds(pwm).tail
        attained = attained[attained <= 1e-2].max()
        assert share == pytest.approx(attained, rel=0.15)


def test_memelite_finds_the_same_hits(rng, pwms):
    """An implementation of another's: uniform background, its own bins, so that hits at the threshold may differ."""
    from memelite import fimo

    codes = rng.integers(0, 4, (20, 500), dtype=np.uint8)
    hits = scan(pwms, codes, p_value=1e-3, background=[0.25] * 4)
    probabilities = {str(number): ((pwm + 0.025) / 1.1).T for number, pwm in enumerate(pwms)}
    one_hot = np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1)
    tables = fimo(probabilities, one_hot, threshold=1e-3, eps=0, bin_size=0.01)
    theirs = {
        (row.sequence_name, row.start, number, row.strand == "-"): row.score
        for number, table in enumerate(tables)
        for row in table.itertuples()
    }
    mine = dict(zip(zip(hits.sequence, hits.start, hits.motif, hits.reverse, strict=True), hits.score, strict=True))
    both = theirs.keys() & mine.keys()
    assert len(both) > 50
    assert all(abs(theirs[key] - mine[key]) < 0.07 for key in both)
    lowest = [min(score for key, score in mine.items() if key[2] == number) for number in range(len(pwms))]
    for key in theirs.keys() ^ mine.keys():
        assert abs({**theirs, **mine}[key] - lowest[key[2]]) < 0.1


def test_a_p_value_that_no_sequence_reaches_and_a_sequence_too_short():
    gata = np.eye(4)[encode("AGATAA")]
    assert len(scan([gata], encode("AGATAAAGATAA")[None], p_value=1e-9).start) == 0
    assert len(scan([gata], encode("AGAT")[None], p_value=0.1).start) == 0


def test_the_number_of_threads_changes_nothing(rng, pwms, monkeypatch):
    import numba

    codes = rng.integers(0, 4, (40, 600), dtype=np.uint8)
    results = []
    for threads in (1, 3):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        results.append(scan(pwms, codes, p_value=1e-3))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
