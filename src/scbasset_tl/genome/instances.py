"""Random draws for a motif, from a seed of its own, so that other motifs make no difference."""

from __future__ import annotations

from hashlib import blake2b
from math import factorial, prod
from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl.genome.motifs import permuted_columns, same_motif, sample

if TYPE_CHECKING:
    from collections.abc import Sequence


def draw_instances(pwm: np.ndarray, n: int, *, copies: int = 1, seed: int) -> np.ndarray:
    """``n`` independent sets of sequences of a PWM (width, 4), codes uint8 (n, copies, width).

    They depend on the PWM and the seed alone.
    """
    return sample(pwm, n * copies, _generator(pwm, seed, "instances")).reshape(n, copies, -1)


def draw_permutations(pwm: np.ndarray, n: int, *, seed: int) -> list[np.ndarray]:
    """``n`` different PWMs of the same columns in random order, none of them the motif on either strand.

    There are fewer if the columns allow no more. They are the first ones of those for a larger ``n``.
    """
    rng = _generator(pwm, seed, "permutations")
    n = min(n, count_permutations(pwm))
    pwm = pwm + 0.0  # 0 and -0 are one number, but not the same bytes
    permutations: dict[bytes, np.ndarray] = {}
    while len(permutations) < n:
        permuted = permuted_columns(pwm, rng)
        if not same_motif(permuted, pwm):
            permutations[permuted.tobytes()] = permuted
    return list(permutations.values())


def count_permutations(pwm: np.ndarray) -> int:
    """How many different PWMs :func:`draw_permutations` can draw.

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.genome.instances import count_permutations
    >>> count_permutations(np.eye(4)[[0, 3, 3, 0]])  # 6 orders of ATTA, which is one, and TAAT on the other strand
    4
    """
    counts = np.unique(pwm, axis=0, return_counts=True)[1]
    mirrored = pwm[::-1, ::-1]
    reaches_mirrored = np.array_equal(_sorted(mirrored), _sorted(pwm))
    n_itself = 2 if reaches_mirrored and not np.array_equal(mirrored, pwm) else 1
    return factorial(len(pwm)) // prod(factorial(count) for count in counts.tolist()) - n_itself


def one_of_each_columns(pwms: Sequence[np.ndarray]) -> list[int]:
    """Positions of PWMs of which no two have the same permutations, whatever the order of ``pwms``."""
    chosen: dict[bytes, int] = {}
    for number in sorted(range(len(pwms)), key=lambda number: pwms[number].tobytes()):
        chosen.setdefault((_sorted(pwms[number]) + 0.0).tobytes(), number)
    return sorted(chosen.values())


def _sorted(pwm: np.ndarray) -> np.ndarray:
    """The positions of a PWM in an order that does not depend on theirs."""
    return pwm[np.lexsort(pwm.T)]


def _generator(pwm: np.ndarray, seed: int, purpose: str) -> np.random.Generator:
    digest = blake2b(np.ascontiguousarray(pwm).data, digest_size=16, person=purpose.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()])
