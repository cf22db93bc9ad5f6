"""Recurring patterns in contributions of bases: TF-MoDISco, and what TOMTOM calls them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from scbasset_tl.genome.codes import N_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRIM: Final = 0.3
_FEW_TARGETS: Final = 25  # below it memelite's TOMTOM warns


class Pattern(NamedTuple):
    """A pattern of one sign, flanks included."""

    positive: bool
    n_sites: int
    pwm: np.ndarray  # (width, 4), shares of the bases at its sites
    contribution: np.ndarray  # (width, 4), mean contribution of the bases that are there

    def core(self) -> tuple[int, int]:
        """First position and the one after the last that contribute 0.3 of the most or more, as modisco-lite trims."""
        size = np.abs(self.contribution).sum(axis=1)
        kept = np.flatnonzero(size >= _TRIM * size.max())
        return int(kept[0]), int(kept[-1]) + 1


def require_modisco() -> Any:
    """The function ``TFMoDISco`` of modisco-lite, or an error that says how to install it."""
    try:
        from modiscolite.tfmodisco import TFMoDISco
    except ImportError as error:
        message = "tl.modisco needs modisco-lite, which is not installed: pip install modisco-lite."
        raise ImportError(message) from error
    return TFMoDISco


def find_patterns(codes: np.ndarray, contributions: np.ndarray, arguments: Mapping[str, Any]) -> list[Pattern]:
    """Patterns of sequences (R, W) and the contribution that each base has, or would have, there (R, W, 4).

    First those of positive contributions, then those of negative ones, the most frequent first.
    """
    one_hot = (codes[..., None] == np.arange(N_CODE)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it forks beside threads
        both = require_modisco()(one_hot, contributions.astype(np.float32), **arguments)
    return [
        Pattern(positive, len(pattern.seqlets), np.asarray(pattern.sequence), np.asarray(pattern.contrib_scores))
        for positive, patterns in zip((True, False), both, strict=True)
        for pattern in sorted(patterns or [], key=lambda pattern: -len(pattern.seqlets))
    ]


def nearest_motifs(patterns: Sequence[Pattern], pwms: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Number of the PWM (width, 4) most like each pattern's core, on either strand, and TOMTOM's p-value."""
    from memelite import tomtom

    cores = [np.ascontiguousarray(pattern.pwm[slice(*pattern.core())].T, dtype=np.float64) for pattern in patterns]
    targets = [np.ascontiguousarray(pwm.T, dtype=np.float64) for pwm in pwms]
    with warnings.catch_warnings():
        if len(targets) < _FEW_TARGETS:
            warnings.simplefilter("ignore", UserWarning)
        p_values = tomtom(cores, targets)[0]
    best = p_values.argmin(axis=1)
    return best, p_values[np.arange(len(best)), best]
