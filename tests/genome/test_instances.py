from itertools import permutations

import numpy as np

from scbasset_tl.genome.instances import count_permutations, draw_instances, draw_permutations, one_of_each_columns
from scbasset_tl.genome.motifs import same_motif


def pwm(rng, width):
    return rng.dirichlet(np.ones(4), width)


def test_instances_follow_the_pwm_and_depend_on_nothing_else(rng):
    matrix = pwm(rng, 7)
    drawn = draw_instances(matrix, 4000, copies=3, seed=5)
    assert drawn.shape == (4000, 3, 7)
    assert drawn.dtype == np.uint8
    share = (drawn[..., None] == np.arange(4)).mean((0, 1))
    np.testing.assert_allclose(share, matrix, atol=0.025)
    np.testing.assert_array_equal(drawn, draw_instances(matrix.copy(), 4000, copies=3, seed=5))
    assert (drawn != draw_instances(matrix, 4000, copies=3, seed=6)).mean() > 0.3


def test_permutations_have_the_columns_of_the_motif_and_are_not_it(rng):
    matrix = pwm(rng, 9)
    found = draw_permutations(matrix, 200, seed=1)
    assert len({each.tobytes() for each in found}) == 200
    for each in found:
        np.testing.assert_array_equal(np.sort(each, axis=0), np.sort(matrix, axis=0))
        assert not same_motif(each, matrix)
    assert all(np.array_equal(*pair) for pair in zip(found, draw_permutations(matrix, 200, seed=1), strict=True))


def test_short_motifs_have_few_permutations(rng):
    assert len(draw_permutations(pwm(rng, 3), 50, seed=0)) == 5
    # ATTA has six orders: one is the motif, and TAAT is the motif on the other strand
    found = draw_permutations(np.eye(4)[[0, 3, 3, 0]], 50, seed=0)
    assert sorted("".join("ACGT"[letter] for letter in each.argmax(1)) for each in found) == [
        "AATT",
        "ATAT",
        "TATA",
        "TTAA",
    ]
    assert draw_permutations(np.eye(4)[[2, 2]], 50, seed=0) == []
    assert draw_permutations(np.array([[1, 0.0, 0, 0], [1, -0.0, 0, 0]]), 50, seed=0) == []
    assert draw_permutations(pwm(rng, 8), 0, seed=0) == []


def test_all_permutations_are_drawn_if_so_many_are_wanted(rng):
    matrix = pwm(rng, 5)
    found = draw_permutations(matrix, 119, seed=0)
    assert len({each.tobytes() for each in found}) == 119
    # those of a smaller number come first
    assert all(np.array_equal(*pair) for pair in zip(found, draw_permutations(matrix, 30, seed=0), strict=False))


def test_permutations_are_counted(rng):
    columns = [*np.eye(4), np.full(4, 0.25), np.array([0.5, 0, 0, 0.5])]
    for width in (1, 2, 3, 4, 5):
        for _ in range(20):
            matrix = np.array([columns[one] for one in rng.integers(0, 6, width)])
            orders = {matrix[list(order)].tobytes() for order in permutations(range(width))}
            known = {matrix.tobytes(), matrix[::-1, ::-1].tobytes()}
            assert count_permutations(matrix) == len(orders - known)


def test_one_motif_for_those_that_have_the_same_columns(rng):
    one, other = pwm(rng, 6), pwm(rng, 6)
    assert one_of_each_columns([one, other, one.copy()]) == [0, 1]
    pair = [one, one[::-1]]
    (chosen,), (again,) = one_of_each_columns(pair), one_of_each_columns(pair[::-1])
    np.testing.assert_array_equal(pair[chosen], pair[::-1][again])
