"""Training the autoencoder: it learns what is there, its sampled loss is right on average, and a seed repeats it."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scbasset_tl.nn.autoencoder import Autoencoder, embed
from scbasset_tl.train.autoencoder import _Reader, _start, fit_autoencoder
from scbasset_tl.train.diffusion import split_cells

SMALL = {"hidden": 16, "n_latent": 8, "peaks_per_step": 60, "batch_size": 32, "lr": 5e-3}


@pytest.fixture
def cells(rng):
    """Two kinds of 60 cells with depths of their own, 200 peaks; counts."""
    kind, programme = np.arange(120) % 2, np.arange(200) % 2
    depth = rng.uniform(0.5, 1.5, (120, 1))
    rate = depth * np.where(kind[:, None] == programme, 0.7, 0.1)
    counts = rng.poisson(rate)
    counts[:, 0] = 1
    return sparse.csr_matrix(counts.astype(np.int32))


@pytest.mark.parametrize("likelihood", ["bernoulli", "poisson"])
def test_held_out_cells_are_told_apart_and_predicted(cells, likelihood):
    seen = []
    model, history = fit_autoencoder(
        cells, **SMALL, likelihood=likelihood, max_steps=50, seed=0, on_step=lambda step, _: seen.append(step)
    )
    assert history["held_out"].min() < 0.97 * history["held_out"][0]
    assert history["loss"][-1] < history["loss"][1]
    assert seen == list(range(1, int(history["step"][-1]) + 1))
    x = embed(model, cells, likelihood)
    kinds = [x[np.arange(120) % 2 == kind] for kind in range(2)]
    within = np.mean([(part @ part.T).mean() for part in kinds])
    assert within > (kinds[0] @ kinds[1].T).mean() + 0.3


def test_the_kept_model_is_that_of_the_best_check(cells):
    model, history = fit_autoencoder(cells, **SMALL, max_steps=300, check_every=5, patience=2, seed=0)
    assert history["step"][-1] < 300
    assert int(np.argmin(history["held_out"])) == len(history["step"]) - 3
    held_out = split_cells(120, 0.1, 0)[1]
    dense, x = cells[held_out].toarray() > 0, torch.from_numpy(embed(model, cells[held_out], "bernoulli"))
    log_depth = torch.from_numpy(np.log1p(dense.sum(1)).astype(np.float32))
    with torch.no_grad():
        logits = model.features(x, log_depth) @ model.weight.T + model.bias
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(dense, dtype=torch.float32))
    assert float(loss) * 200 == pytest.approx(history["held_out"].min(), rel=1e-4)


def test_the_first_check_is_the_peaks_means_with_depth(cells):
    _, history = fit_autoencoder(cells, **SMALL, max_steps=1, seed=3)
    train, held_out = split_cells(120, 0.1, 3)
    dense = cells.toarray() > 0
    mean = (dense[train].sum(0) + 0.5) / (len(train) + 1)
    log_depth = np.log1p(dense.sum(1))
    logits = np.log(mean / (1 - mean)) + (log_depth[held_out] - log_depth[train].mean())[:, None]
    expected = (np.logaddexp(0, logits) - dense[held_out] * logits).sum(1).mean()
    assert history["held_out"][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "poisson"])
def test_the_loss_at_random_peaks_is_unbiased(cells, rng, likelihood):
    reader = _Reader(cells, likelihood, np.arange(120), "cpu")
    batch, logits = reader.take(np.arange(9)), torch.from_numpy(rng.normal(size=(9, 200)).astype(np.float32))
    whole = reader.loss(logits, batch, np.arange(200))
    parts = [reader.loss(logits[:, part], batch, part) for part in rng.permutation(200).reshape(8, 25)]
    # parts that together are all peaks: their mean is the whole exactly
    assert float(torch.stack(parts).mean()) == pytest.approx(float(whole), rel=1e-5)
    assert float(torch.stack(parts).std()) > 0


def test_a_seed_repeats_a_run_bit_for_bit_and_global_generators_are_left_alone(cells):
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    runs = [fit_autoencoder(cells, **SMALL, max_steps=12, check_every=6, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (model.state_dict() for model, _ in runs)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["weight"], other["weight"])
    np.testing.assert_array_equal(runs[0][1]["loss"], runs[1][1]["loss"])
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_before, np.random.get_state()[1])


def test_without_held_out_cells_the_last_weights_are_kept(cells):
    model, history = fit_autoencoder(cells, **SMALL, max_steps=30, val_fraction=0, patience=1, check_every=5, seed=0)
    assert history["step"].tolist() == [0, 5, 10, 15, 20, 25, 30]
    assert np.isnan(history["held_out"]).all()
    assert model.weight[:, :-1].any()


def test_counts_do_not_matter_to_bernoulli(cells):
    opened = (cells > 0).astype(np.int32)
    one, other = (fit_autoencoder(part, **SMALL, max_steps=5, seed=0)[0] for part in (cells, opened))
    assert torch.equal(one.weight, other.weight)


class _Largest(TorchDispatchMode):
    """Most elements of a tensor that any operation gives."""

    n = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        sizes = [part.numel() for part in tree_leaves(found) if isinstance(part, torch.Tensor)]
        self.n = max([self.n, *sizes])
        return found


def test_training_never_holds_cells_by_peaks(rng):
    n, n_peaks, per_cell = 600, 20_000, 5
    indices = np.sort(rng.integers(0, n_peaks // per_cell, (n, per_cell)) + np.arange(per_cell) * (n_peaks // per_cell))
    indptr = np.arange(0, indices.size + 1, per_cell)
    cells = sparse.csr_matrix((np.ones(indices.size), indices.ravel(), indptr), shape=(n, n_peaks))
    sizes = {"hidden": 4, "n_latent": 3, "peaks_per_step": 500, "batch_size": 32}
    tracemalloc.start()
    with _Largest() as largest:
        fit_autoencoder(cells, **sizes, max_steps=2, seed=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * n_peaks / 5  # bytes, of numpy
    assert largest.n <= 64 * 16_384  # largest tensor of torch: the check, of some cells and some peaks


@pytest.mark.parametrize("times", [1, 10_000])  # sums over many cells, whose exponential is infinite
def test_rates_start_at_the_peaks_means(cells, times):
    cells = cells * times
    reader = _Reader(cells, "poisson", np.arange(120), "cpu")
    model = Autoencoder(200, 4, 3)
    _start(model, reader, np.arange(120))
    expected = (cells.toarray().sum(0) + 0.5) / 121
    np.testing.assert_allclose(torch.nn.functional.softplus(model.bias).numpy(), expected, rtol=1e-5)
    assert not model.weight[:, :-1].any()


@pytest.mark.parametrize("likelihood", ["bernoulli", "poisson"])
def test_starting_takes_little_memory_beside_the_cells(rng, likelihood):
    n, n_peaks = 6000, 200
    counts = sparse.random(n, n_peaks, 0.2, "csr", rng=rng)
    counts.data = np.ones(counts.nnz, dtype=np.float32)
    model = Autoencoder(n_peaks, 4, 3)  # the first one of a process loads parts of torch
    tracemalloc.start()
    _start(model, _Reader(counts, likelihood, np.arange(n), "cpu"), np.arange(n))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * counts.nnz  # bytes; 4 of them are the values that the encoder reads
