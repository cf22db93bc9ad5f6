"""Sequences that keep nothing of others but their dinucleotides: backgrounds to put motifs into."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np

from scbasset_tl._random import as_generator
from scbasset_tl._validate import check_positive_int
from scbasset_tl.genome.codes import N_CODE

if TYPE_CHECKING:
    from scbasset_tl._random import Seed

_SMALL: Final = 1 << 16
"""Bases for which threads do not pay."""


def dinucleotide_shuffle(codes: np.ndarray, *, n: int = 1, rng: Seed = 0) -> np.ndarray:
    """Shuffle sequences so that each dinucleotide stays exactly as frequent, every such sequence being equally likely.

    Uniform over all Euler paths through the graph of dinucleotides (Altschul & Erickson 1985; last exits by Wilson's
    algorithm), so the first and the last base stay too. An N stays where it is, and each run of bases between two of
    them is shuffled by itself: then dinucleotides with N are kept as well, but runs of a few bases hardly change.

    Parameters
    ----------
    codes
        Sequences as codes, A0 C1 G2 T3 N4 (B, L), or a single one (L,).
    n
        Shuffles of each sequence.
    rng
        Seed or generator. Each shuffle has its own seed drawn from it, so the number of threads changes nothing.

    Returns
    -------
    uint8 (B, n, L), or (n, L) of a single sequence.

    Raises
    ------
    ValueError
        If ``codes`` are no codes.

    Examples
    --------
    >>> from scbasset_tl.genome import decode, dinucleotide_shuffle, encode
    >>> decode(dinucleotide_shuffle(encode("ACAGATACCNNGGG"), n=3)).tolist()
    ['ATAGACCACNNGGG', 'ACATAGACCNNGGG', 'ACCAGATACNNGGG']
    """
    import numba

    from scbasset_tl.genome._euler import shuffle_rows

    check_positive_int("n", n)
    rows = _checked(codes)
    highest = np.iinfo(np.uint64).max
    seeds = as_generator(rng).integers(highest, size=(len(rows), n), dtype=np.uint64, endpoint=True)
    shuffled = np.empty((len(rows), n, rows.shape[1]), dtype=np.uint8)
    # threads of our own: those of a parallel numba kernel change the number of threads of torch
    n_workers = min(numba.config.NUMBA_NUM_THREADS if shuffled.size > _SMALL else 1, max(1, len(rows)))  # type: ignore[attr-defined]
    cuts = np.linspace(0, len(rows), n_workers + 1).astype(int)
    parts = [slice(start, stop) for start, stop in zip(cuts[:-1], cuts[1:], strict=True)]
    with ThreadPoolExecutor(n_workers) as pool:
        list(pool.map(lambda part: shuffle_rows(rows[part], seeds[part], shuffled[part]), parts))
    return shuffled if np.ndim(codes) == 2 else shuffled[0]


def _checked(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes)
    if codes.ndim not in (1, 2) or not np.issubdtype(codes.dtype, np.integer):
        message = f"codes must be whole numbers (B, L) or (L,), got {codes.dtype} {codes.shape}: use genome.encode."
        raise ValueError(message)
    if codes.size and not 0 <= codes.min() <= codes.max() <= N_CODE:
        message = f"codes must be 0 to {N_CODE} (A, C, G, T, N), but there are {codes.min()} to {codes.max()}: use genome.encode."
        raise ValueError(message)
    return np.atleast_2d(np.ascontiguousarray(codes, dtype=np.uint8))
