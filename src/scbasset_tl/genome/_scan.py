"""The scan itself, compiled: whole-number scores of matrices at each position of sequences."""

from __future__ import annotations

import numpy as np

from scbasset_tl._kernel import kernel


@kernel(nogil=True)
def find_hits(
    codes: np.ndarray, scores: np.ndarray, order: np.ndarray, rest: np.ndarray, widths: np.ndarray, cuts: np.ndarray
) -> np.ndarray:
    """Matrix, sequence, start and score of each hit, sorted so: int64 (H, 4).

    Parameters
    ----------
    codes
        Sequences (N, L): A0 C1 G2 T3 N4.
    scores
        What each base adds at each position of each matrix (M, width, 5); below zero if none may be there.
    order
        In which order to look at the positions (M, width), so that most windows end early.
    rest
        The most that the positions after each one in ``order`` can add (M, width).
    widths, cuts
        Number of positions of each matrix, and the least score of a hit (M,).
    """
    hits, n_hits = np.empty((1024, 4), dtype=np.int64), 0
    for matrix in range(len(scores)):
        for sequence in range(len(codes)):
            for start in range(codes.shape[1] - widths[matrix] + 1):
                total, place = 0, 0
                while place < widths[matrix]:
                    position = order[matrix, place]
                    added = scores[matrix, position, codes[sequence, start + position]]
                    total += added
                    if added < 0 or total + rest[matrix, place] < cuts[matrix]:
                        break
                    place += 1
                if place == widths[matrix]:
                    if n_hits == len(hits):
                        hits = np.concatenate((hits, np.empty_like(hits)))
                    hits[n_hits] = (matrix, sequence, start, total)
                    n_hits += 1
    return hits[:n_hits]
