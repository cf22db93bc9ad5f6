"""The fused loss, forward and backward, and a training step of a narrow trunk."""

from __future__ import annotations

import numpy as np
import torch

from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.loss import fused_linear_bce
from scbasset_tl.nn.trunk import Trunk, TrunkConfig
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train.batches import PeakBatches

BATCH, DENSITY = 128, 0.023


class Loss:
    params = (2_000, 100_000)
    param_names = ("cells",)

    def setup(self, n_cells: int):
        rng = np.random.default_rng(0)
        opened = rng.random((BATCH, n_cells), dtype=np.float32) < DENSITY
        indptr = np.concatenate([[0], opened.sum(1).cumsum()])
        entries = OpenEntries(indptr, opened.nonzero()[1].astype(np.int32), n_cells)
        codes = np.zeros((BATCH, 1), np.uint8)
        self.batches = PeakBatches(codes, entries, np.arange(BATCH), torch.device("cpu"))
        generator = torch.Generator().manual_seed(0)
        shapes = (BATCH, 32), (n_cells, 32), (n_cells,)
        self.inputs = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
        self.positives = self.batches.positives(torch.arange(BATCH))

    def time_positives(self, n_cells: int):
        self.batches.positives(torch.arange(BATCH))

    def time_forward_backward(self, n_cells: int):
        fused_linear_bce(*self.inputs, self.positives).backward()


class TrunkStep:
    def setup(self):
        self.trunk = Trunk(TrunkConfig.of_width(32), torch.Generator().manual_seed(0)).train()
        self.codes = torch.randint(0, 4, (16, 1344), generator=torch.Generator().manual_seed(0)).byte()

    def time_one_hot(self):
        one_hot(self.codes)

    def time_training(self):
        self.trunk(one_hot(self.codes)).sum().backward()
