"""Read motifs from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from scbasset_tl.genome.motifs import Motif


def read_motifs(path: str | os.PathLike[str]) -> list[Motif]:
    r"""Read the DNA motifs of a file of JASPAR, HOCOMOCO, CIS-BP, TRANSFAC or HOMER, or a collection of JASPAR by name.

    The content tells the format, whatever the file is called: MEME, JASPAR (``.jaspar``, ``.pfm``), TRANSFAC, HOMER
    (``.motif``), HOCOMOCO (``.pcm``), or a single matrix, each plain or compressed by gzip, bzip2 or xz.
    Ids and names stay as they are there; a motif without a name gets its id for one. Counts become the share of each base
    at each position, without pseudocounts.

    Parameters
    ----------
    path
        The file; or, with the extra ``motifs`` installed (pyjaspar), a release of JASPAR and a group of species:
        ``"jaspar2024-vertebrates"``, ``"jaspar2022-nematodes"`` (CORE motifs, the latest version of each).

    Returns
    -------
    The motifs in the order of the file, :class:`~scbasset_tl.genome.Motif` each.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or a collection of JASPAR is named and pyjaspar is not installed.
    ValueError
        If there is no such collection, the file is empty, in another format or truncated, or if one of its motifs has an
        id twice, no matrix, or a matrix that holds neither probabilities nor counts.

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
    from scbasset_tl.genome.jaspar import is_library, library
    from scbasset_tl.genome.motif_files import read_motif_file

    return library(path) if isinstance(path, str) and is_library(path) else read_motif_file(path)
