"""Announce after the first steps how long training will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scbasset_tl._log import duration, info

if TYPE_CHECKING:
    from tqdm.auto import tqdm

# the first steps also load libraries; a few after them, or so many seconds, tell the pace
_N_FIRST, _N_TIMED, _LONG_S = 2, 8, 10.0
_WORTH_SAYING_S = 5.0


class Pace:
    """Moves the bar at each step, and announces once how long all ``n_epochs`` of ``n_steps`` steps will take."""

    def __init__(self, bar: tqdm, n_epochs: int, n_steps: int) -> None:
        self._bar, self._n_epochs, self._n_steps = bar, n_epochs, n_steps
        self._done, self._started = 0, 0.0
        self._told = False

    def step(self) -> None:
        """One step more is done."""
        self._bar.update()
        self._done += 1
        if self._told:
            return
        if self._done == _N_FIRST:
            self._started = time.perf_counter()
        elif self._done > _N_FIRST:
            timed, took = self._done - _N_FIRST, time.perf_counter() - self._started
            if timed >= _N_TIMED or took > _LONG_S:
                self._told = True
                self._tell(took / timed * self._n_epochs * self._n_steps)

    def _tell(self, seconds: float) -> None:
        if seconds > _WORTH_SAYING_S and not self._bar.disable:
            self._bar.clear()
            info(f"training takes about {duration(seconds)}: {self._n_epochs} epochs of {self._n_steps} steps")
            self._bar.refresh()
