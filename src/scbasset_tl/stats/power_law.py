"""A curve through scores that level off: limit - gain · n^-exponent."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

_EXPONENTS: Final = np.arange(0.1, 2.001, 0.02)
_FEW: Final = 4
"""Sizes from which on the exponent is fitted; with fewer it is that of a mean of independent errors."""
_USUAL: Final = 0.5


class PowerLaw(NamedTuple):
    """``limit - gain * n ** -exponent``, with a gain of at least 0."""

    limit: float
    gain: float
    exponent: float

    def at(self, n: float | np.ndarray) -> float | np.ndarray:
        """The curve at ``n``."""
        return self.limit - self.gain * np.asarray(n, dtype=np.float64) ** -self.exponent


def fit_power_law(n: np.ndarray, score: np.ndarray) -> PowerLaw:
    """The curve with the least squared distance from finite scores at two sizes or more.

    For each exponent of a grid from 0.1 to 2, limit and gain are a linear regression. Scores that do not grow have gain
    0.
    """
    n, score = np.asarray(n, dtype=np.float64), np.asarray(score, dtype=np.float64)
    exponents = _EXPONENTS if len(np.unique(n)) >= _FEW else np.array([_USUAL])
    fits = []
    for exponent in exponents:
        x = n**-exponent
        deviation = x - x.mean()
        gain = max(0.0, -float(deviation @ score / (deviation @ deviation)))
        law = PowerLaw(float(score.mean() + gain * x.mean()), gain, float(exponent))
        fits.append((float(np.square(score - law.at(n)).sum()), law))
    return min(fits, key=lambda each: each[0])[1]
