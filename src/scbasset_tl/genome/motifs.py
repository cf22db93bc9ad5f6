"""Sequence motifs: what they are, sequences drawn from them, and how these are put into DNA."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from scbasset_tl.genome.codes import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

SUM_TOLERANCE: Final = 0.02
"""How far from one the rows of a PWM may sum: four numbers rounded to two digits miss by up to this."""
SPACING: Final = 10
"""Bases between neighbouring copies of a motif: a turn of the helix, so that copies lie on one face of the DNA."""


@dataclass(frozen=True, eq=False)
class Motif:
    """A motif as a position weight matrix.

    Parameters
    ----------
    id
        What identifies the motif in its database, e.g. ``MA0002.2``.
    name
        The factor it belongs to, as the database writes it.
    pwm
        Probabilities of A, C, G and T at each position (width, 4). Rows may miss a sum of one by 0.02 and are scaled.

    Raises
    ------
    ValueError
        If ``pwm`` holds no probabilities, or has another shape.

    Examples
    --------
    >>> from scbasset_tl.genome import Motif
    >>> motif = Motif("MA1", "GATA1", [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0.9, 0, 0, 0.1]])
    >>> motif.consensus, motif.reverse_complement().consensus, len(motif)
    ('GATA', 'TATC', 4)
    >>> round(motif.information, 2)
    7.53
    """

    id: str
    name: str
    pwm: np.ndarray

    def __post_init__(self) -> None:
        for field in ("id", "name"):
            if not isinstance(getattr(self, field), str) or not getattr(self, field):
                message = f"the {field} of a motif must be text, got {getattr(self, field)!r}."
                raise ValueError(message)
        pwm = _checked(self.pwm, f"motif {self.id!r} ({self.name})")
        pwm.flags.writeable = False
        object.__setattr__(self, "pwm", pwm)

    def __len__(self) -> int:
        return len(self.pwm)

    def __repr__(self) -> str:
        return f"Motif({self.id!r}, {self.name!r}, {self.consensus})"

    @property
    def consensus(self) -> str:
        """The likeliest letter at each position; of equally likely ones the first of A, C, G, T."""
        return str(decode(consensus(self.pwm)))

    @property
    def information(self) -> float:
        """Information content in bits against equally frequent bases, the sum over positions."""
        return float(information(self.pwm).sum())

    def reverse_complement(self) -> Motif:
        """The motif as it reads on the other strand."""
        return Motif(self.id, self.name, self.pwm[::-1, ::-1])


def consensus(pwm: np.ndarray) -> np.ndarray:
    """Codes of the likeliest letters of a PWM (width, 4), uint8 (width,)."""
    return np.asarray(pwm).argmax(axis=1).astype(np.uint8)


def information(pwm: np.ndarray) -> np.ndarray:
    """Bits of each position of a PWM (width, 4), float64 (width,), against equally frequent bases."""
    pwm = np.asarray(pwm, dtype=np.float64)
    return 2 + (pwm * np.log2(pwm, out=np.zeros_like(pwm), where=pwm > 0)).sum(axis=1)


def sample(pwm: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``n`` sequences from a PWM (width, 4), each position by itself; codes uint8 (n, width).

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.genome import decode
    >>> from scbasset_tl.genome.motifs import sample
    >>> decode(sample([[0, 0, 1, 0], [0.5, 0, 0, 0.5], [0, 1, 0, 0]], 3, np.random.default_rng(1))).tolist()
    ['GAC', 'GTC', 'GTC']
    """
    from scbasset_tl.genome._draws import sample_rows

    bounds = np.cumsum(pwm, axis=1)
    bounds /= bounds[:, 3:]  # so that a last letter of probability 0 is never drawn
    codes = np.empty((n, len(bounds)), dtype=np.uint8)
    seed = rng.integers(np.iinfo(np.uint64).max, size=1, dtype=np.uint64, endpoint=True)
    sample_rows((bounds * 2**32).astype(np.int64), seed, codes)
    return codes


def insertion_starts(seq_len: int, width: int, *, copies: int = 1, spacing: int | None = None) -> np.ndarray:
    """Where copies of a motif start, int64 (copies,), so that they are together in the middle of a sequence.

    One copy starts at ``seq_len // 2 - width // 2``, as in the original :cite:p:`Yuan2022`.

    Parameters
    ----------
    seq_len
        Length of the sequence in bp.
    width
        Width of the motif in bp.
    copies
        Number of copies.
    spacing
        Bases between the end of a copy and the start of the next; 10 by default.

    Raises
    ------
    ValueError
        If the copies do not fit.

    Examples
    --------
    >>> from scbasset_tl.genome.motifs import insertion_starts
    >>> insertion_starts(1344, 11).tolist(), insertion_starts(100, 10, copies=3, spacing=5).tolist()
    ([667], [30, 45, 60])
    """
    step = width + (SPACING if spacing is None else spacing)
    total = step * (copies - 1) + width
    if copies < 1 or step < width:
        message = f"copies must be at least 1 and spacing at least 0, got copies={copies} and spacing={spacing}."
        raise ValueError(message)
    if total > seq_len:
        message = (
            f"{copies} copies of a motif {width} bp wide, {step - width} bp apart, take {total} bp; the sequences have "
            f"{seq_len} bp. Use fewer copies, a smaller spacing, or longer sequences."
            if copies > 1
            else f"a motif {width} bp wide does not fit into sequences of {seq_len} bp. Leave it out, or use longer sequences."
        )
        raise ValueError(message)
    return seq_len // 2 - total // 2 + step * np.arange(copies)


