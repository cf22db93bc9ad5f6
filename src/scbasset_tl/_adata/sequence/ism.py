"""In-silico mutagenesis of a trained model: computed, kept in ``.uns``, and found there again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.kinds import ISM
from scbasset_tl._adata.results import entry, find, texts
from scbasset_tl._adata.windows import find_places, sequence_windows, warn_blank
from scbasset_tl._keys import CHROM, END, START
from scbasset_tl._log import progress
from scbasset_tl._space import check_memory
from scbasset_tl._validate import check_name, check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import torch
    from anndata import AnnData

    from scbasset_tl._adata.model.store import Network

METHODS = ("ism", "gradient")
_BY_REGION = ("chrom", "start", "codes", "delta")


@dataclass(frozen=True)
class Changes:
    """What each base at each position of some regions changes in the embedding."""

    regions: list[str]
    chrom: np.ndarray  # str (R,)
    start: np.ndarray  # int64 (R,): genomic position of the first base shown
    codes: np.ndarray  # uint8 (R, W)
    delta: np.ndarray  # float32 (R, W, 4, n_latent)
    window: tuple[int, int]  # within the sequence
    seq_len: int
    method: str

    @property
    def middle(self) -> np.ndarray:
        """Genomic position that the sequences are cut around (R,)."""
        return self.start - self.window[0] + self.seq_len // 2

    def place(self) -> list[tuple[str, int | str]]:
        """Where each region lies, as in :class:`Places`: names may repeat, and stand for other regions elsewhere."""
        rows = zip(self.chrom, self.middle, self.regions, strict=True)
        return [(str(chrom), int(middle)) if chrom else ("", name) for chrom, middle, name in rows]

    def row_of(self) -> dict[tuple[str, int | str], int]:
        """The row of each place, unless the place has rows with different sequences."""
        first_row: dict[tuple[str, int | str], int] = {}
        unclear = set()
        for row, place in enumerate(self.place()):
            if not np.array_equal(self.codes[first_row.setdefault(place, row)], self.codes[row]):
                unclear.add(place)
        return {place: row for place, row in first_row.items() if place not in unclear}

    def rows(self, rows: list[int]) -> Changes:
        """Some of the regions."""
        arrays: dict[str, Any] = {name: getattr(self, name)[rows] for name in _BY_REGION}
        return replace(self, regions=[self.regions[row] for row in rows], **arrays)

    def cut(self, window: tuple[int, int]) -> Changes:
        """A window within the present one."""
        part = slice(window[0] - self.window[0], window[1] - self.window[0])
        return replace(
            self, start=self.start + part.start, codes=self.codes[:, part], delta=self.delta[:, part], window=window
        )

    def join(self, other: Changes) -> Changes:
        """The regions of both, of one window."""
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in _BY_REGION
        }
        return replace(self, regions=self.regions + other.regions, **arrays)


def compute_changes(
    adata: AnnData,
    network: Network,
    regions: Any,
    *,
    fasta: str | PathLike[str] | None,
    window: int | tuple[int, int] | None,
    method: str,
    device: torch.device | str = "cpu",
) -> Changes:
    """Evaluate all substitutions in ``window`` of the regions with a trained network."""
    check_one_of("method", method, METHODS)
    trunk = network.trunk().to(device)
    seq_len = trunk.config.seq_len
    first, last = check_window(window, seq_len)
    windows = sequence_windows(adata, regions, fasta=fasta, seq_len=seq_len)
    warn_blank(windows.codes, windows.name)
    codes = windows.codes[:, first:last]
    what = f"the mutagenesis of {len(codes):,} regions × {last - first} bp"
    check_memory(
        4 * 4 * codes.size * trunk.config.n_latent, what, advice="name fewer regions, or fewer bases by window=."
    )

    from scbasset_tl.nn import mutagenesis

    evaluate = mutagenesis.mutagenesis if method == "ism" else mutagenesis.gradient_attribution
    total = mutagenesis.count_substitutions(codes)
    with progress(total, description=f"in-silico mutagenesis, {len(codes)} regions", unit=" bases") as bar:
        delta = evaluate(trunk, windows.codes, window=(first, last), tick=bar.update)
    return Changes(windows.name, windows.chrom, windows.start + first, codes, delta, (first, last), seq_len, method)


def find_changes(
    adata: AnnData,
    network: Network,
    regions: Any = None,
    *,
    fasta: str | PathLike[str] | None,
    key: str,
    window: int | tuple[int, int] | None,
) -> Changes:
    """The changes of ``uns[key]``; those of regions or positions that are not there are computed.

    Regions are the same if they lie at the same place, whatever their names. Without ``window``, regions that are not
    there get the window and the method of those that are.
    """
    stored = _read_changes(adata, key, network.key)
    if regions is None:
        if stored is None:
            message = f"uns[{key!r}] holds no {ISM.what}: run {ISM.call}, or pass regions=."
            raise KeyError(message)
        asked, rows = None, list(range(len(stored.regions)))
    else:
        asked = find_places(adata, regions)
        stored_rows = {} if stored is None else stored.row_of()
        rows = [stored_rows.get(place, -1) for place in asked.place]
    if stored is None or max(rows) < 0:
        return compute_changes(adata, network, regions, fasta=fasta, window=window, method="ism")
    names = stored.regions if asked is None else asked.name
    bounds = stored.window if window is None else check_window(window, stored.seq_len)
    method: dict[str, Any] = {"fasta": fasta, "window": bounds, "method": stored.method}
    if bounds[0] < stored.window[0] or bounds[1] > stored.window[1]:
        again = _stored_regions(adata, stored, key, fasta) if asked is None else regions
        return replace(compute_changes(adata, network, again, **method), regions=names)
    changes = stored.cut(bounds)
    if asked is None:  # all, without a copy of their changes
        return replace(changes, regions=names, chrom=changes.chrom.copy(), codes=changes.codes.copy())
    missing = [number for number, row in enumerate(rows) if row < 0]
    if missing:
        for row, number in enumerate(missing, start=len(changes.regions)):
            rows[number] = row
        changes = changes.join(compute_changes(adata, network, asked.some(missing), **method))
    return replace(changes.rows(rows), regions=names)


def pack_changes(
    changes: Changes, network: Network, params: Mapping[str, Any], slots: Mapping[str, str]
) -> dict[str, Any]:
    """The entry of ``.uns``."""
    return {
        **entry(ISM, params, slots, origin=network.origin()),
        "regions": np.array(changes.regions, dtype=object),
        "chrom": np.array(changes.chrom, dtype=object),
        "start": changes.start,
        "window": np.array(changes.window),
        "seq_len": changes.seq_len,
        "codes": changes.codes,
        "delta": changes.delta,
        "method": changes.method,
    }


def check_window(window: Any, seq_len: int) -> tuple[int, int]:
    """Half-open bounds of a window, given as a width around the middle or as (first, last)."""
    if window is None:
        return 0, seq_len
    if isinstance(window, tuple | list | np.ndarray) and len(window) == 2:
        first, last = window
        whole = all(isinstance(end, Integral) and not isinstance(end, bool) for end in (first, last))
        if whole and 0 <= first < last <= seq_len:
            return int(first), int(last)
        message = (
            f"window=(first, last) must be positions 0 <= first < last <= {seq_len} in the sequence, got {window}."
        )
        raise ValueError(message)
    width = check_positive_int("window", window)
    if width > seq_len:
        message = f"window={width} is more than the {seq_len} bp that the model reads."
        raise ValueError(message)
    first = seq_len // 2 - width // 2
    return first, first + width


def _read_changes(adata: AnnData, key: str, model_key: str) -> Changes | None:
    """The changes in ``uns[key]``, ``None`` if there is no such entry; refuses those of another model."""
    if check_name("key", key) not in adata.uns:
        return None
    stored = find(adata, ISM, key, model_key=model_key)
    first, last = (int(end) for end in stored["window"])
    return Changes(
        regions=texts(stored["regions"]),
        **{name: np.asarray(stored[name]) for name in _BY_REGION},
        window=(first, last),
        seq_len=int(stored["seq_len"]),
        method=str(stored["method"]),
    )


def _stored_regions(
    adata: AnnData, stored: Changes, key: str, fasta: str | PathLike[str] | None
) -> np.ndarray | pd.DataFrame:
    """The regions of ``stored``, as peaks or as places in a FASTA, so that their sequences can be read again."""
    if fasta is not None and all(stored.chrom):
        columns = {CHROM: stored.chrom, START: stored.middle, END: stored.middle + 1}
        return pd.DataFrame(columns, index=pd.Index(stored.regions, dtype=object))
    peaks = {place: number for number, place in enumerate(find_places(adata, slice(None)).place)}
    rows = [peaks.get(place, -1) for place in stored.place()]
    if min(rows) < 0:
        absent = [name for name, number in zip(stored.regions, rows, strict=True) if number < 0]
        message = (
            f"uns[{key!r}] holds positions {stored.window} of its regions, {len(absent)} of which are no peaks (first: "
            f"{absent[:3]}): pass fasta= to read the rest of their sequences, or a window= within."
        )
        raise ValueError(message)
    return np.array(rows)
