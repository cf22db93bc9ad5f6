"""Random numbers and motif instances, compiled; each sequence of draws comes from a seed of its own."""

from __future__ import annotations

import numpy as np

from scbasset_tl._kernel import kernel


@kernel(nogil=True)
def sample_rows(bounds: np.ndarray, seed: np.ndarray, codes: np.ndarray) -> None:
    """Fill ``codes`` (n, width) with draws from cumulative probabilities ``bounds`` (width, 4) in units of 2**32."""
    n, width = codes.shape
    for row in range(n):
        for column in range(width):
            draw = below(seed, 1 << 32)
            codes[row, column] = (draw >= bounds[column, 0]) + (draw >= bounds[column, 1]) + (draw >= bounds[column, 2])


@kernel(nogil=True)
def below(seed: np.ndarray, bound: int) -> np.int64:
    """A whole number below ``bound`` (at most 2**32) by SplitMix64, whose state is ``seed[0]``."""
    seed[0] += np.uint64(0x9E3779B97F4A7C15)
    mixed = seed[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.int64(((mixed >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))
