"""Labels by the vote of the nearest labelled points."""

from __future__ import annotations

import numpy as np


def vote(
    neighbors: np.ndarray, distances: np.ndarray, codes: np.ndarray, n_classes: int, *, weights: str
) -> np.ndarray:
    """Share of the votes that each class gets, float64 (q, n_classes).

    Parameters
    ----------
    neighbors, distances
        Positions of the nearest labelled points and how far they are (q, k).
    codes
        Class of each labelled point.
    n_classes
        Number of classes.
    weights
        ``"uniform"``: a vote each. ``"distance"``: votes count by the inverse of the distance; where some distances are
        0, only these vote.
    """
    cast = np.ones_like(distances, dtype=np.float64)
    if weights == "distance":
        same = distances == 0
        cast = np.divide(1.0, distances, out=same.astype(np.float64), where=~same.any(axis=1, keepdims=True))
    votes = np.zeros((len(neighbors), n_classes))
    np.add.at(votes, (np.arange(len(neighbors))[:, None], codes[neighbors]), cast)
    return votes / votes.sum(axis=1, keepdims=True)
