"""Where in each sequence a motif fits best, for many motifs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn.functional import conv1d

from scbasset_tl.nn.codes import as_codes, one_hot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOTIFS: Final = 64
_SEQUENCES: Final = 64


@torch.inference_mode()
def best_sites(
    codes: np.ndarray,
    scores: Sequence[np.ndarray],
    n: int,
    *,
    both_strands: bool = True,
    tick: Callable[[int], object] | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The ``n`` sequences that fit each motif best, and where in them its best site starts.

    Parameters
    ----------
    codes
        Sequences, uint8 (N, L).
    scores
        What each base adds at each position of a motif (width, 4), e.g. log-odds. N adds the mean of the four.
    n
        Sequences for each motif, at most N.
    both_strands
        A site may also lie on the other strand.
    tick
        Called with the number of motifs done since the last call.

    Returns
    -------
    Rows and starts (n,) for each motif, the best first; of equal ones the first.
    """
    sequences = as_codes(codes)
    widths = np.array([len(each) for each in scores])
    sites: list[tuple[np.ndarray, np.ndarray]] = [(widths, widths)] * len(scores)
    for width in np.unique(widths):
        members = np.flatnonzero(widths == width)
        for motifs in np.split(members, range(_MOTIFS, len(members), _MOTIFS)):
            filters = torch.from_numpy(np.stack([scores[motif] for motif in motifs])).float().transpose(1, 2)
            best, start = _best(sequences, filters, both_strands=both_strands)
            order = best.sort(dim=0, descending=True, stable=True).indices[:n]
            for column, motif in enumerate(motifs):
                rows = order[:, column]
                sites[motif] = (rows.numpy(), start[rows, column].numpy())
            if tick is not None:
                tick(len(motifs))
    return sites


def _best(codes: torch.Tensor, filters: torch.Tensor, *, both_strands: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Highest score of each motif in each sequence (N, M), and where it is."""
    n_motifs = len(filters)
    if both_strands:
        filters = torch.cat([filters, filters.flip(1, 2)])
    scores, starts = [], []
    for part in codes.split(_SEQUENCES):
        fit = conv1d(one_hot(part), filters).unflatten(1, (-1, n_motifs)).amax(1)
        highest = fit.max(2)
        scores.append(highest.values)
        starts.append(highest.indices)
    return torch.cat(scores), torch.cat(starts)
