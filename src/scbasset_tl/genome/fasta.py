"""Windows of a genome, read from an indexed FASTA file as codes."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from base64 import urlsafe_b64encode
from contextlib import suppress
from hashlib import sha512
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from scbasset_tl._files import as_path, is_full, replacing
from scbasset_tl._log import info
from scbasset_tl.genome.codes import N_CODE, encode
from scbasset_tl.genome.compress import bgzip_name
from scbasset_tl.genome.fasta_index_check import bytes_before, fits, read_bytes
from scbasset_tl.genome.fasta_index_write import write_fai, write_gzi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from pyfaidx import Faidx

# windows that start in the same stretch of this many bp are cut from one read; a bgzip block is as long
_STRETCH: Final = 1 << 16
_BGZF_END: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class Fasta:
    r"""Contigs of a FASTA file, plain or bgzip; only the windows asked for are read.

    The index is that of ``samtools faidx``. If it is missing or of another file, it is built, and kept beside
    the FASTA if that folder can be written to.

    Parameters
    ----------
    path
        FASTA file; its name ends in ``.gz`` or ``.bgz`` if, and only if, it is compressed by bgzip
        (:func:`scbasset_tl.genome.bgzip`).

    Attributes
    ----------
    path
        The FASTA file.
    lengths
        Length of each contig in bp, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        For a file that is compressed otherwise, truncated or malformed, or has two contigs of one name.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from scbasset_tl.genome import Fasta, decode
    >>> path = Path(mkdtemp(), "toy.fa")
    >>> _ = path.write_text(">chrI\nACGTACGT\n")
    >>> with Fasta(path) as fasta:
    ...     decode(fasta.windows(["chrI"], [1], 6)).tolist()
    ['NNACGT']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path("fasta", path)
        _check_format(self.path)
        self._faidx = _open_current(self.path) or _build(self.path)
        self.lengths = {name: record.rlen for name, record in self._faidx.index.items()}

    def __repr__(self) -> str:
        return f"Fasta({str(self.path)!r}, {len(self.lengths):,} contigs, {sum(self.lengths.values()):,} bp)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._faidx.close()

    def checksum(self) -> str:
        """Identifies the assembly by its contigs' names and lengths, in any order: the GA4GH digest of both."""
        return assembly_checksum(self.lengths)

    def codes(self, contig: str, start: int, end: int) -> np.ndarray:
        """Codes of [start, end), uint8; N where that lies outside the contig."""
        if contig not in self.lengths:
            message = f"{self.path.name} has no contig {contig!r}; it has {list(self.lengths)[:5]}."
            raise KeyError(message)
        codes = np.full(end - start, N_CODE, dtype=np.uint8)
        low, high = max(start, 0), min(end, self.lengths[contig])
        if low < high:
            codes[low - start : high - start] = self._read(contig, low, high)
        return codes

    def windows(
        self, chrom: Any, middle: Any, seq_len: int, *, tick: Callable[[int], object] | None = None
    ) -> np.ndarray:
        """Codes of the windows [middle - seq_len // 2, middle - seq_len // 2 + seq_len).

        Parameters
        ----------
        chrom
            Contig of each window (n,).
        middle
            Position that each window is cut around, 0-based (n,).
        seq_len
            Length of the windows in bp.
        tick
            Called with the number of windows done since the last call, e.g. ``update`` of a progress bar.

        Returns
        -------
        uint8 (n, seq_len); N outside the contigs.
        """
        contigs = pd.Categorical(chrom)
        start = np.asarray(middle, dtype=np.int64) - seq_len // 2
        order = np.lexsort((start, contigs.codes))
        new_stretch = np.diff(contigs.codes[order]).astype(bool) | np.diff(start[order] // _STRETCH).astype(bool)
        windows = np.empty((len(start), seq_len), dtype=np.uint8)
        for rows in np.split(order, np.flatnonzero(new_stretch) + 1) if len(order) else []:
            first, last = int(start[rows[0]]), int(start[rows[-1]])
            stretch = self.codes(contigs[rows[0]], first, last + seq_len)
            windows[rows] = np.lib.stride_tricks.sliding_window_view(stretch, seq_len)[start[rows] - first]
            if tick is not None:
                tick(len(rows))
        return windows

    def _read(self, contig: str, start: int, end: int) -> np.ndarray:
        record = self._faidx.index[contig]
        offset = record.offset + bytes_before(record, start)
        try:
            # end - 1: the last base may stand at the end of its line
            letters = read_bytes(self._faidx, offset, record.offset + bytes_before(record, end - 1) + 1 - offset)
            letters = letters.translate(None, b"\r\n")
            if len(letters) != end - start:
                message = f"there are {len(letters)} of {end - start} bases."
                raise ValueError(message)
            return encode(letters)
        except _damage() as error:
            message = (
                f"{self.path} cannot be read at {contig}:{start}-{end}: {error} "
                "The file is damaged or truncated: fetch or unpack it again."
            )
            raise ValueError(message) from error


def assembly_checksum(lengths: Mapping[str, int]) -> str:
    """Identifies an assembly by its contigs' names and lengths, in any order.

    This is the GA4GH sequence collections digest ``sorted_name_length_pairs``, so other tools give the same.
    """
    return _digest(sorted(_digest({"length": length, "name": name}) for name, length in lengths.items()))


def _digest(value: Any) -> str:
    """GA4GH sha512t24u of canonical JSON."""
    canonical = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(sha512(canonical.encode()).digest()[:24]).decode()


def _check_format(path: Path) -> None:
    """Tell by content, not by name, what pyfaidx can read."""
    if not path.is_file():
        message = f"there is no FASTA file {str(path)!r}"
        packed = path.with_name(f"{path.name}.gz")
        if path.is_dir():
            message += ": it is a folder. Pass the path of the file in it."
        elif packed.is_file():
            message += f", but there is {str(packed)!r}: pass it."
        elif path.suffix:
            message += ": check the path."
        else:
            message += ": pass the path of the genome's FASTA file, not the name of an assembly."
        raise FileNotFoundError(message)
    with path.open("rb") as file:
        head = file.read(18)
        file.seek(-min(len(_BGZF_END), path.stat().st_size), os.SEEK_END)
        tail = file.read()
    gzip, named_gzip = head[:2] == b"\x1f\x8b", path.suffix.lower() in (".gz", ".bgz")
    message = ""
    if gzip and not (head[3:4] == b"\x04" and head[12:14] == b"BC"):
        message = (
            f"{path} is compressed by gzip, which gives no access to single regions. Compress it by bgzip, once: "
            f"sb.genome.bgzip({str(path)!r}) writes {str(bgzip_name(path))!r}, to be passed instead; or in a shell, "
            f"gunzip -c {path} | bgzip > {bgzip_name(path)}"
        )
    elif gzip and tail != _BGZF_END:
        message = f"{path} is truncated: the end marker of bgzip is missing. Fetch the file again."
    elif gzip != named_gzip:
        kind = "compressed by bgzip" if gzip else "not compressed"
        message = f"{path} is {kind}, which its name does not say: .gz or .bgz stands for bgzip. Rename it."
    elif not gzip and head.lstrip()[:1] not in (b">", b";"):
        message = f"{path} is no FASTA file: it does not start with '>' (it starts with {head!r})."
    if message:
        raise ValueError(message)


def _index_paths(path: Path, folder: Path) -> dict[str, Path]:
    """What pyfaidx calls the parts of the index, and where they are."""
    paths = {"indexname": folder / f"{path.name}.fai"}
    if path.suffix.lower() in (".gz", ".bgz"):
        paths["gzi_indexname"] = folder / f"{path.name}.gzi"
    return paths


def _open_current(path: Path) -> Faidx | None:
    """The FASTA with the index beside it, unless that is missing, older, damaged, or of another file."""
    from pyfaidx import Faidx

    paths = _index_paths(path, path.parent)
    changed = path.stat().st_mtime
    if not all(index.exists() and index.stat().st_mtime >= changed for index in paths.values()):
        return None
    with suppress(*_damage()):
        faidx = Faidx(path, **paths, as_raw=True)
        if faidx.index and fits(faidx):
            return faidx
        faidx.close()
    return None


def _build(path: Path) -> Faidx:
    """The FASTA with a new index, kept beside it where possible; other processes never see it half written."""
    from pyfaidx import Faidx

    info(f"indexing {path.name}")
    try:
        temporary = TemporaryDirectory()
    except OSError as error:
        message = f"{path} cannot be indexed: {error.strerror}. Make room, or set the variable TMPDIR to a folder."
        raise OSError(message) from error
    with temporary as folder:
        paths = _index_paths(path, Path(folder))
        try:
            write_fai(path, paths["indexname"])
            if "gzi_indexname" in paths:
                write_gzi(path, paths["gzi_indexname"])
            for index in paths.values():  # a FASTA may be dated later than today
                os.utime(index, (index.stat().st_atime, max(index.stat().st_mtime, path.stat().st_mtime + 1)))
            faidx = Faidx(path, **paths, as_raw=True)
        except _damage() as error:
            if isinstance(error, OSError) and is_full(error):
                message = f"{path} cannot be indexed: {folder!r}, where temporary files are, is full. Make room there."
                raise OSError(error.errno, message) from error
            message = f"{path} cannot be read as FASTA: {error}"
            raise ValueError(message) from error
        for index in paths.values():
            try:
                with replacing(path.with_name(index.name)) as partial:
                    shutil.copy2(index, partial)  # with its date
            except OSError:
                info(
                    f"{path.parent} cannot be written to: the index is built anew each time (samtools faidx keeps one)"
                )
                break
    return faidx


def _damage() -> tuple[type[Exception], ...]:
    """What pyfaidx and Biopython raise on files that are not as they should be."""
    from pyfaidx import FastaIndexingError

    return (FastaIndexingError, ArithmeticError, OSError, ValueError, IndexError, EOFError, struct.error, zlib.error)
