"""What several benchmarks share: the machine, memory, simulated accessibility, blocks that can be resumed, tables.

Needs numpy alone; the scripts in ``peers/`` import it too.
"""

from __future__ import annotations

import json
import os
import platform
import threading
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ENTRIES_AT_ONCE = 1 << 18


def machine(*packages: str) -> dict[str, Any]:
    """What the figures depend on, with the versions of ``packages`` (``None`` where one is not installed)."""
    cpu: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        cpu.setdefault(key.strip(), value.strip())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": f"{cpu.get('model name')}, model {cpu.get('model')}",
        "amx_bf16": "amx_bf16" in cpu.get("flags", "").split(),
        "cores": os.cpu_count(),
        "load_average_at_start": os.getloadavg(),
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def limit_threads(n: int) -> None:
    """For this process, before it loads torch or numba, and for those it starts."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(n)


def in_process_of_its_own(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """So that the peak of its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


class Enough(Exception):
    """Raised from inside the training loop to end it."""


class AnonymousMemory:
    """Samples RssAnon (memory that no file backs) of this process while the body runs; all in MB."""

    def __enter__(self) -> AnonymousMemory:
        self.before = self.peak = self._now()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def above(self) -> float:
        """Peak minus what there was at the start."""
        return self.peak - self.before

    def _sample(self) -> None:
        while not self._ended.wait(0.005):
            self.peak = max(self.peak, self._now())

    @staticmethod
    def _now() -> float:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def simulate_entries(n_peaks: int, n_cells: int, density: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``indptr`` and sorted int32 ``indices`` of peaks × cells, each pair open independently with ``density``.

    Read row after row, the gaps from one open pair to the next are geometric: the time goes with the open pairs alone.
    """
    rng = np.random.default_rng(seed)
    counts, parts = [], []
    rows = max(1, int(_ENTRIES_AT_ONCE / (n_cells * density)))
    for first in range(0, n_peaks, rows):
        begins = np.arange(min(rows, n_peaks - first) + 1) * n_cells
        expected = begins[-1] * density
        # an exponential variable rounded down is a geometric one
        gaps = rng.standard_exponential(int(expected + 10 * expected**0.5 + 10))
        places = (gaps / -np.log1p(-density)).astype(np.int64)
        places = (places + 1).cumsum() - 1
        bounds = np.searchsorted(places, begins)
        counts.append(np.diff(bounds))
        parts.append((places[: bounds[-1]] - np.repeat(begins[:-1], counts[-1])).astype(np.int32))
    return np.concatenate([[0], np.cumsum(np.concatenate(counts))]), np.concatenate(parts)


def simulate_codes(n_peaks: int, seq_len: int = 1344, seed: int = 0) -> np.ndarray:
    """Random bases, uint8 (n_peaks, seq_len)."""
    return np.random.default_rng(seed).integers(0, 4, (n_peaks, seq_len), dtype=np.uint8)


class Record:
    """Results in a JSON file, saved after each one, so that a run that ends early is taken up where it was."""

    def __init__(self, path: Path | None, about: dict[str, Any]) -> None:
        self._path = path
        there = path is not None and path.exists()
        self.values: dict[str, Any] = json.loads(path.read_text()) if there else {"machine": about}

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What is recorded under ``key``; made and saved if there is nothing yet."""
        if key not in self.values:
            self.values[key] = make()
            self.save()
        return self.values[key]

    def block(self, key: str, number: int, make: Callable[[], Any]) -> Any:
        """The same for block ``number`` of the list under ``key``."""
        blocks = self.values.setdefault(key, [])
        if number == len(blocks):
            blocks.append(make())
            self.save()
        return blocks[number]

    def save(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(self.values, indent=1) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Markdown; floats to three digits, nothing for ``None``."""
    return "\n".join(_lines(columns, rows))


def _lines(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
