"""Open entries of a minibatch, wherever they are kept and whichever cells are wanted."""

import numpy as np
import pytest
import torch

from scbasset_tl._settings import settings
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train import batches
from scbasset_tl.train.batches import PeakBatches, ahead

CPU = torch.device("cpu")


@pytest.fixture
def dense(rng):
    dense = rng.random((30, 20)) < 0.3
    dense[4], dense[5] = False, True
    return dense


def make_entries(dense):
    indptr = np.concatenate([[0], dense.sum(1).cumsum()])
    return OpenEntries(indptr, np.nonzero(dense)[1].astype(np.int32), dense.shape[1])


def again(found, n_rows, n_cells):
    """The dense block that these pairs stand for, with a check of their tiles."""
    block = np.zeros((n_rows, n_cells), dtype=int)
    np.add.at(block, (found.rows.numpy(), found.columns.numpy()), 1)
    assert len(found.offsets) == -(-n_cells // found.tile) + 1
    for tile, (start, stop) in enumerate(zip(found.offsets[:-1], found.offsets[1:], strict=True)):
        assert (found.columns[start:stop] // found.tile == tile).all()
    return block


@pytest.mark.parametrize("kept", ["host", "device", "file"])
@pytest.mark.parametrize("cells", [slice(0, 20), slice(3, 17)])
def test_positives_are_the_open_entries_of_the_peaks_asked_for(dense, monkeypatch, tmp_path, kept, cells):
    monkeypatch.setattr(batches, "_TILE", 6)
    monkeypatch.setattr(batches, "_fits", lambda *_: kept == "device")
    monkeypatch.setattr("scbasset_tl.stats.open_entries.BLOCK_ENTRIES", 40)
    entries = make_entries(dense)
    if kept == "file":
        np.save(tmp_path / "indices.npy", entries.indices)
        entries = entries._replace(indices=np.load(tmp_path / "indices.npy", mmap_mode="r"))
    train = np.array([9, 2, 4, 28, 5, 11])
    peaks = PeakBatches(np.zeros((30, 8), np.uint8), entries, train, CPU, cells=cells)
    rows = torch.tensor([4, 0, 2, 4, 3])
    found = peaks.positives(rows)
    block = again(found, 5, cells.stop - cells.start)
    np.testing.assert_array_equal(block, dense[train[rows]][:, cells])


def test_positives_in_some_cells(dense, monkeypatch):
    monkeypatch.setattr(batches, "_TILE", 4)
    peaks = PeakBatches(np.zeros((30, 8), np.uint8), make_entries(dense), np.arange(30), CPU, cells=slice(2, 19))
    for chosen in ([0, 1, 5, 6, 7, 9, 13, 16], [3], list(range(17))):
        rows = torch.tensor([4, 5, 29, 0])
        found = peaks.positives(rows, torch.tensor(chosen))
        block = again(found, 4, len(chosen))
        np.testing.assert_array_equal(block, dense[rows][:, 2:19][:, chosen])


@pytest.mark.parametrize("n_ahead", [0, 3])
def test_steps_made_ready_side_by_side_are_those_made_in_turn(dense, monkeypatch, n_ahead):
    monkeypatch.setattr(batches, "_TILE", 4)
    monkeypatch.setattr(batches, "_AHEAD", n_ahead)
    peaks = PeakBatches(np.zeros((30, 8), np.uint8), make_entries(dense), np.arange(30), CPU)
    assert peaks.n_ahead == n_ahead
    draw = torch.Generator().manual_seed(0)
    steps = [
        (torch.randperm(30, generator=draw)[:6], torch.randperm(20, generator=draw)[:9].sort().values)
        for _ in range(20)
    ]
    made = list(ahead(lambda step: peaks.positives(*step), iter(steps), peaks.n_ahead, CPU))
    assert len(made) == 20
    for (rows, cells), (step, found) in zip(steps, made, strict=True):
        assert step[0] is rows
        np.testing.assert_array_equal(again(found, 6, 9), dense[rows][:, cells])


def test_what_fails_ahead_is_raised():
    def work(step):
        if step == 2:
            message = "step 2"
            raise OSError(message)
        return step

    with pytest.raises(OSError, match="step 2"):
        list(ahead(work, range(9), 2, CPU))


@pytest.mark.parametrize(("n_entries", "fits"), [(60, True), (70, False)])
def test_what_torch_keeps_of_a_device_is_free(monkeypatch, capsys, n_entries, fits):
    for name, value in (("mem_get_info", (100, 1000)), ("memory_reserved", 500), ("memory_allocated", 100)):
        monkeypatch.setattr(torch.cuda, name, lambda _device, value=value: value)
    with settings.override(verbosity=2):
        assert batches._fits(torch.device("cuda"), np.array([[0], [n_entries]])) is fits
    assert ("stay in host memory" in capsys.readouterr().err) is not fits


def test_indices_are_not_copied(dense):
    entries = make_entries(dense)
    peaks = PeakBatches(np.zeros((30, 8), np.uint8), entries, np.arange(3, 25), CPU)
    assert np.shares_memory(peaks.open_entries._indices, entries.indices)
