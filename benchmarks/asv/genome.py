"""Shuffles, motif instances and motif matches."""

from __future__ import annotations

import numpy as np

from scbasset_tl.genome import dinucleotide_shuffle
from scbasset_tl.genome.instances import draw_instances
from scbasset_tl.genome.scan import scan

LENGTH = 1344


class Shuffle:
    params = (10, 1000)
    param_names = ("sequences",)

    def setup(self, n: int):
        self.codes = np.random.default_rng(0).integers(0, 4, (n, LENGTH), dtype=np.uint8)
        dinucleotide_shuffle(self.codes[:1])  # compiles

    def time_dinucleotide_shuffle(self, n: int):
        dinucleotide_shuffle(self.codes)


class Motifs:
    def setup(self):
        rng = np.random.default_rng(0)
        self.codes = rng.integers(0, 4, (200, LENGTH), dtype=np.uint8)
        self.pwms = [rng.dirichlet(np.full(4, 0.1), 12) for _ in range(20)]
        self.time_draw_instances()
        scan(self.pwms[:1], self.codes[:1], p_value=1e-4)

    def time_draw_instances(self):
        draw_instances(self.pwms[0], 10_000, seed=0)

    def time_scan(self):
        scan(self.pwms, self.codes, p_value=1e-4)
