"""Where motifs match DNA: log-odds scores and their exact p-values, as those of FIMO."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from scbasset_tl.genome.codes import N_CODE

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT, _GC = (0.281774 + 0.267330) / 2, (0.222020 + 0.228876) / 2
BACKGROUND: Final = (_AT, _GC, _GC, _AT)
"""FIMO's default frequencies of A, C, G and T, of NCBI's non-redundant sequences, both strands taken together."""
_PSEUDOCOUNT: Final = 0.1
_STEPS: Final = 1000
_SMALL: Final = 1 << 14  # bases for which threads do not pay


class Hits(NamedTuple):
    """Matches, sorted by sequence, start, motif and strand: (H,) each."""

    motif: np.ndarray  # number of the motif
    sequence: np.ndarray  # number of the sequence
    start: np.ndarray  # first position, on either strand
    reverse: np.ndarray  # bool: the motif reads on the other strand
    score: np.ndarray  # bits
    p_value: np.ndarray  # chance of that score or more at one position of background DNA


class LogOdds(NamedTuple):
    """A PWM as whole-number scores (width, 4), and what they mean."""

    steps: np.ndarray  # int64 (width, 4), from 0
    tail: np.ndarray  # probability of each sum or more, (largest sum + 1,)
    per_bit: float
    lowest: float  # bits that 0 steps stand for

    def bits(self, total: np.ndarray) -> np.ndarray:
        """Sums over the motif's width in bits."""
        return total / self.per_bit + len(self.steps) * self.lowest


def log_odds(pwm: np.ndarray, background: Sequence[float] | np.ndarray = BACKGROUND) -> LogOdds:
    """Log-odds of a PWM (width, 4) in steps of FIMO's size, with the exact distribution of their sums.

    As FIMO does for a motif of one site: 0.1 pseudocounts divided as the background is, base 2, about 1,000 steps from
    the lowest score of a base (rounded down to whole bits) to the highest.
    """
    background = np.asarray(background, dtype=np.float64)
    scores = np.log2((pwm + _PSEUDOCOUNT * background) / (1 + _PSEUDOCOUNT) / background)
    lowest = float(np.floor(scores.min()))
    per_bit = float(max(np.floor(_STEPS / max(scores.max() - lowest, 1 / _STEPS)), 1))
    steps = np.rint((scores - lowest) * per_bit).astype(np.int64)
    density = np.ones(1)
    for row in steps:
        wider = np.zeros(len(density) + row.max())
        for step, chance in zip(row, background, strict=True):
            wider[step : step + len(density)] += chance * density
        density = wider
    return LogOdds(steps, np.minimum(density[::-1].cumsum()[::-1], 1), per_bit, lowest)


def scan(
    pwms: Sequence[np.ndarray],
    codes: np.ndarray,
    *,
    p_value: float,
    background: Sequence[float] | np.ndarray = BACKGROUND,
) -> Hits:
    """All matches of motifs in sequences, on both strands, that are no likelier by chance than ``p_value``.

    The result is FIMO's :cite:p:`Grant2011`, whose files give CIS-BP's motifs one site each; a window with an N is no match.

    Parameters
    ----------
    pwms
        Probabilities, (width, 4) each.
    codes
        Sequences, uint8 (N, L): A0 C1 G2 T3 N4.
    p_value
        Largest p-value of a match.
    background
        Frequencies of A, C, G and T; those of the two strands are averaged.

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.genome import encode
    >>> from scbasset_tl.genome.scan import scan
    >>> gata = np.eye(4)[encode("AGATAA")]
    >>> hits = scan([gata], encode("CCTTATCTCCAGATAAC")[None], p_value=1e-3)
    >>> hits.start.tolist(), hits.reverse.tolist()
    ([2, 10], [True, False])
    """
    frequencies = (np.asarray(background, dtype=np.float64) + np.asarray(background)[::-1]) / 2
    tables = [log_odds(pwm, frequencies) for pwm in pwms]
    cuts = [np.searchsorted(-table.tail, -p_value) for table in tables]  # the first sum that is rare enough
    both = [strand for table in tables for strand in (table.steps, table.steps[::-1, ::-1])]
    matrix, sequence, start, total = _find(np.ascontiguousarray(codes), both, np.repeat(cuts, 2)).T
    motif = matrix // 2
    score, chance = np.empty(len(total)), np.empty(len(total))
    for number, table in enumerate(tables):
        mine = slice(*np.searchsorted(motif, [number, number + 1]))
        score[mine], chance[mine] = table.bits(total[mine]), table.tail[total[mine]]
    order = np.lexsort((matrix, start, sequence))
    return Hits(*(part[order] for part in (motif, sequence, start, matrix % 2 == 1, score, chance)))


def _find(codes: np.ndarray, matrices: list[np.ndarray], cuts: np.ndarray) -> np.ndarray:
    """Matrix, sequence, start and score of each hit (H, 4), found by threads that take the matrices in turn."""
    import numba

    from scbasset_tl.genome._scan import find_hits

    tables = (*_padded(matrices), np.array([len(steps) for steps in matrices]), np.asarray(cuts, dtype=np.int64))
    # threads of our own: those of a parallel numba kernel change the number of threads of torch
    n_workers = min(numba.config.NUMBA_NUM_THREADS, len(matrices)) if codes.size > _SMALL else 1  # type: ignore[attr-defined]

    def part(worker: int) -> np.ndarray:
        hits = find_hits(codes, *(np.ascontiguousarray(table[worker::n_workers]) for table in tables))
        hits[:, 0] = hits[:, 0] * n_workers + worker
        return np.asarray(hits)

    with ThreadPoolExecutor(n_workers) as pool:
        hits = np.concatenate(list(pool.map(part, range(n_workers))))
    return hits[hits[:, 0].argsort(kind="stable")]


def _padded(matrices: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices in one array with a column for N, the order to look at their positions, and what then can still come."""
    widest = max(len(steps) for steps in matrices)
    scores = np.full((len(matrices), widest, N_CODE + 1), -1, dtype=np.int32)
    order, rest = np.zeros((2, len(matrices), widest), dtype=np.int64)
    for number, steps in enumerate(matrices):
        width, highest = len(steps), steps.max(1)
        scores[number, :width, :N_CODE] = steps
        order[number, :width] = np.argsort(steps.mean(1) - highest, kind="stable")
        rest[number, :width] = highest.sum() - highest[order[number, :width]].cumsum()
    return scores, order, rest
