"""The genome behind the toy data, as a file."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path, check_own, replacing
from scbasset_tl._random import as_generator

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    import numpy as np


@doc_params
def toy_genome(
    path: str | PathLike[str], *, n_vars: int = 4000, n_types: int = 5, rng: int | np.random.Generator | None = 0
) -> Path:
    """Write the genome that :func:`scbasset_tl.datasets.toy` cuts its sequences from, as plain FASTA.

    The background is a Markov chain of human-like composition (41 % GC, few CpG). Peaks touch both ends of ``chr1``
    and ``chr3`` and fill ``scaffold1``; ``chr2`` and ``chr4`` begin with N; ``chr5`` has no peaks. N runs lie beside
    the sites of some peaks, and a seventh of the lines is lower case.

    Parameters
    ----------
    path
        File to write; one that exists is replaced.
    n_vars, n_types
        As for the data that the genome belongs to: the same ``n_vars``, ``n_types`` and ``rng`` make the same genome.
    {rng}

    Returns
    -------
    ``path``.

    Raises
    ------
    ValueError
        If a size cannot be met, or ``path`` ends like a compressed file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=50, n_vars=100)
    >>> codes = adata.varm["dna_code"].copy()
    >>> fasta = sb.datasets.toy_genome(Path(mkdtemp(), "toy.fa"), n_vars=100)
    >>> sb.pp.add_sequences(adata, fasta, seq_len=192)
    >>> bool(np.array_equal(adata.varm["dna_code"], codes))
    True
    """
    from scbasset_tl.datasets._simulate_genome import check_sizes, fasta_lines, make_genome

    path = as_path("path", path)
    if path.suffix in (".gz", ".bgz"):
        message = f"path={str(path)!r} ends like a compressed file, but the FASTA is plain: call it {path.stem!r}."
        raise ValueError(message)
    check_sizes(n_vars, n_types)
    genome = make_genome(n_vars, n_types, as_generator(rng))
    check_own(path, lambda file: _has_contigs(file, list(genome.contigs)), "a file of datasets.toy_genome")
    with replacing(path) as temporary, temporary.open("w") as file:
        file.writelines(fasta_lines(genome.contigs))
    return path


def _has_contigs(path: Path, names: list[str]) -> bool:
    """Whether a FASTA has these contigs and no others; of another genome hardly anything is read."""
    with path.open("rb") as file:
        headers = (line[1:].strip().decode() for line in file if line[:1] == b">")
        return all(header == name for header, name in zip_longest(headers, names))
