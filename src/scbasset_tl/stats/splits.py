"""Training, validation and test peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from scbasset_tl._keys import SPLIT_LEVELS
from scbasset_tl._random import check_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scbasset_tl._random import Seed

ORIGINAL_FRACTIONS: Final = (0.9, 0.05, 0.05)
MIN_PEAKS: Final = 2  # a rank statistic needs two


def original_split(
    n_peaks: int, rng: Seed, fractions: Sequence[float] = ORIGINAL_FRACTIONS, *, first: np.ndarray | None = None
) -> np.ndarray:
    """Training, validation and test peaks, drawn as in the original scBasset.

    Parameters
    ----------
    n_peaks
        Number of peaks.
    rng
        An int seeds the legacy generator, as the original does with 10; a generator is used as it is.
    fractions
        Shares of training, validation and test peaks.
    first
        For each peak the first one whose window is the same (n_peaks,), whose part it shares.

    Returns
    -------
    str (n_peaks,): "train", "val" or "test".

    Raises
    ------
    ValueError
        If a part whose share is not zero gets fewer than two peaks.
    """
    levels = np.full(n_peaks, SPLIT_LEVELS[0], dtype="U5")
    for level, ids in zip(SPLIT_LEVELS[1:], held_out_ids(n_peaks, rng, fractions), strict=True):
        levels[ids] = level
    levels = levels if first is None else levels[first]
    _check_sizes(levels, fractions)
    return levels


def chrom_split(
    chrom: np.ndarray,
    rng: Seed,
    fractions: Sequence[float],
    *,
    val: Sequence[str] | None = None,
    test: Sequence[str] | None = None,
    first: np.ndarray | None = None,
) -> np.ndarray:
    """Training, validation and test peaks by contig.

    Parameters
    ----------
    chrom
        Contig of each peak (n_peaks,).
    rng
        As in :func:`original_split`; used only where ``test`` is given and ``val`` is not.
    fractions
        Shares of training, validation and test peaks.
    val, test
        Contigs of the validation and test peaks. Without ``test`` both are those whose peaks come close to their
        shares; without ``val`` the validation peaks are drawn from the contigs that are left.
    first
        As in :func:`original_split`.

    Returns
    -------
    str (n_peaks,): "train", "val" or "test".

    Raises
    ------
    ValueError
        If a part that was asked for gets fewer than two peaks.
    """
    levels = np.full(len(chrom), SPLIT_LEVELS[0], dtype="U5")
    if test is None:
        names, counts = np.unique(chrom, return_counts=True)
        test = _contigs_near(names, counts, fractions[2] * len(chrom))
        left = ~np.isin(names, test)
        val = _contigs_near(names[left], counts[left], fractions[1] * len(chrom))
    elif val is None:
        rest = np.flatnonzero(~np.isin(chrom, test))
        share = fractions[1] / (fractions[0] + fractions[1])
        levels[legacy_generator(rng).choice(rest, int(len(rest) * share), replace=False)] = "val"
    levels[np.isin(chrom, test)] = "test"
    if val is not None:
        levels[np.isin(chrom, val)] = "val"
    levels = levels if first is None else levels[first]
    _check_sizes(levels, fractions)
    return levels


def _contigs_near(names: np.ndarray, counts: np.ndarray, n_peaks: float) -> list[str]:
    """Contigs that together hold about ``n_peaks``: the largest that fit, and the smallest other if that comes closer."""
    chosen: list[int] = []
    missing = n_peaks
    order = np.argsort(-counts, kind="stable") if n_peaks > 0 else np.empty(0, dtype=int)
    for contig in order:
        if counts[contig] <= missing:
            chosen.append(int(contig))
            missing -= counts[contig]
    left = np.setdiff1d(order, chosen)
    if left.size:
        smallest = left[counts[left].argmin()]
        if not chosen or counts[smallest] - missing < missing:
            chosen.append(int(smallest))
    return list(names[chosen])


def held_out_ids(n_peaks: int, rng: Seed, fractions: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Validation peaks in the order drawn, and test peaks in ascending order."""
    train, val, test = fractions
    draw = legacy_generator(rng)
    # the original's float arithmetic: 20 peaks hold out int(20 * (1 - 0.9)) = 1, not 2
    held_out = draw.choice(n_peaks, int(n_peaks * (1 - train)), replace=False)
    n_val = int(len(held_out) * (val / (val + test))) if val + test > 0 else 0
    val_ids = draw.choice(held_out, n_val, replace=False)
    return val_ids, np.setdiff1d(held_out, val_ids)


def legacy_generator(rng: Seed) -> np.random.Generator | np.random.RandomState:
    """``rng`` itself if it is a generator; otherwise a local one that repeats what older numpy code drew."""
    seed = check_seed(rng)
    return seed if isinstance(seed, np.random.Generator) else np.random.RandomState(seed)


def _check_sizes(levels: np.ndarray, fractions: Sequence[float]) -> None:
    """Every part is as good as asked for: two peaks, or none where its share is zero."""
    counts = [int(np.count_nonzero(levels == level)) for level in SPLIT_LEVELS]
    if any(count < MIN_PEAKS and (count or share) for count, share in zip(counts, fractions, strict=True)):
        parts = ", ".join(f"{level} {count}" for level, count in zip(SPLIT_LEVELS, counts, strict=True))
        fix = "Use more peaks, or other fractions or contigs in pp.split_peaks."
        if not counts[0]:
            fix = "No contig is left to train on: name fewer, such as pp.split_peaks(data, by='chrom', holdout='chr1')."
        message = (
            f"{len(levels)} peaks, split by fractions {tuple(fractions)}, give {parts}; each part needs at least "
            f"{MIN_PEAKS}. {fix}"
        )
        raise ValueError(message)
