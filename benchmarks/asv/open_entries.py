"""Kernels on the open entries of peaks × cells: tiles of a minibatch, transposition, exact auROC."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from scbasset_tl.stats.auc import areas_per_row, held_out_areas
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.stats.tiles import gather_tiles, row_spans, tile_starts
from scbasset_tl.stats.transpose import transpose

N_PEAKS, DENSITY, TILE = 512, 0.023, 4096


def make_entries(n_cells: int) -> OpenEntries:
    x = sparse.random(N_PEAKS, n_cells, DENSITY, format="csr", random_state=np.random.default_rng(0))
    x.sort_indices()
    return OpenEntries(x.indptr.astype(np.int64), x.indices.astype(np.int32), n_cells)


class OfCells:
    params = (2_000, 100_000)
    param_names = ("cells",)

    def setup(self, n_cells: int):
        self.entries = make_entries(n_cells)
        self.rows = np.random.default_rng(0).permutation(N_PEAKS)[:128]
        self.n_tiles = -(-n_cells // TILE)
        self.spans = self.row_spans()
        for call in (self.time_tile_starts, self.time_gather_tiles, self.time_transpose):
            call(n_cells)  # compiles

    def row_spans(self):
        entries = self.entries
        return row_spans(entries.indptr, entries.indices, self.rows, 0, entries.n_cells)

    def time_row_spans(self, n_cells: int):
        self.row_spans()

    def time_tile_starts(self, n_cells: int):
        tile_starts(self.entries.indices, self.spans, 0, TILE, self.n_tiles)

    def time_gather_tiles(self, n_cells: int):
        gather_tiles(self.entries.indices, self.spans, 0, np.empty(0, np.int32), TILE, self.n_tiles)

    def time_transpose(self, n_cells: int):
        transpose(self.entries)


class Auc:
    def setup(self):
        rng = np.random.default_rng(0)
        self.entries = make_entries(5_000)
        self.scores = rng.normal(size=(N_PEAKS, 5_000)).astype(np.float32)
        self.peaks = rng.normal(size=(N_PEAKS, 32))
        self.cells, self.bias = rng.normal(size=(5_000, 32)), rng.normal(size=5_000)
        self.time_areas_per_row()  # compiles

    def time_areas_per_row(self):
        areas_per_row(self.scores, self.entries)

    def time_held_out_areas(self):
        held_out_areas(self.peaks, self.cells, self.bias, self.entries)
