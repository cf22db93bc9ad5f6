import numpy as np
import pytest

from scbasset_tl.nn.best_sites import best_sites


def naive(codes, scores, n, *, both_strands):
    """The sequences and starts of the highest scores, position by position."""
    with_n = np.hstack([scores, scores.mean(1, keepdims=True)])
    other = np.hstack([scores[::-1, ::-1], scores[::-1].mean(1, keepdims=True)])
    best = []
    for row, sequence in enumerate(codes):
        for start in range(len(sequence) - len(scores) + 1):
            site = sequence[start : start + len(scores)]
            strands = [table[np.arange(len(site)), site].sum() for table in (with_n, other)]
            best.append((max(strands) if both_strands else strands[0], row, start))
    first = {}
    for score, row, start in sorted(best, key=lambda each: (-round(each[0], 4), each[1], each[2])):
        first.setdefault(row, (score, start))
    return [(row, start) for row, (_, start) in list(first.items())[:n]]


@pytest.mark.parametrize("both_strands", [True, False])
def test_best_sites(rng, both_strands):
    codes = rng.integers(0, 5, (70, 40), dtype=np.uint8)
    scores = [rng.normal(size=(width, 4)) for width in (5, 8, 5, 1, 40)]
    ticks = []
    found = best_sites(codes, scores, 20, both_strands=both_strands, tick=ticks.append)
    assert sum(ticks) == len(scores)
    for motif, (rows, starts) in enumerate(found):
        expected = naive(codes, scores[motif], 20, both_strands=both_strands)
        assert list(zip(rows.tolist(), starts.tolist(), strict=True)) == expected


def test_more_motifs_of_one_width_than_fit_into_a_batch(rng):
    codes = rng.integers(0, 4, (5, 30), dtype=np.uint8)
    scores = list(rng.normal(size=(130, 6, 4)))
    together = best_sites(codes, scores, 2)
    for number in (0, 63, 64, 129):
        (alone,) = best_sites(codes, [scores[number]], 2)
        np.testing.assert_array_equal(together[number], alone)
