"""The fused loss against torch's dense one in float64."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import scbasset_tl as sb
from scbasset_tl.nn import loss
from scbasset_tl.nn.loss import Positives, fused_linear_bce
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train.batches import PeakBatches


def make_entries(rng, n_peaks, n_cells, density=0.2):
    dense = rng.random((n_peaks, n_cells)) < density
    dense[0] = False  # a peak that is open nowhere
    dense[-1] = True
    indptr = np.concatenate([[0], dense.sum(1).cumsum()])
    return dense, OpenEntries(indptr, np.nonzero(dense)[1].astype(np.int32), n_cells)


@pytest.mark.parametrize("tile", [1, 7, 50, 4096])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_loss_and_gradients_equal_the_dense_ones(rng, monkeypatch, tile, scale):
    monkeypatch.setattr("scbasset_tl.train.batches._TILE", tile)
    dense, entries = make_entries(rng, 40, 50)
    batches = PeakBatches(np.zeros((40, 8), np.uint8), entries, np.arange(40), torch.device("cpu"))
    peaks = torch.from_numpy(rng.permutation(40)[:17])
    h, weight, bias = (
        torch.tensor(rng.normal(size=shape) * scale, requires_grad=True) for shape in [(17, 5), (50, 5), (50,)]
    )
    loss = fused_linear_bce(h, weight, bias, batches.positives(peaks))
    fused = torch.autograd.grad(3 * loss, (h, weight, bias))
    target = torch.from_numpy(dense[peaks.numpy()]).double()
    expected = binary_cross_entropy_with_logits(h @ weight.T + bias, target)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    for ours, theirs in zip(fused, torch.autograd.grad(3 * expected, (h, weight, bias)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-15)


def test_losses_of_parts_of_the_cells_add_up(rng):
    dense = torch.from_numpy(rng.random((6, 20)) < 0.3)
    h, weight, bias = (torch.tensor(rng.normal(size=shape), requires_grad=True) for shape in [(6, 5), (20, 5), (20,)])
    losses = []
    for part in (slice(0, 13), slice(13, 20)):
        rows, columns = dense[:, part].nonzero().T
        positives = Positives(rows, columns, [0, len(rows)], 64)
        losses.append(fused_linear_bce(h, weight[part], bias[part], positives) * len(bias[part]) / 20)
    expected = binary_cross_entropy_with_logits(h @ weight.T + bias, dense.double())
    assert sum(losses).item() == pytest.approx(expected.item(), rel=1e-12)
    gradients = (torch.autograd.grad(loss, (h, weight, bias)) for loss in (sum(losses), expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-15)


def test_no_positives_at_all():
    h, weight, bias = torch.ones(2, 3).double(), torch.zeros(4, 3).double(), torch.zeros(4).double()
    empty = torch.empty(0, dtype=torch.int64)
    loss = fused_linear_bce(h, weight, bias, Positives(empty, empty, [0, 0], 4096))
    assert loss.item() == pytest.approx(np.log(2))


def test_the_check_of_an_acceleration_tells_right_from_wrong():
    device = torch.device("cpu")
    assert loss._deviation(loss.chunked_sums, device) is None

    def wrong_gradient(*parts):
        total, of_peaks, *others = loss.chunked_sums(*parts)
        return total, 1.1 * of_peaks, *others

    def not_finite(*parts):
        return tuple(part * torch.nan for part in loss.chunked_sums(*parts))

    assert "gradient of peaks" in loss._deviation(wrong_gradient, device)
    assert "loss" in loss._deviation(not_finite, device)


def test_a_kernel_that_cannot_be_compiled_leaves_the_plain_loss_with_one_warning(monkeypatch, capsys):
    module = ModuleType("scbasset_tl.nn.loss_triton")

    def fails(*_parts):
        raise RuntimeError("no kernel image is available")

    module.sums = fails
    monkeypatch.setitem(sys.modules, "scbasset_tl.nn.loss_triton", module)
    monkeypatch.setattr(sys.modules["scbasset_tl.nn"], "loss_triton", module, raising=False)
    loss._triton_serves.cache_clear()
    try:
        with sb.settings.override(verbosity=1):
            assert not loss._triton_serves(torch.device("cpu"))
            assert not loss._triton_serves(torch.device("cpu"))
    finally:
        loss._triton_serves.cache_clear()
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "no kernel image" in said
