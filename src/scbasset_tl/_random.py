"""Local random generators; the global state of numpy and torch is never touched."""

from __future__ import annotations

import numpy as np

Seed = int | np.random.Generator | None


def check_seed(rng: Seed) -> Seed:
    """``rng`` if it is a seed or a generator; numpy's own errors do not say which argument is wrong."""
    if rng is None or isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or not 0 <= rng < 2**32:
        message = f"rng must be a whole number from 0 to {2**32 - 1}, a numpy.random.Generator or None, got {rng!r}."
        raise ValueError(message)
    return int(rng)


def as_generator(rng: Seed, *use: int) -> np.random.Generator:
    """``rng`` as a numpy generator: an int seeds it, ``None`` draws fresh entropy, a generator is used as it is.

    One seed gives independent draws for each ``use``, whole numbers from 0.
    """
    seed = check_seed(rng)
    return np.random.default_rng([seed, *use] if use and isinstance(seed, int) else seed)


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for another library's local generator (torch, pynndescent, scanpy)."""
    return int(rng.integers(2**31 - 1))


def settled_seed(rng: Seed) -> int:
    """``rng`` itself if it is a seed, else one that is drawn from it: what repeats a call can be recorded."""
    seed = recorded_seed(rng)
    return draw_seed(as_generator(rng)) if seed is None else seed


def recorded_seed(rng: Seed) -> int | None:
    """What ``uns[key]['params']`` keeps of ``rng``: a generator's state is not repeatable from a number."""
    seed = check_seed(rng)
    return None if isinstance(seed, np.random.Generator) else seed
