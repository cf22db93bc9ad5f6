"""What every part of ``gpu.py`` is given."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DENSITY, BATCH, K = 0.023, 128, 32
TRAIN_FLOP = 2.78e9  # arithmetic of a sequence in training, the paper's trunk


class Part:
    """Options, device and results of a part; ``keep`` saves at once."""

    def __init__(self, options: dict[str, Any], out: Path) -> None:
        self.tiny, self.work, self.ceilings = options["tiny"], options["work"], options["ceilings"]
        self.end = time.perf_counter() + options["limit"]
        self.device = torch.device(options["device"])
        self.cuda = self.device.type == "cuda"
        self.width = 8 if self.tiny else 288
        self._out, self.results = out, {}

    def keep(self, **results: Any) -> None:
        for name, value in results.items():
            if isinstance(value, dict):  # a row of a table
                self.results.setdefault(name, []).append(value)
            else:
                self.results[name] = value
        self._out.write_text(json.dumps(self.results))

    def seconds(self, call: Callable[[], Any], n: int = 20, warm: int = 5) -> float:
        """Median seconds of a call."""
        for _ in range(warm):
            call()
        times = []
        for _ in range(n):
            self.wait()
            started = time.perf_counter()
            call()
            self.wait()
            times.append(time.perf_counter() - started)
        return median(times)

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()
