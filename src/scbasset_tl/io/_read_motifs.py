"""Read motifs from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from scbasset_tl.genome.motifs import Motif


def read_motifs(path: str | os.PathLike[str]) -> list[Motif]:
    r"""Read the DNA motifs of a file in MEME format, e.g. of JASPAR or CIS-BP.

    Parameters
    ----------
    path
        The file. Ids and names stay as they are there; a motif without a name gets its id for one.

    Returns
    -------
    The motifs in the order of the file, :class:`~scbasset_tl.genome.Motif` each.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, not in MEME format or truncated, or if one of its motifs has an id twice, no matrix, or a
        matrix that does not hold probabilities.

    Examples
    --------
    >>> from pathlib import Path
    >>> import scbasset_tl as sb
    >>> _ = Path("toy.meme").write_text(
    ...     "MEME version 4\n\nMOTIF MA1.1 Ahr::Arnt\n"
    ...     "letter-probability matrix: alength= 4 w= 3\n0 0 1 0\n0.1 0.9 0 0\n0 0 1 0\n"
    ... )
    >>> sb.io.read_motifs("toy.meme")
    [Motif('MA1.1', 'Ahr::Arnt', GCG)]
    """
    from scbasset_tl.genome.meme import read_meme

    return read_meme(path)
