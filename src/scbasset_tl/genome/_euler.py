"""Random Euler paths through the dinucleotides of a sequence, compiled."""

from __future__ import annotations

import numpy as np

from scbasset_tl._kernel import kernel
from scbasset_tl.genome._draws import below
from scbasset_tl.genome.codes import N_CODE


@kernel(nogil=True)
def shuffle_rows(codes: np.ndarray, seeds: np.ndarray, shuffled: np.ndarray) -> None:
    """Fill ``shuffled`` (B, n, L) with shuffles of ``codes`` (B, L), each from its own of ``seeds`` (B, n) alone."""
    n_rows, seq_len = codes.shape
    following = np.empty(seq_len, dtype=np.uint8)
    shuffled[:] = N_CODE
    for row in range(n_rows):
        end = 0
        while end < seq_len:
            start = end
            while end < seq_len and codes[row, end] != N_CODE:
                end += 1
            if end > start:
                _shuffle_run(codes[row, start:end], following, seeds[row], shuffled[row, :, start:end])
            end += 1


@kernel(nogil=True)
def _shuffle_run(run: np.ndarray, following: np.ndarray, seeds: np.ndarray, shuffled: np.ndarray) -> None:
    """Shuffle one run without N; ``seeds`` move on, so that the next run of the row draws anew."""
    last = run[-1]
    count = np.zeros(4, dtype=np.int64)
    for base in run[:-1]:
        count[base] += 1
    first = np.cumsum(count) - count  # following[first[b] : first[b] + count[b]] is what comes after base b
    place = first.copy()
    for i in range(len(run) - 1):
        following[place[run[i]]] = run[i + 1]
        place[run[i]] += 1

    leave_by = np.empty(4, dtype=np.int64)
    for draw in range(len(seeds)):
        seed = seeds[draw : draw + 1]
        _draw_tree(following, first, count, last, leave_by, seed)
        for base in range(4):
            free = count[base]
            if base != last and free:
                free -= 1
                a, b = leave_by[base], first[base] + free
                following[a], following[b] = following[b], following[a]
            for left in range(free, 1, -1):
                a, b = first[base] + below(seed, left), first[base] + left - 1
                following[a], following[b] = following[b], following[a]
        place[:] = first
        base = run[0]
        shuffled[draw, 0] = base
        for i in range(1, len(run)):
            place[base] += 1
            base = following[place[base] - 1]
            shuffled[draw, i] = base


@kernel(nogil=True)
def _draw_tree(
    following: np.ndarray, first: np.ndarray, count: np.ndarray, last: int, leave_by: np.ndarray, seed: np.ndarray
) -> None:
    """Wilson's algorithm: by which edge each base is left for the last time, uniform over the trees into ``last``."""
    in_tree = count == 0
    in_tree[last] = True
    for start in range(4):
        base = start
        while not in_tree[base]:  # what a loop wrote is overwritten, which erases the loop
            leave_by[base] = first[base] + below(seed, count[base])
            base = following[leave_by[base]]
        base = start
        while not in_tree[base]:
            in_tree[base] = True
            base = following[leave_by[base]]
