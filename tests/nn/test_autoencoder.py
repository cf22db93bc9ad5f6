"""The autoencoder against a dense network in numpy, and its losses against scipy's distributions."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import expit
from scipy.stats import bernoulli, poisson

from scbasset_tl.nn.autoencoder import Autoencoder, embed, log_normalised, negative_log_likelihood

N, P, HIDDEN, LATENT = 7, 40, 6, 5


def random_cells(rng, n=N, n_peaks=P):
    counts = rng.poisson(0.4, (n, n_peaks))
    counts[:, 0] += 1
    return sparse.csr_matrix(counts.astype(np.float32))


def random_model(rng, dtype=torch.float32):
    model = Autoencoder(P, HIDDEN, LATENT, torch.Generator().manual_seed(1))
    for parameter in model.parameters():
        parameter.data = torch.tensor(rng.normal(size=parameter.shape), dtype=dtype)
    return model.eval()


def parts(cells, likelihood, dtype=torch.float32):
    indptr, indices = (torch.from_numpy(part.astype(np.int64)) for part in (cells.indptr, cells.indices))
    return indptr, indices, torch.from_numpy(log_normalised(cells, likelihood)).to(dtype)


def dense_layers(modules, x):
    """Linear, LayerNorm and PReLU written out."""
    for module in modules:
        weight = module.weight.detach().numpy()
        if isinstance(module, torch.nn.LayerNorm):
            centred = x - x.mean(1, keepdims=True)
            x = centred / np.sqrt((centred**2).mean(1, keepdims=True) + module.eps)
            x = x * weight + module.bias.detach().numpy()
        elif isinstance(module, torch.nn.PReLU):
            x = np.where(x > 0, x, weight * x)
        else:
            x = x @ weight.T + module.bias.detach().numpy()
    return x


@pytest.mark.parametrize("likelihood", ["bernoulli", "poisson"])
def test_it_is_the_dense_network(rng, likelihood):
    cells, model = random_cells(rng), random_model(rng, torch.float64)
    x = model.encode(*parts(cells, likelihood, torch.float64))
    dense = cells.toarray().astype(np.float64)
    dense = dense > 0 if likelihood == "bernoulli" else np.log1p(1e4 * dense / dense.sum(1, keepdims=True))
    dense = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    found = dense_layers(model.inner, dense @ model.table.numpy() + model.shift.detach().numpy())
    # the values come as float32
    np.testing.assert_allclose(x.detach(), found / np.linalg.norm(found, axis=1, keepdims=True), rtol=1e-5, atol=1e-7)
    log_depth = torch.from_numpy(rng.normal(size=N))
    logits = model.features(x, log_depth) @ model.weight.T + model.bias
    body = dense_layers(model.body, x.detach().numpy())
    expected = np.c_[body, log_depth] @ model.weight.numpy().T + model.bias.numpy()
    np.testing.assert_allclose(logits.detach(), expected, rtol=1e-10, atol=1e-12)


def test_log_normalised_is_the_paper_s(rng):
    cells = random_cells(rng)
    dense = cells.toarray().astype(np.float64)
    expected = np.log1p(1e4 * dense / dense.sum(1, keepdims=True))[dense > 0]
    np.testing.assert_allclose(log_normalised(cells, "poisson"), expected, rtol=1e-6)
    opened = np.repeat((dense > 0).sum(1), np.diff(cells.indptr))
    np.testing.assert_allclose(log_normalised(cells, "bernoulli"), np.log1p(1e4 / opened), rtol=1e-6)
    with pytest.raises(ValueError, match="likelihood must be one of"):
        log_normalised(cells, "gaussian")


@pytest.mark.parametrize("likelihood", ["bernoulli", "poisson"])
def test_losses_are_those_of_scipy(rng, likelihood):
    counts, logits = rng.poisson(0.6, (4, 9)), rng.normal(0, 3, (4, 9))
    targets = {"bernoulli": counts > 0, "poisson": counts}[likelihood].astype(float)
    expected = {
        "bernoulli": -bernoulli.logpmf(targets, expit(logits)).sum(),
        "poisson": -poisson.logpmf(targets, np.log1p(np.exp(logits))).sum(),
    }[likelihood]
    entries = [torch.from_numpy(part) for part in (*targets.nonzero(), targets[targets.nonzero()])]
    found = negative_log_likelihood(torch.from_numpy(logits), *entries, likelihood)
    assert float(found) == pytest.approx(expected, rel=1e-10)


def test_state_gives_the_same_model_and_rows_of_it_a_model_of_those_peaks(rng):
    cells, model = random_cells(rng), random_model(rng)
    rows = np.array([3, 0, 17, 8])
    tables = [part.numpy() for part in (model.table, model.weight, model.bias)]
    again = Autoencoder.from_state(model.state(), *tables)
    few = Autoencoder.from_state(model.state(), *(part[rows] for part in tables))
    x = embed(model, cells, "bernoulli")
    np.testing.assert_array_equal(embed(again, cells, "bernoulli"), x)
    # the encoder sees the cells without the other peaks, the decoder gives these peaks the same logits
    lacking = cells.toarray()
    lacking[:, np.setdiff1d(np.arange(P), rows)] = 0
    np.testing.assert_allclose(
        embed(few, cells[:, rows], "bernoulli"), embed(model, sparse.csr_matrix(lacking), "bernoulli"), atol=1e-6
    )
    features = model.features(torch.from_numpy(x), torch.zeros(N))
    logits = (features @ model.weight.T + model.bias)[:, rows]
    torch.testing.assert_close(features @ few.weight.T + few.bias, logits)
    assert not set(model.state()) & {"table", "weight", "bias"}


def test_the_rows_of_the_peaks_are_not_copied(rng):
    model = random_model(rng)
    tables = [part.numpy().copy() for part in (model.table, model.weight, model.bias)]
    again = Autoencoder.from_state(model.state(), *tables)
    for given, part in zip(tables, (again.table, again.weight, again.bias), strict=True):
        assert np.shares_memory(given, part.numpy())
        given.flags.writeable = False  # as a mapped file is
    others = Autoencoder.from_state(model.state(), *tables)
    assert torch.equal(others.table, model.table)


def test_first_weights_leave_torch_s_generator_alone():
    before = torch.get_rng_state()
    first, same = (Autoencoder(P, HIDDEN, LATENT, torch.Generator().manual_seed(1)).table for _ in range(2))
    other = Autoencoder(P, HIDDEN, LATENT, torch.Generator().manual_seed(2)).table
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_embedding_never_holds_cells_by_peaks(rng):
    n, n_peaks, per_cell = 2000, 20_000, 5
    indices = np.sort(rng.integers(0, n_peaks // per_cell, (n, per_cell)) + np.arange(per_cell) * (n_peaks // per_cell))
    cells = sparse.csr_matrix(
        (np.ones(indices.size), indices.ravel(), np.arange(0, indices.size + 1, per_cell)), shape=(n, n_peaks)
    )
    model = Autoencoder(n_peaks, 4, 3)
    embed(model, cells[:10], "bernoulli")
    tracemalloc.start()
    x = embed(model, cells, "bernoulli")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * n_peaks / 20
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-5)
