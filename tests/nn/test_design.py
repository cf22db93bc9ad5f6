"""Greedy design against a search that evaluates every edit as a whole sequence, in float64."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.design import LEAST_GAIN, Moves, Objective, design
from scbasset_tl.nn.trunk import Trunk, TrunkConfig


@pytest.fixture
def trunk(rng):
    trunk = Trunk(TrunkConfig.of_width(8, seq_len=192, n_latent=5), torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for norm in [*(block.norm for block in trunk.blocks), trunk.dense_norm]:
            for values, low, high in (
                (norm.running_mean, -0.2, 0.2),
                (norm.running_var, 0.5, 2),
                (norm.bias, -0.5, 0.5),
            ):
                values.copy_(torch.from_numpy(rng.uniform(low, high, len(values))))
    return trunk


@pytest.fixture
def vectors(rng):
    return rng.normal(size=(4, 5)).astype(np.float32)


@pytest.fixture
def codes(rng):
    return rng.integers(0, 4, (10, 192), dtype=np.uint8)  # more than are kept at once


ANY = Moves((0, 192), (0, 192))


def whole(trunk, codes, vectors):
    """Logits of whole sequences, both strands, float64."""
    trunk = deepcopy(trunk).double()
    with torch.no_grad():
        both = [trunk(one_hot(torch.tensor(part)).double()).numpy() for part in (codes, (3 - codes)[:, ::-1].copy())]
    return np.mean(both, axis=0) @ vectors.T.astype(float)


def scores(logits, objective):
    others = np.delete(logits, objective.target, axis=1)
    off = others.max(1) if objective.highest else others.mean(1)
    return logits[:, objective.target] - objective.penalty * off


def applied(start, steps):
    """The sequence after each step, and that what a step says stood there did so."""
    row, found = start.copy(), [start.copy()]
    for step in steps:
        place = slice(step.start, step.start + len(step.new))
        np.testing.assert_array_equal(row[place], step.old)
        row[place] = step.new
        found.append(row.copy())
    return np.array(found)


@pytest.mark.parametrize(("highest", "penalty"), [(True, 1.0), (False, 1.0), (True, 0.0), (False, 2.5)])
def test_every_step_is_the_best_of_all_substitutions(trunk, vectors, codes, highest, penalty):
    objective = Objective(vectors, 2, penalty, highest)
    (course,) = design(trunk, codes[:1], objective, ANY, n_rounds=3, rng=np.random.default_rng(0))
    after = applied(codes[0], course.steps)
    assert len(after) == 4
    np.testing.assert_array_equal(after[-1], course.codes)
    for number, row in enumerate(after[:-1]):
        mutants = np.tile(row, (192, 4, 1))
        for base in range(4):
            mutants[np.arange(192), base, np.arange(192)] = base
        best = scores(whole(trunk, mutants.reshape(-1, 192), vectors), objective).max()
        made = scores(whole(trunk, after[number + 1 :][:1], vectors), objective)[0]
        assert made == pytest.approx(best, abs=1e-5)


def test_reported_logits_are_those_of_whole_sequences_and_rise(trunk, vectors, codes):
    objective = Objective(vectors, 0)
    patches = [codes[0, :7], codes[1, :12]]
    courses = design(
        trunk, codes, objective, Moves((20, 170), (0, 192), patches), n_rounds=4, rng=np.random.default_rng(1)
    )
    assert any(step.patch >= 0 for course in courses for step in course.steps)
    for start, course in zip(codes, courses, strict=True):
        after = applied(start, course.steps)
        np.testing.assert_array_equal(after[-1], course.codes)
        np.testing.assert_array_equal(after[-1][:20], start[:20])
        np.testing.assert_array_equal(after[-1][170:], start[170:])
        logits = np.array(course.logits)
        np.testing.assert_allclose(logits, whole(trunk, after, vectors), rtol=0, atol=1e-5)
        assert (np.diff(scores(logits, objective)) > 0.9 * LEAST_GAIN).all()
        for step in course.steps:
            if step.patch >= 0:
                np.testing.assert_array_equal(step.new, patches[step.patch])


def test_a_patch_is_put_where_it_is_best(trunk, vectors, codes):
    objective, patch = Objective(vectors, 1), codes[3, 50:70]
    moves = Moves((30, 90), (0, 192), [patch], n_places=100)
    (course,) = design(trunk, codes[:1], objective, moves, n_rounds=1, rng=np.random.default_rng(0))
    placed = np.tile(codes[0], (41, 1))
    for row, start in enumerate(range(30, 71)):
        placed[row, start : start + 20] = patch
    of_patches = scores(whole(trunk, placed, vectors), objective)
    mutants = np.tile(codes[0], (60, 4, 1))
    for base in range(4):
        mutants[np.arange(60), base, np.arange(30, 90)] = base
    of_bases = scores(whole(trunk, mutants.reshape(-1, 192), vectors), objective)
    made = scores(np.array(course.logits)[-1:], objective)[0]
    assert made == pytest.approx(max(of_patches.max(), of_bases.max()), abs=1e-5)
    if of_patches.max() > of_bases.max():
        assert course.steps[0].start == 30 + of_patches.argmax()


def test_gc_stays_in_range(trunk, vectors, codes):
    gc = (np.isin(codes, [1, 2])).sum(1)
    narrow = Moves((0, 192), (int(gc[0]), int(gc[0]) + 1), [codes[5, :20]])
    (course,) = design(trunk, codes[:1], Objective(vectors, 0), narrow, n_rounds=8, rng=np.random.default_rng(0))
    counts = np.isin(applied(codes[0], course.steps), [1, 2]).sum(1)
    assert set(counts) <= {gc[0], gc[0] + 1}
    free = design(trunk, codes[:1], Objective(vectors, 0), ANY, n_rounds=8, rng=np.random.default_rng(0))
    assert (
        scores(np.array(free[0].logits), Objective(vectors, 0))[-1]
        >= scores(np.array(course.logits), Objective(vectors, 0))[-1]
    )


def test_it_ends_when_nothing_gains_and_ticks_every_round(trunk, vectors, codes):
    ticks = []
    moves = Moves((90, 93), (0, 192))
    courses = design(
        trunk, codes, Objective(vectors, 0), moves, n_rounds=30, rng=np.random.default_rng(0), tick=ticks.append
    )
    assert sum(ticks) == 300
    assert max(len(course.steps) for course in courses) < 30
    for course in courses:
        rest = design(trunk, course.codes[None], Objective(vectors, 0), moves, n_rounds=1, rng=np.random.default_rng(0))
        assert rest[0].steps == []


def test_the_same_seed_gives_the_same_and_the_others_do_not_matter(trunk, vectors, codes):
    objective, moves = Objective(vectors, 0), Moves((0, 192), (0, 192), [codes[0, :9]], n_places=3)
    one, again = (design(trunk, codes, objective, moves, n_rounds=3, rng=np.random.default_rng(4)) for _ in range(2))
    for first, second in zip(one, again, strict=True):
        np.testing.assert_array_equal(first.codes, second.codes)
    fewer = design(trunk, codes[:3], objective, moves, n_rounds=3, rng=np.random.default_rng(4))
    for first, second in zip(one, fewer, strict=False):
        np.testing.assert_array_equal(first.codes, second.codes)


def test_a_wide_beam_finds_the_best_of_all_pairs_of_edits(trunk, vectors, codes):
    """Among all sequences of at most two substitutions in four bases, one of which gains by itself, evaluated whole."""
    objective, moves = Objective(vectors, 1), Moves((90, 94), (0, 192))
    every = np.stack(np.meshgrid(*[np.arange(4)] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    for start in codes[:4]:
        edits = (every != start[90:94]).sum(axis=1)
        all_of_them = np.repeat(start[None], len(every), axis=0)
        all_of_them[:, 90:94] = every
        score = scores(whole(trunk, all_of_them, vectors), objective)
        gains = (edits == 1) & (score > score[edits == 0] + LEAST_GAIN + 1e-5)
        near = (every[:, None] != every[gains]).sum(axis=2).min(axis=1, initial=4) <= 1
        expected = score[(edits == 0) | gains | ((edits == 2) & near)].max()
        (course,) = design(trunk, start[None], objective, moves, n_rounds=2, rng=np.random.default_rng(0), beam=12)
        np.testing.assert_array_equal(applied(start, course.steps)[-1], course.codes)
        logits = whole(trunk, applied(start, course.steps), vectors)
        np.testing.assert_allclose(np.array(course.logits), logits, atol=1e-4)
        # a second edit that adds less than the least gain is not made
        reached = scores(logits[-1:], objective)[0]
        assert expected - 2 * LEAST_GAIN - 1e-4 <= reached <= score[edits <= 2].max() + 1e-4


def test_a_beam_ticks_every_round(trunk, vectors, codes):
    ticks = []
    call = {"n_rounds": 3, "rng": np.random.default_rng(0), "beam": 3, "tick": ticks.append}
    courses = design(trunk, codes, Objective(vectors, 1), Moves((90, 100), (0, 192)), **call)
    assert sum(ticks) == 30
    assert len(courses) == len(codes)
