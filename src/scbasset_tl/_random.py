"""Local random generators; the global state of numpy and torch is never touched."""

from __future__ import annotations

import numpy as np

Seed = int | np.random.Generator | None


def as_generator(rng: Seed) -> np.random.Generator:
    """``rng`` as a numpy generator: an int seeds it, ``None`` draws fresh entropy, a generator is used as it is."""
    return np.random.default_rng(rng)


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for another library's local generator (torch, pynndescent, scanpy)."""
    return int(rng.integers(2**31 - 1))


def recorded_seed(rng: Seed) -> int | None:
    """What ``uns[key]['params']`` keeps of ``rng``: a generator's state is not repeatable from a number."""
    return None if rng is None or isinstance(rng, np.random.Generator) else int(rng)
