"""What is drawn from a motif, each from a seed of the motif's own: other motifs make no difference."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from scbasset_tl.genome.motifs import permuted_columns, same_motif, sample

# tries for each permutation that is wanted: short motifs have few different ones
_TRIES = 4


def draw_instances(pwm: np.ndarray, n: int, *, copies: int = 1, seed: int) -> np.ndarray:
    """``n`` independent sets of sequences of a PWM (width, 4), codes uint8 (n, copies, width).

    They depend on the PWM and the seed alone.
    """
    return sample(pwm, n * copies, _generator(pwm, seed, "instances")).reshape(n, copies, -1)


def draw_permutations(pwm: np.ndarray, n: int, *, seed: int) -> list[np.ndarray]:
    """Up to ``n`` different PWMs of the same columns in random order, none of them the motif on either strand.

    There are fewer if the columns allow no more.
    """
    rng = _generator(pwm, seed, "permutations")
    found: dict[bytes, np.ndarray] = {}
    for _ in range(_TRIES * n):
        permuted = permuted_columns(pwm, rng)
        if not same_motif(permuted, pwm):
            found[permuted.tobytes()] = permuted
        if len(found) == n:
            break
    return list(found.values())


def _generator(pwm: np.ndarray, seed: int, purpose: str) -> np.random.Generator:
    digest = blake2b(np.ascontiguousarray(pwm).data, digest_size=16, person=purpose.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()])
