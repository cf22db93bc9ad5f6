"""DNA as codes: A0 C1 G2 T3, and 4 for N and every other ambiguous letter."""

from __future__ import annotations

from typing import Final

import numpy as np

ALPHABET: Final = "ACGTN"
N_CODE: Final = 4
_AMBIGUOUS: Final = "RYSWKMBDHVNU"
_INVALID: Final = 255

_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, N_CODE], dtype=np.uint8)


def _lookup() -> np.ndarray:
    table = np.full(256, _INVALID, dtype=np.uint8)
    for letter in _AMBIGUOUS + ALPHABET:
        code = ALPHABET.find(letter) if letter in ALPHABET else N_CODE
        table[[ord(letter), ord(letter.lower())]] = code
    return table


_CODES = _lookup()


def encode(sequence: str | bytes | np.ndarray) -> np.ndarray:
    """Codes of nucleotide letters; lower case (soft-masked) is sequence like any other.

    Parameters
    ----------
    sequence
        Text (L,), or the bytes of letters as uint8 (..., L).

    Returns
    -------
    uint8 of the same shape: A0 C1 G2 T3, and 4 for each other IUPAC letter.

    Raises
    ------
    ValueError
        For a character that is no IUPAC nucleotide letter.

    Examples
    --------
    >>> from scbasset_tl.genome import encode
    >>> encode("ACGTNacgtR").tolist()
    [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    """
    if isinstance(sequence, str):
        sequence = sequence.encode()
    letters = np.frombuffer(sequence, dtype=np.uint8) if isinstance(sequence, bytes) else np.asarray(sequence)
    if letters.dtype != np.uint8:
        message = f"sequence must be text, bytes or a uint8 array of letters, got an array of {letters.dtype}."
        raise TypeError(message)
    codes = _CODES[letters]
    if codes.size and codes.max() == _INVALID:
        bad = np.flatnonzero(codes == _INVALID)
        message = (
            f"{bad.size} characters are no IUPAC nucleotide letter (first: {bytes([letters.flat[bad[0]]])!r} at "
            f"position {bad[0]}). Sequences may hold A, C, G, T and {', '.join(_AMBIGUOUS)}, in either case."
        )
        raise ValueError(message)
    return codes


def gc_share(codes: np.ndarray) -> np.ndarray:
    """Share of C and G among the known bases of codes (P, L), float64 (P,); N is left out, and a half if all are N.

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.genome.codes import encode, gc_share
    >>> gc_share(np.array([encode("GCATNN"), encode("NNNNNN")])).tolist()
    [0.5, 0.5]
    """
    n_bases = (codes < N_CODE).sum(axis=1)
    strong = ((codes == 1) | (codes == 2)).sum(axis=1)
    return np.where(n_bases > 0, strong / np.maximum(n_bases, 1), 0.5)


def decode(codes: np.ndarray) -> str | np.ndarray:
    """Upper-case letters of codes: a str for (L,), an array of str (...) for (..., L).

    Examples
    --------
    >>> import numpy as np
    >>> from scbasset_tl.genome import decode
    >>> decode(np.array([0, 1, 2, 3, 4], dtype=np.uint8))
    'ACGTN'
    """
    if np.ndim(codes) == 1:
        return _LETTERS[codes].tobytes().decode()
    return np.array([decode(row) for row in codes])


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """The other strand of codes (..., L), read in its own direction; N stays N.

    Examples
    --------
    >>> from scbasset_tl.genome import decode, encode, reverse_complement
    >>> decode(reverse_complement(encode("AACGN")))
    'NCGTT'
    """
    return _COMPLEMENT[codes][..., ::-1]
