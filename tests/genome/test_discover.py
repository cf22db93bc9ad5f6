import sys

import numpy as np
import pytest

from scbasset_tl.genome.discover import Pattern, find_patterns, nearest_motifs, require_modisco


def test_the_core_is_what_contributes(rng):
    contribution = np.zeros((12, 4))
    contribution[4:9, 2] = [0.3, 1, -1, 0.5, 0.31]
    contribution[2, 1] = 0.29
    assert Pattern(True, 5, np.full((12, 4), 0.25), contribution).core() == (4, 9)


def test_patterns_are_named_after_the_nearest_motif_on_either_strand(rng):
    pwms = [rng.dirichlet(np.full(4, 0.1), 10) for _ in range(30)]
    flank = np.full((3, 4), 0.25)
    shapes = [np.concatenate([flank, pwms[7], flank]), np.concatenate([flank, pwms[21][::-1, ::-1], flank])]
    patterns = [Pattern(True, 9, pwm, pwm - 0.25) for pwm in shapes]
    best, p_values = nearest_motifs(patterns, pwms)
    assert best.tolist() == [7, 21]
    assert (p_values < 1e-4).all()


def test_without_modisco_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "modiscolite.tfmodisco", None)
    with pytest.raises(ImportError, match="pip install modisco-lite"):
        require_modisco()


@pytest.mark.slow
def test_planted_words_are_found_with_their_sign(rng):
    pytest.importorskip("modiscolite")
    codes = rng.integers(0, 4, (240, 60)).astype(np.uint8)
    contributions = 0.01 * rng.normal(size=(240, 60, 4))
    words = {1: rng.integers(0, 4, 10), -1: rng.integers(0, 4, 10)}
    for row in range(240):
        sign = 1 if row < 120 else -1
        start = rng.integers(12, 38)
        codes[row, start : start + 10] = words[sign]
        contributions[row, np.arange(start, start + 10), words[sign]] += sign
    contributions -= contributions.mean(2, keepdims=True)
    sizes = {"sliding_window_size": 10, "flank_size": 4, "trim_to_window_size": 10, "initial_flank_to_add": 3}
    patterns = find_patterns(codes, contributions, {**sizes, "min_metacluster_size": 30, "n_leiden_runs": 2})
    assert {pattern.positive for pattern in patterns} == {True, False}
    for positive, sign in ((True, 1), (False, -1)):
        first = next(pattern for pattern in patterns if pattern.positive is positive)
        assert first.n_sites > 80
        core = first.pwm[slice(*first.core())].argmax(1)
        both = [words[sign].tolist(), (3 - words[sign][::-1]).tolist()]
        assert core.tolist() in both
