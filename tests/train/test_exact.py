"""The exact cell vectors at the end of training: scipy's optimum of the same penalised loss."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from scbasset_tl.nn.head import Head
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train import exact
from scbasset_tl.train.distributed import Ranks
from scbasset_tl.train.exact import exact_cells
from scbasset_tl.train.loop import Fit

N_CELLS, N_PEAKS, N_LATENT = 7, 60, 3


@pytest.fixture
def made(rng):
    peaks = rng.normal(size=(N_PEAKS, N_LATENT)).astype(np.float32)
    opened = rng.random((N_PEAKS, N_CELLS)) < 0.4
    indices = [np.flatnonzero(row) for row in opened]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in indices])])
    return peaks, opened, OpenEntries(indptr, np.concatenate(indices).astype(np.int32), N_CELLS)


def fitted(batches: bool) -> Fit:
    generator = torch.Generator().manual_seed(0)
    design = torch.tensor([[0], [1], [0], [1], [0], [1], [1]]) if batches else None
    head = Head(N_CELLS, N_LATENT, n_batches=2 if batches else 0, design=design, generator=generator)
    with torch.no_grad():
        head.batch_bias.copy_(torch.tensor([0.3, -0.2])[: len(head.batch_bias)])
    return Fit(None, head, {}, 0, "schedule")


@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.parametrize("l2_cell", [0.0, 1e-3])
def test_each_cell_is_at_the_optimum_of_the_penalised_loss(made, batches, l2_cell):
    peaks, opened, entries = made
    fit, train = fitted(batches), np.arange(0, N_PEAKS, 2)
    before = fit.head.weight.detach().numpy().copy()
    added = [part.detach().numpy() for part in fit.head()]
    added = added[0] - before, added[1] - fit.head.bias.detach().numpy()
    l2 = 1 / before.var() + 2 * l2_cell * N_CELLS * len(train)
    errors = exact_cells(fit, peaks, entries, train, Ranks(), l2_cell=l2_cell)
    assert (errors > 0).all()
    h, y = peaks[train].astype(float), opened[train].astype(float)
    for cell in range(N_CELLS):

        def loss(theta, cell=cell):
            z = h @ (theta[:-1] + added[0][cell]) + theta[-1] + added[1][cell]
            return np.logaddexp(0, z).sum() - y[:, cell] @ z + l2 / 2 * theta[:-1] @ theta[:-1]

        best = minimize(loss, np.zeros(N_LATENT + 1), tol=1e-12).x
        np.testing.assert_allclose(fit.head.weight[cell].detach(), best[:-1], atol=1e-4)
        np.testing.assert_allclose(fit.head.bias[cell].detach(), best[-1], atol=1e-4)


def test_too_many_pairs_leave_everything_as_trained(made, monkeypatch):
    peaks, _, entries = made
    monkeypatch.setattr(exact, "_MAX_PAIRS", 10)
    fit = fitted(batches=False)
    before = fit.head.weight.detach().clone()
    assert exact_cells(fit, peaks, entries, np.arange(N_PEAKS), Ranks()) is None
    assert torch.equal(fit.head.weight, before)


def test_a_rank_sees_the_open_entries_of_its_cells(made):
    _, opened, entries = made
    part = exact._columns(entries, slice(2, 5))
    np.testing.assert_array_equal(part.dense(), opened[:, 2:5])
    empty = OpenEntries(np.array([0, 0, 2, 2]), np.array([0, 6], dtype=np.int32), N_CELLS)
    np.testing.assert_array_equal(exact._columns(empty, slice(5, 7)).dense(), empty.dense()[:, 5:7])
