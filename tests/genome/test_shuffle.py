import subprocess
import sys
from collections import Counter
from itertools import permutations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scbasset_tl.genome import decode, dinucleotide_shuffle, encode


def pairs(sequence):
    return Counter(zip(sequence[:-1], sequence[1:], strict=True))


def every_shuffle(sequence):
    """All sequences with the same ends and the same dinucleotides, by trying every order of the letters between."""
    inner = set(permutations(sequence[1:-1]))
    every = (sequence[0] + "".join(letters) + sequence[-1] for letters in inner)
    return sorted(other for other in every if pairs(other) == pairs(sequence))


@settings(max_examples=200, deadline=None)
@given(st.text("ACGTN", max_size=60), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_dinucleotides_ends_and_n_stay(sequence, n, seed):
    shuffles = dinucleotide_shuffle(encode(sequence), n=n, rng=seed)
    assert shuffles.shape == (n, len(sequence))
    for other in map(decode, shuffles):
        assert pairs(other) == pairs(sequence)
        assert [i for i, letter in enumerate(other) if letter == "N"] == [
            i for i, letter in enumerate(sequence) if letter == "N"
        ]
        for run, shuffled in zip(sequence.split("N"), other.split("N"), strict=True):
            assert pairs(run) == pairs(shuffled)
            assert (run[:1], run[-1:]) == (shuffled[:1], shuffled[-1:])


@pytest.mark.parametrize("sequence", ["ACAGATACC", "AACCAACA", "ACGTACTGA", "CATGATTGCA", "GATAGATCGG"])
def test_every_euler_path_is_equally_likely(sequence):
    every = every_shuffle(sequence)
    assert len(every) > 3
    shuffles = dinucleotide_shuffle(np.tile(encode(sequence), (200, 1)), n=100)
    counts = Counter(decode(shuffles.reshape(20_000, -1)).tolist())
    assert set(counts) == set(every)
    assert stats.chisquare([counts[other] for other in every]).pvalue > 1e-3


def test_runs_between_n_are_shuffled_independently():
    counts = Counter(decode(dinucleotide_shuffle(encode("ACAGATANACAGATA"), n=20_000)).tolist())
    run = every_shuffle("ACAGATA")
    together = [f"{left}N{right}" for left in run for right in run]
    assert set(counts) == set(together)
    assert stats.chisquare([counts[other] for other in together]).pvalue > 1e-3


def test_as_far_from_the_sequence_as_tangermeme(rng):
    import torch
    from tangermeme.ersatz import dinucleotide_shuffle as theirs

    codes = rng.choice(4, (40, 300), p=[0.4, 0.1, 0.2, 0.3]).astype(np.uint8)
    one_hot = torch.from_numpy(np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1).copy())
    other = theirs(one_hot, n=20, random_state=0).argmax(dim=2).numpy()
    ours = dinucleotide_shuffle(codes, n=20)
    # where each base is, beside where it was, and 3-mers, which nothing holds: the mean over all must be that of theirs
    for statistic in (
        lambda s: (s == codes[:, None]).mean(axis=(1, 2)),
        lambda s: (s[..., 2:] == s[..., :-2]).mean(axis=(1, 2)),
    ):
        assert abs(stats.ttest_rel(statistic(ours), statistic(other)).statistic) < 3.5
    for row in range(len(codes)):
        assert pairs(other[row, 0].tolist()) == pairs(ours[row, 0].tolist()) == pairs(codes[row].tolist())


def test_threads_and_other_sequences_change_nothing(rng, monkeypatch):
    codes = rng.integers(0, 5, (60, 1500), dtype=np.uint8)
    expected = dinucleotide_shuffle(codes, n=2, rng=3)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 5)
    np.testing.assert_array_equal(dinucleotide_shuffle(codes, n=2, rng=3), expected)
    np.testing.assert_array_equal(dinucleotide_shuffle(codes[:1], n=2, rng=3)[0], expected[0])
    np.testing.assert_array_equal(dinucleotide_shuffle(codes[0], n=2, rng=3), expected[0])
    assert (dinucleotide_shuffle(codes, n=2, rng=4) != expected).any()


def test_a_generator_goes_on(rng):
    codes = rng.integers(0, 4, 200, dtype=np.uint8)
    assert (dinucleotide_shuffle(codes, rng=rng) != dinucleotide_shuffle(codes, rng=rng)).any()


def test_input_stays_and_other_integers_are_read(rng):
    codes = rng.integers(0, 4, (3, 50))
    before = codes.copy()
    expected = dinucleotide_shuffle(codes.astype(np.uint8))
    np.testing.assert_array_equal(dinucleotide_shuffle(codes), expected)
    np.testing.assert_array_equal(codes, before)
    assert dinucleotide_shuffle(np.empty((0, 7), dtype=np.uint8), n=2).shape == (0, 2, 7)


def test_torch_keeps_its_threads():
    code = """
import numba, numpy as np, torch
from scbasset_tl.genome import dinucleotide_shuffle
numba.config.NUMBA_NUM_THREADS = 2
torch.set_num_threads(1)
dinucleotide_shuffle(np.zeros((100, 1344), dtype=np.uint8))
print(torch.get_num_threads())
try:
    print(numba.threading_layer())
except ValueError:
    print("no pool")
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split("\n")[:2] == ["1", "no pool"]


def test_the_package_loads_numba_only_to_shuffle():
    code = "import sys, scbasset_tl.genome; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
