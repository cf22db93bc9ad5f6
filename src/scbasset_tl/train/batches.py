"""Codes and open entries of the training peaks, where an optimizer step can reach them."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from scbasset_tl._log import info
from scbasset_tl.nn.codes import as_codes
from scbasset_tl.nn.loss import Positives
from scbasset_tl.stats.open_entries import blocks_of_rows
from scbasset_tl.stats.tiles import gather_tiles, row_spans, tile_starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from scbasset_tl.stats.open_entries import OpenEntries

# cells of the head in one product: the fastest number measured on a CPU; a GPU needs larger products
_TILE, _TILE_ON_GPU = 4096, 32768
# share of a device's free memory that the open entries may take
_SHARE = 0.5
# steps whose open entries are made ready while a GPU works on one, each by a thread of its own
_AHEAD, _AHEAD_ON_GPU = 0, 4

S = TypeVar("S")
R = TypeVar("R")


class PeakBatches:
    """Codes of all peaks, and the open entries of the ``train`` ones in ``cells``.

    The open entries stay where they are, in memory or in a file, and each step takes its rows; a GPU that has room for them
    gets them once. ``subset`` says that a step will want some of the cells only: then they stay as well.
    """

    def __init__(
        self,
        codes: np.ndarray,
        entries: OpenEntries,
        train: np.ndarray,
        device: torch.device,
        *,
        cells: slice | None = None,
        subset: bool = False,
    ) -> None:
        cells = slice(0, entries.n_cells) if cells is None else cells
        self.codes = as_codes(codes).to(device)
        self.ids = torch.as_tensor(train).to(device)
        tile, n_ahead = (_TILE, _AHEAD) if device.type == "cpu" else (_TILE_ON_GPU, _AHEAD_ON_GPU)
        spans = row_spans(entries.indptr, np.asarray(entries.indices), train, cells.start, cells.stop)
        where = _OnDevice if not subset and _fits(device, spans) else _OnHost
        #: steps whose open entries are worth making in advance
        self.n_ahead = n_ahead if where is _OnHost else 0
        self.open_entries = where(np.asarray(entries.indices), spans, cells, tile, device)

    def positives(self, rows: torch.Tensor, cells: torch.Tensor | None = None) -> Positives:
        """The open pairs of the training peaks ``rows`` (on the CPU), tile after tile, in ``cells`` (ascending) or all."""
        return self.open_entries.positives(rows, cells)


class _OnHost:
    """Open entries in memory or in a file."""

    def __init__(self, indices: np.ndarray, spans: np.ndarray, cells: slice, tile: int, device: torch.device) -> None:
        self._indices, self._spans, self._cells, self._tile, self._device = indices, spans, cells, tile, device
        self._slots = threading.local()  # steps may be made ready side by side

    def positives(self, rows: torch.Tensor, cells: torch.Tensor | None = None) -> Positives:
        n_cells = self._cells.stop - self._cells.start
        slot = np.empty(0, dtype=np.int32)
        if cells is not None:
            if not hasattr(self._slots, "own"):
                self._slots.own = np.full(n_cells, -1, dtype=np.int32)
            n_cells, slot = len(cells), self._slots.own
            slot[cells.numpy()] = np.arange(n_cells, dtype=np.int32)
        n_tiles = -(-n_cells // self._tile)
        pairs = gather_tiles(self._indices, self._spans[:, rows.numpy()], self._cells.start, slot, self._tile, n_tiles)
        if cells is not None:
            slot[cells.numpy()] = -1
        places, columns = (to_device(torch.from_numpy(part), self._device) for part in pairs[:2])
        return Positives(places, columns, pairs[2].tolist(), self._tile)


class _OnDevice:
    """Open entries in the memory of a GPU, in the order of the training peaks."""

    def __init__(self, indices: np.ndarray, spans: np.ndarray, cells: slice, tile: int, device: torch.device) -> None:
        self._tile, self._device = tile, device
        n_tiles = -(-(cells.stop - cells.start) // tile)
        indptr = np.concatenate([[0], np.cumsum(spans[1] - spans[0])])
        starts = tile_starts(indices, spans, cells.start, tile, n_tiles)
        self._starts = torch.from_numpy(starts - spans[0][:, None] + indptr[:-1, None])
        self._columns = torch.empty(int(indptr[-1]), dtype=torch.int32, device=device)
        for first, last in blocks_of_rows(indptr):
            block = np.concatenate([indices[a:b] for a, b in spans[:, first:last].T]) - np.int32(cells.start)
            self._columns[indptr[first] : indptr[last]] = torch.from_numpy(block).to(device)

    def positives(self, rows: torch.Tensor, cells: torch.Tensor | None = None) -> Positives:
        # all sizes are known on the CPU, so that nothing here waits for the device
        starts = self._starts[rows].T
        first, lengths = starts[:-1].flatten(), starts.diff(dim=0).flatten()
        offsets = [0, *lengths.cumsum(0)[len(rows) - 1 :: len(rows)].tolist()]
        before = lengths.cumsum(0) - lengths
        place = torch.arange(len(rows)).repeat(len(starts) - 1)
        shift, place, lengths = (to_device(part, self._device) for part in (first - before, place, lengths))
        take = torch.arange(offsets[-1], device=self._device)
        take += torch.repeat_interleave(shift, lengths, output_size=offsets[-1])
        places = torch.repeat_interleave(place, lengths, output_size=offsets[-1])
        return Positives(places, self._columns[take].long(), offsets, self._tile)


def ahead(work: Callable[[S], R], steps: Iterable[S], n_ahead: int, device: torch.device) -> Iterator[tuple[S, R]]:
    """Yield each step with the result of ``work``, while those of the next ``n_ahead`` are computed."""
    if not n_ahead:
        yield from ((step, work(step)) for step in steps)
        return

    def start() -> None:
        if device.type == "cuda":  # a thread starts on the first one
            torch.cuda.set_device(device)

    with ThreadPoolExecutor(n_ahead, initializer=start) as pool:
        waiting: deque[tuple[S, Future[R]]] = deque()
        for step in steps:
            waiting.append((step, pool.submit(work, step)))
            if len(waiting) > n_ahead:
                done, result = waiting.popleft()
                yield done, result.result()
        yield from ((step, result.result()) for step, result in waiting)


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A CPU tensor on ``device``, without waiting for what the device is doing."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _fits(device: torch.device, spans: np.ndarray) -> bool:
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # what torch keeps for later
    size = 4 * int((spans[1] - spans[0]).sum())
    if size >= _SHARE * free:
        info(f"open entries ({_gib(size)}) stay in host memory: the device has {_gib(free)} free")
    return size < _SHARE * free


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
