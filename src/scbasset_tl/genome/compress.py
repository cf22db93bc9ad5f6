"""Compress a FASTA so that single regions of it can be read."""

from __future__ import annotations

import gzip
from contextlib import nullcontext
from typing import TYPE_CHECKING

from scbasset_tl._files import as_path, check_own, replacing
from scbasset_tl._log import progress
from scbasset_tl._reading import DAMAGED

if TYPE_CHECKING:
    import os
    from pathlib import Path

_AT_ONCE = 1 << 22
_LEVEL = 4  # a fifth of the time of 6, and DNA as small


def bgzip(path: str | os.PathLike[str], target: str | os.PathLike[str] | None = None) -> Path:
    r"""Compress a file by bgzip, also one that is compressed by gzip, as UCSC and Ensembl give genomes out.

    The file itself stays as it is.

    Parameters
    ----------
    path
        File, plain or gzip.
    target
        File to write. By default its name ends in ``.bgz``, in place of ``.gz``.

    Returns
    -------
    The path of the new file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is truncated or damaged, or ``target`` is the file itself or has another ending than ``.gz`` or ``.bgz``.

    Examples
    --------
    >>> import gzip
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import scbasset_tl as sb
    >>> path = Path(mkdtemp(), "toy.fa.gz")
    >>> _ = path.write_bytes(gzip.compress(b">chrI\nACGTACGT\n"))
    >>> with sb.genome.Fasta(sb.genome.bgzip(path)) as fasta:
    ...     fasta.path.name, fasta.lengths
    ('toy.fa.bgz', {'chrI': 8})
    """
    from Bio.bgzf import BgzfWriter

    path = as_path("path", path)
    if not path.is_file():
        message = f"path: there is no file {str(path)!r}."
        raise FileNotFoundError(message)
    new = bgzip_name(path) if target is None else as_path("target", target)
    if new.suffix.lower() not in (".gz", ".bgz") or (new.exists() and new.samefile(path)):
        message = f"target={str(new)!r} must be another file than path, and end in .gz or .bgz."
        raise ValueError(message)
    check_own(new, _is_bgzip, "a file of bgzip", name="target")
    with path.open("rb") as raw, replacing(new, name="target") as partial:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with (
            gzip.open(raw) if compressed else nullcontext(raw) as source,
            BgzfWriter(partial, "wb", compresslevel=_LEVEL) as file,
            progress(path.stat().st_size, description=f"compressing {path.name}", unit="B", unit_scale=True) as bar,
        ):
            try:
                while block := source.read(_AT_ONCE):
                    file.write(block)
                    bar.update(raw.tell() - bar.n)
            except DAMAGED as error:  # errors of the disk that is written to are not the file's
                message = f"{path} cannot be unpacked ({error}). The file is truncated or damaged: fetch it again."
                raise ValueError(message) from error
    return new


def bgzip_name(path: Path) -> Path:
    """The name of the file that :func:`bgzip` writes."""
    return path.with_suffix(".bgz") if path.suffix.lower() == ".gz" else path.with_name(f"{path.name}.bgz")


def _is_bgzip(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(14)
    return head[:4] == b"\x1f\x8b\x08\x04" and head[12:] == b"BC"
