"""Match of motifs and a model's importances of the bases under them, against importances of other positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_BASES = np.arange(4)
# a statistic that ties with the observed one may differ from it by rounding
_ROUNDING = 1e-9


class Match(NamedTuple):
    """Scores of hits for each output, float64 (H, n_out)."""

    dot: np.ndarray
    pearson: np.ndarray
    p_dot: np.ndarray
    p_pearson: np.ndarray


def match_hits(importance: np.ndarray, codes: np.ndarray, pwms: Sequence[np.ndarray], starts: np.ndarray) -> Match:
    """Match between PWMs and the importances of one sequence where each PWM lies :cite:p:`Yuan2022`.

    The null keeps the sequence, and so the hit, and moves the importances against it: all L rotations of the sequence's
    importances, the end joined to the beginning. Importances move as that of the present base and those of the three
    others, in the order A, C, G, T after it: a present base keeps the importance of a present base. Otherwise every hit
    would score high only because present bases matter more. The rotations are a group that the observed importances
    belong to, so that ``p = #(|statistic| >= |observed|) / L`` is exact where importances do not depend on the
    position. It is at least 1 / L. Both signs count: a repressor matches the negative importances.

    Parameters
    ----------
    importance
        Changes of the outputs by each base, less their mean over the four bases (L, 4, n_out).
    codes
        The sequence, uint8 (L,): A0 C1 G2 T3 N4. Where it is N, importances count as 0.
    pwms
        Probabilities of each hit, (width, 4), as it reads on the forward strand: of a hit on the reverse one its
        reverse complement.
    starts
        First position of each hit (H,); none holds an N.
    """
    bases_of_sequence = np.minimum(codes, 3)[:, None]
    relative = np.take_along_axis(importance.astype(np.float64), ((bases_of_sequence + _BASES) % 4)[:, :, None], axis=1)
    relative[codes > 3] = 0
    result = Match(*(np.empty((len(starts), importance.shape[2])) for _ in Match._fields))
    widths = np.array([len(pwm) for pwm in pwms])
    for width in np.unique(widths):
        hits = np.flatnonzero(widths == width)
        positions = np.asarray(starts)[hits, None] + np.arange(width)
        bases = (bases_of_sequence[positions] + _BASES) % 4  # (h, width, 4)
        weights = np.take_along_axis(np.stack([pwms[hit] for hit in hits.tolist()]), bases, axis=2) - 0.25
        for output in range(importance.shape[2]):
            for field, values in zip(result, _match(relative[..., output], weights, positions[:, 0]), strict=True):
                field[hits, output] = values
    return result


def match_vectors(delta: np.ndarray, pwms: Sequence[np.ndarray], starts: np.ndarray) -> np.ndarray:
    """The changes of the embedding that :func:`match_hits` weighs, (H, K): with a cell's vector its dot product.

    ``delta`` (L, 4, K) is the change of the embedding by each base; PWMs and starts are as there.
    """
    vectors = np.empty((len(starts), delta.shape[2]))
    for hit, (pwm, start) in enumerate(zip(pwms, starts, strict=True)):
        # a constant of all four bases goes with the mean of the weights, which is 0
        vectors[hit] = np.tensordot(pwm - 0.25, delta[start : start + len(pwm)], 2)
    return vectors


def _match(relative: np.ndarray, weights: np.ndarray, starts: np.ndarray) -> Match:
    """:func:`match_hits` of one output and width: importances (L, 4) and PWMs (h, width, 4), both relative to the bases.

    Rows of importances sum to 0 and those of PWMs, less 0.25, too: the dot product does not change by taking off means,
    and the correlation is it over the norms.
    """
    length, width = len(relative), weights.shape[1]
    around = (np.arange(length)[:, None] + np.arange(width)) % length
    blocks = relative[around].reshape(length, -1)
    norms = np.linalg.norm(blocks, axis=1)
    flat = weights.reshape(len(weights), -1)
    dots = blocks @ flat.T  # (L, h)
    scale = norms[:, None] * np.linalg.norm(flat, axis=1)
    cosines = np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0)
    hits = np.arange(len(starts))
    return Match(dots[starts, hits], cosines[starts, hits], _rank(dots, starts), _rank(cosines, starts))


def _rank(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Share of each column whose size is at least that of its entry in ``rows``."""
    sizes = np.abs(values)
    observed = sizes[rows, np.arange(len(rows))]
    return np.asarray((sizes >= observed * (1 - _ROUNDING)).mean(axis=0))
