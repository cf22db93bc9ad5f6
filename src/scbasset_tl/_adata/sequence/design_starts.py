"""What a design starts from, and which edits are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.codes import sequence_codes
from scbasset_tl._adata.model.denoised import named_sequences
from scbasset_tl._adata.windows import sequence_windows
from scbasset_tl._validate import check_number
from scbasset_tl.genome.codes import N_CODE, gc_share
from scbasset_tl.genome.motifs import consensus
from scbasset_tl.genome.shuffle import dinucleotide_shuffle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from anndata import AnnData

    from scbasset_tl.genome.motifs import Motif

_RANDOM, _SHUFFLED = "random", "shuffled"
_DEFAULT_NUMBER = 10


@dataclass(frozen=True)
class Starts:
    """Sequences that a design starts from, without N."""

    name: list[str]
    codes: np.ndarray  # uint8 (N, L)


def gc_counts(gc: Any, seq_len: int) -> tuple[int, int]:
    """Fewest and most G and C of a sequence whose GC content lies between the two numbers ``gc``."""
    if isinstance(gc, str) or not hasattr(gc, "__len__") or len(gc) != 2:
        message = f"gc must be (lowest, highest) GC content, such as (0.35, 0.65), got {gc!r}."
        raise ValueError(message)
    low, high = (check_number("gc", value, low=0, high=1) for value in gc)
    # 0.35 of 100 bases are 35, whatever the product in floating point
    fewest, most = int(np.ceil(low * seq_len - 1e-9)), int(np.floor(high * seq_len + 1e-9))
    if fewest > most:
        message = f"gc={gc!r}: no sequence of {seq_len} bp has a GC content from {low:g} to {high:g}."
        raise ValueError(message)
    return fewest, most


def start_sequences(
    adata: AnnData,
    start: Any,
    n_sequences: int | None,
    *,
    fasta: str | PathLike[str] | None,
    seq_len: int,
    gc: tuple[int, int],
    rng: np.random.Generator,
) -> Starts:
    """Random DNA, dinucleotide shuffles of random peaks, or what the user gives; each N becomes a random base."""
    drawn = isinstance(start, str) and start in (_RANDOM, _SHUFFLED)
    if drawn and fasta is not None:
        message = f"fasta= is where regions are read from, and start={start!r} has none: leave it out."
        raise ValueError(message)
    if drawn:
        n = n_sequences or _DEFAULT_NUMBER
        return _random(n, seq_len, gc, rng) if start == _RANDOM else _shuffled(adata, n, seq_len, gc, rng)
    given = _given(adata, start, fasta, seq_len)
    if n_sequences is not None and n_sequences != len(given.name):
        message = f"n_sequences={n_sequences}, but start has {len(given.name)} sequences: leave n_sequences out."
        raise ValueError(message)
    starts = Starts(given.name, _without_n(given.codes, rng))
    outside = ~_in_range(starts.codes, gc)
    if outside.any():
        row = int(outside.argmax())
        message = (
            f"start: {int(outside.sum())} of {len(outside)} sequences have a GC content outside of gc=, the first is "
            f"{starts.name[row]!r} with {gc_share(starts.codes)[row]:.3f}: pass a wider gc=, or other sequences."
        )
        raise ValueError(message)
    return starts


def motif_patches(motifs: Sequence[Motif], window: tuple[int, int]) -> list[np.ndarray]:
    """Consensus of each motif, and behind it that of the other strand."""
    width = window[1] - window[0]
    patches = []
    for motif in motifs:
        if len(motif) > width:
            message = (
                f"motif {motif.id!r} ({motif.name}) is {len(motif)} bp wide, but {width} bp may change: leave it out, "
                "or pass a wider window=."
            )
            raise ValueError(message)
        patches += [consensus(motif.pwm), consensus(motif.reverse_complement().pwm)]
    return patches


def _given(adata: AnnData, start: Any, fasta: str | PathLike[str] | None, seq_len: int) -> Starts:
    """Sequences as codes or by name, or else peaks and regions."""
    sequences = isinstance(start, Mapping) or (isinstance(start, np.ndarray) and start.ndim == 2)
    if sequences and fasta is not None:
        message = "fasta= is where regions are read from, and start holds sequences: leave it out."
        raise ValueError(message)
    try:
        if sequences:
            return Starts(*named_sequences(start, seq_len))
        windows = sequence_windows(adata, start, fasta=fasta, seq_len=seq_len)
    except (KeyError, ValueError, IndexError) as error:
        word = "sequences" if sequences else "regions"
        text = str(error.args[0])
        if not text.startswith(word):
            raise
        hint = "" if sequences else " start= may also be 'random' or 'shuffled'."
        raise type(error)("start" + text.removeprefix(word) + hint) from error
    return Starts(windows.name, windows.codes)


def _random(n: int, seq_len: int, gc: tuple[int, int], rng: np.random.Generator) -> Starts:
    """DNA with a GC content in the middle of the range."""
    strong = np.repeat([False, True], [seq_len - sum(gc) // 2, sum(gc) // 2])
    mask = rng.permuted(np.tile(strong, (n, 1)), axis=1)
    weak_or_strong = np.array([[0, 3], [1, 2]], dtype=np.uint8)
    return Starts([_RANDOM] * n, weak_or_strong[mask.astype(int), rng.integers(2, size=mask.shape)])


def _shuffled(adata: AnnData, n: int, seq_len: int, gc: tuple[int, int], rng: np.random.Generator) -> Starts:
    """A shuffle of each of ``n`` random peaks with a GC content in range; peaks repeat if there are fewer."""
    codes = _without_n(sequence_codes(adata, seq_len=seq_len), rng)
    peaks = np.flatnonzero(_in_range(codes, gc))
    if not len(peaks):
        message = f"start='shuffled': none of {len(codes):,} peaks has a GC content within gc=; pass a wider gc=."
        raise ValueError(message)
    chosen = np.resize(rng.permutation(peaks), n)
    names = [f"shuffled {adata.var_names[peak]}" for peak in chosen]
    return Starts(names, dinucleotide_shuffle(codes[chosen], rng=rng)[:, 0])


def _without_n(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(codes < N_CODE, codes, rng.integers(N_CODE, size=codes.shape, dtype=np.uint8))


def _in_range(codes: np.ndarray, gc: tuple[int, int]) -> np.ndarray:
    counts = ((codes == 1) | (codes == 2)).sum(axis=1)
    return np.asarray((counts >= gc[0]) & (counts <= gc[1]))