def insert(codes: np.ndarray, instances: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Copies of sequences in which motif instances replace the bases; the length stays.

    Parameters
    ----------
    codes
        Sequences, uint8 (B, L).
    instances
        What is put into each of them, uint8 (B, copies, width), or (B, width) for a single copy. For the other strand
        pass the :func:`~scbasset_tl.genome.reverse_complement` of the instances.
    starts
        Where the copies start (copies,), as :func:`insertion_starts` gives them.

    Raises
    ------
    ValueError
        If the shapes do not fit together, or a copy does not lie within the sequences.

    Examples
    --------
    >>> from scbasset_tl.genome import decode, encode, reverse_complement
    >>> from scbasset_tl.genome.motifs import insert, insertion_starts
    >>> codes, instance = encode("CCCCCCCC")[None], encode("GATA")[None]
    >>> starts = insertion_starts(8, 4)
    >>> decode(insert(codes, instance, starts)[0]), decode(insert(codes, reverse_complement(instance), starts)[0])
    ('CCGATACC', 'CCTATCCC')
    """
    starts = np.atleast_1d(starts)
    given = np.shape(instances)
    instances = np.asarray(instances)[:, None] if len(given) == 2 else np.asarray(instances)
    if instances.ndim != 3 or instances.shape[:2] != (len(codes), len(starts)):
        message = (
            f"instances have shape {given}, but there are {len(codes)} sequences and {len(starts)} starts: "
            "they must be (sequences, starts, width)."
        )
        raise ValueError(message)
    width, seq_len = instances.shape[2], codes.shape[1]
    if starts.min() < 0 or starts.max() + width > seq_len:
        message = f"starts {starts.tolist()}: {width} bp from there do not lie within sequences of {seq_len} bp."
        raise ValueError(message)
    changed = codes.copy()
    for copy, start in enumerate(starts):
        changed[:, start : start + width] = instances[:, copy]
    return changed


def permuted_columns(pwm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The positions of a PWM (width, 4) in random order: a motif of the same width, bases and information."""
    return rng.permutation(pwm, axis=0)


def same_motif(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two PWMs (width, 4) are equal to the last bit, as they are or on the other strand."""
    return np.array_equal(a, b) or np.array_equal(a, np.asarray(b)[::-1, ::-1])


def unique_names(motifs: Sequence[Motif]) -> list[str]:
    """The name of each motif, with the id behind it where several motifs have that name, or everywhere if need be.

    Examples
    --------
    >>> from scbasset_tl.genome import Motif
    >>> from scbasset_tl.genome.motifs import unique_names
    >>> unique_names([Motif("M1", "JUN", [[1, 0, 0, 0]]), Motif("M2", "FOS", [[1, 0, 0, 0]])])
    ['JUN', 'FOS']
    >>> unique_names([Motif("M1", "JUN", [[1, 0, 0, 0]]), Motif("M2", "JUN", [[1, 0, 0, 0]])])
    ['JUN_M1', 'JUN_M2']
    """
    count = Counter(motif.name for motif in motifs)
    full = [f"{motif.name}_{motif.id}" for motif in motifs]
    short = [motif.name if count[motif.name] == 1 else name for motif, name in zip(motifs, full, strict=True)]
    # JUN, JUN and JUN_M1 may be JUN_M1, JUN_M2 and JUN_M1; the ids, which are unique, are the last resort
    return next(
        (names for names in (short, full) if len(set(names)) == len(names)),
        [motif.id for motif in motifs],
    )


def _checked(pwm: np.ndarray, of: str) -> np.ndarray:
    """``pwm`` as a new float64 array whose rows sum to one."""
    try:
        values = np.array(pwm, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"the PWM of {of} must be numbers (width, 4): {error}."
        raise ValueError(message) from error
    problem = ""
    if values.ndim != 2 or values.shape[1] != 4 or not len(values):
        hint = " Transpose it." if values.ndim == 2 and values.shape[0] == 4 and values.shape[1] else ""
        problem = f"must have shape (width, 4) with a width of at least 1, got {values.shape}.{hint}"
    elif (bad := ~np.isfinite(values)).any() or (bad := values < 0).any():
        row, column = np.argwhere(bad)[0]
        problem = f"must hold probabilities, but row {row + 1} has {values[row, column]:g} for {'ACGT'[column]}."
    elif (bad := np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE + 1e-9).any():
        first = bad.argmax()
        problem = (
            f"must have rows that sum to one, but {bad.sum()} of {len(values)} do not (row {first + 1} sums to "
            f"{values[first].sum():g}). Divide counts by their row's sum; log-odds are no probabilities."
        )
    if problem:
        message = f"the PWM of {of} {problem}"
        raise ValueError(message)
    return values / values.sum(axis=1, keepdims=True)
