"""The null of permuted motifs, and the time that is said beforehand."""

import numpy as np
import pytest
import torch

import scbasset_tl as sb
from scbasset_tl.genome.instances import draw_permutations
from scbasset_tl.infer import motif_effects
from scbasset_tl.infer.motif_effects import Ablation, announce, draw_null, effects
from scbasset_tl.nn.trunk import Trunk, TrunkConfig


def pwm(rng, width):
    return rng.dirichlet(np.ones(4), width)


@pytest.fixture
def trunk():
    return Trunk(TrunkConfig.of_width(4, seq_len=192, n_latent=5), torch.Generator().manual_seed(0)).eval()


def test_short_motifs_leave_their_share_to_the_others(rng, capsys):
    pwms = [pwm(rng, 3), np.full((9, 4), 0.25), pwm(rng, 8), pwm(rng, 4), pwm(rng, 8)]
    with sb.settings.override(verbosity=2):
        draws, source = draw_null(pwms, 400, seed=7)
    assert np.bincount(source, minlength=5).tolist() == [5, 0, 186, 23, 186]
    assert capsys.readouterr().err == ""
    assert len({each.tobytes() for each in draws}) == 400
    for number, each in enumerate(pwms):
        mine = [draw for draw, owner in zip(draws, source, strict=True) if owner == number]
        alone = draw_permutations(each, len(mine), seed=7)
        assert all(np.array_equal(*pair) for pair in zip(mine, alone, strict=True))


def test_every_order_is_reached_and_it_is_said_when_there_are_no_more(rng, capsys):
    pwms = [pwm(rng, 3), pwm(rng, 5)]
    with sb.settings.override(verbosity=2):
        draws, _ = draw_null(pwms, 5 + 119, seed=0)
        assert len(draws) == 5 + 119
        assert capsys.readouterr().err == ""
        draws, source = draw_null(pwms, 1000, seed=0)
    assert np.bincount(source).tolist() == [5, 119]
    said = capsys.readouterr().err
    assert "n_null=1,000, but the motifs' columns have 124 other orders" in said
    assert "no p-value is below 0.008" in said
    assert draw_null(pwms, 0, seed=0)[0] == []


def test_no_permutation_counts_twice(rng):
    one, other = pwm(rng, 4), pwm(rng, 5)
    pwms = [one, other, one.copy(), one[[2, 0, 1, 3]]]
    draws, source = draw_null(pwms, 100, seed=0)
    assert len({each.tobytes() for each in draws}) == len(draws) == 100
    assert len(set(source)) == 2
    again, _ = draw_null(pwms[::-1], 100, seed=0)
    assert {each.tobytes() for each in again} == {each.tobytes() for each in draws}


def test_ablation_ticks_as_often_as_is_announced(trunk, rng):
    codes = rng.integers(0, 4, (40, 192), dtype=np.uint8)
    experiment, _ = Ablation.of_peaks(codes, 15, both_strands=True, rng=rng)
    pwms, ticks = [pwm(rng, width) for width in (6, 9, 9)], []
    total = announce(trunk, {"motifs": (experiment, 3)})
    effects(trunk, experiment, pwms, tick=ticks.append)
    assert sum(ticks) == total
    assert ticks[:2] == [15, 30]  # sites of the one motif of 6 bp, and of both of 9 bp


def test_the_time_of_ablation_has_the_search_and_no_more_sequences_than_are_edited(trunk, rng, monkeypatch, capsys):
    """Each reading of the clock is one second after the other."""
    clock = iter(range(1000))
    monkeypatch.setattr(motif_effects, "perf_counter", lambda: float(next(clock)))
    codes = rng.integers(0, 4, (3200, 192), dtype=np.uint8)
    experiment = Ablation(codes, codes, 32, both_strands=True)
    with sb.settings.override(verbosity=2):
        announce(trunk, {"x": (experiment, 2)})
    # 64 edits in a second, 64 sequences kept in a second, 2 motifs in 64 peaks searched in a second
    assert "x: 52 s" in capsys.readouterr().err
