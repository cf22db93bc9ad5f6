"""Sequences to a FASTA file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from scbasset_tl._files import as_path, check_own, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

_WIDTH: Final = 80
_MARK: Final = "scbasset_tl"  # behind each name: by it the file is known, which a genome is not


def write_fasta(sequences: pd.DataFrame | pd.Series | Mapping[str, str], path: str | Path) -> None:
    """Write DNA to a FASTA file, such as the designed sequences of :func:`scbasset_tl.get.design`.

    Parameters
    ----------
    sequences
        DNA by name: a table with the column ``sequence``, whose index has the names, a :class:`pandas.Series`, or a
        mapping.
    path
        File to write; one that this function wrote is replaced in one step, any other is refused. Behind each name
        stands ``scbasset_tl``, by which the file is known.

    Raises
    ------
    KeyError
        If a table has no column ``sequence``.
    ValueError
        If there is no sequence, one is empty or no DNA, or names are empty, repeated or hold spaces.
    FileExistsError
        If ``path`` is a file that this function did not write, such as a genome.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.design(adata, groupby="cell_type", group="type_1", n_sequences=3, n_rounds=2)
    >>> sb.io.write_fasta(sb.get.design(adata), "designed.fa")
    """
    named = _named(sequences)
    lines = []
    for name, sequence in named.items():
        lines += [f">{name} {_MARK}", *(sequence[first : first + _WIDTH] for first in range(0, len(sequence), _WIDTH))]
    content = ("\n".join(lines) + "\n").encode()
    path = as_path("path", path)
    check_own(path, _is_own, "a file of io.write_fasta")
    with replacing(path, n_bytes=len(content)) as temporary:
        temporary.write_bytes(content)


def _named(sequences: Any) -> dict[str, str]:
    """Names, each of which is the first word of a line for every reader, and upper- or lower-case DNA."""
    from scbasset_tl._adata.model.denoised import by_name
    from scbasset_tl.genome.codes import encode

    if hasattr(sequences, "columns"):
        if "sequence" not in sequences:
            message = f"sequences: the table has no column 'sequence'; it has {list(sequences)}."
            raise KeyError(message)
        sequences = sequences["sequence"]
    if not hasattr(sequences, "items"):
        message = f"sequences must be DNA by name, a table, a Series or a mapping, got {type(sequences).__name__}."
        raise TypeError(message)
    if not len(sequences):
        message = "sequences is empty: there is nothing to write."
        raise ValueError(message)
    named = by_name(sequences)
    if bad := [name for name in named if len(name.split()) != 1 or name != name.strip()]:
        message = f"sequences: {len(bad)} names are empty or hold spaces, where FASTA names end (first: {bad[0]!r}): rename them."
        raise ValueError(message)
    for name, sequence in named.items():
        if not isinstance(sequence, str) or not sequence:
            message = f"sequences: {name!r} must be DNA as text, got {sequence!r}."
            raise ValueError(message)
        try:
            encode(sequence)
        except (UnicodeEncodeError, ValueError) as error:
            message = f"sequences: {name!r} cannot be written. {error}"
            raise ValueError(message) from error
    return named


def _is_own(path: Path) -> bool:
    with path.open("rb") as file:
        line = file.readline(1 << 16).decode()
    return line.startswith(">") and line.split()[1:] == [_MARK]
