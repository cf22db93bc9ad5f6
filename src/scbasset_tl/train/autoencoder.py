"""Train the autoencoder: each step reads a random quarter of the peaks, and predicts a few thousand random ones."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from scbasset_tl.nn.autoencoder import Autoencoder, log_normalised, negative_log_likelihood
from scbasset_tl.nn.likelihood import inverse_softplus
from scbasset_tl.train.diffusion import split_cells
from scbasset_tl.train.row_adam import RowAdam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scipy import sparse
    from torch import Tensor

_SEEN = 0.25  # share of the peaks that a step reads: what is hidden keeps few cells from being learned by heart
_WEIGHT_DECAY = 0.01  # the paper's
_BETAS, _EPS = (0.9, 0.999), 1e-8
_MAX_CHECKED_CELLS, _MAX_CHECKED_PEAKS = 512, 16_384  # at every check the same
_CHECKED_AT_ONCE = 64
_STARTED_AT_ONCE = 1024


def fit_autoencoder(
    cells: sparse.csr_matrix,
    *,
    hidden: int = 1024,
    n_latent: int = 128,
    likelihood: str = "bernoulli",
    max_steps: int = 10_000,
    batch_size: int = 128,
    lr: float = 5e-4,
    val_fraction: float = 0.1,
    peaks_per_step: int = 4096,
    check_every: int = 25,
    patience: int = 6,
    device: torch.device | str = "cpu",
    seed: int,
    on_step: Callable[[int, Mapping[str, list[float]]], object] | None = None,
) -> tuple[Autoencoder, dict[str, np.ndarray]]:
    """Train with AdamW and keep the weights that served the held-out cells best.

    Parameters
    ----------
    cells
        CSR (n, P) of counts, or of what is open; every cell has an entry.
    hidden, n_latent
        Widths of the :class:`scbasset_tl.nn.autoencoder.Autoencoder`.
    likelihood
        ``bernoulli`` takes entries as open, ``poisson`` as counts.
    max_steps, batch_size, lr
        How long, cells a step, and the size of a step. Rows of peaks that are drawn in one of k steps move √k as far.
    val_fraction
        Share of the cells that is not learned from, by :func:`scbasset_tl.train.diffusion.split_cells`.
    peaks_per_step
        Random peaks that a step predicts.
    check_every, patience
        Steps from one check to the next, and checks without a better one that end the run.
    device, seed
        Where, and the seed of every random draw; draws are the same everywhere.
    on_step
        Called after each step with the number of steps done and the history so far.

    Returns
    -------
    The model in eval mode on the CPU, and the history: for each check its ``step``, the mean ``loss`` since the last one
    and that of the cells ``held_out``, in nats a cell. At step 0 the model knows nothing but
    each peak's mean and each cell's depth.
    """
    train, held_out = split_cells(cells.shape[0], val_fraction, seed)
    reader, rng = _Reader(cells, likelihood, train, device), np.random.default_rng(seed)
    model = Autoencoder(cells.shape[1], hidden, n_latent, torch.Generator().manual_seed(seed)).to(device)
    _start(model, reader, train)
    take_step = _Stepper(model, reader, lr, peaks_per_step)
    judge = _Judge(model, reader, held_out[:_MAX_CHECKED_CELLS], rng)
    history: dict[str, list[float]] = {"step": [0], "loss": [np.nan], "held_out": [judge()]}
    best, since, batches = deepcopy(model), [], _batches(train, batch_size, rng)
    for step in range(1, max_steps + 1):
        since.append(take_step(next(batches), rng))
        if step % check_every == 0 or step == max_steps:
            values = step, float(torch.stack(since).mean()), judge()
            if not np.isfinite(values[1]):
                message = f"the loss of the autoencoder is no longer finite at step {step}: lower its lr (now {lr})."
                raise FloatingPointError(message)
            for name, value in zip(history, values, strict=True):
                history[name].append(value)
            since.clear()
            waited = 0 if not len(held_out) else history["held_out"][::-1].index(min(history["held_out"]))
            if waited == 0:
                best.load_state_dict(model.state_dict())  # in the same memory: another copy would be as large
        if on_step is not None:
            on_step(step, history)
        if not since and waited >= patience:
            break
    with torch.no_grad():
        best.bias.sub_(reader.mean_log_depth * best.weight[:, -1])
    return best.eval().cpu(), {name: np.array(values) for name, values in history.items()}


class _Batch(NamedTuple):
    """Entries of some cells, one cell after the other."""

    lengths: np.ndarray  # of each cell (B,)
    indices: np.ndarray  # their peaks
    inputs: np.ndarray  # by log_normalised
    counts: np.ndarray  # float32; ones where only open or not counts
    log_depth: np.ndarray  # (B,)

    def among(self, peaks: np.ndarray, n_peaks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take the entries at ``peaks``: their positions, their cells, and their peaks as positions in ``peaks``."""
        rank = np.full(n_peaks, -1, dtype=np.int64)
        rank[peaks] = np.arange(len(peaks))
        column = rank[self.indices]
        there = np.flatnonzero(column >= 0)
        return there, np.repeat(np.arange(len(self.lengths)), self.lengths)[there], column[there]


class _Reader:
    """Cells as the networks take them, with log depth counted from its mean over ``train``.

    Counted from 0 it would be nearly constant, and its weights and the biases would compete.
    """

    def __init__(
        self, cells: sparse.csr_matrix, likelihood: str, train: np.ndarray, device: torch.device | str
    ) -> None:
        self.likelihood, self.device, self.n_peaks = likelihood, device, cells.shape[1]
        self._cells = cells
        log_depth = np.log1p(np.diff(cells.indptr)).astype(np.float32)
        self.mean_log_depth = float(log_depth[train].mean())
        self._log_depth = log_depth - np.float32(self.mean_log_depth)

    def take(self, cells: np.ndarray) -> _Batch:
        rows = self._cells[cells]
        counts = (rows.data if self.likelihood == "poisson" else np.ones(rows.nnz)).astype(np.float32)
        inputs = log_normalised(rows, self.likelihood)
        return _Batch(np.diff(rows.indptr), rows.indices, inputs, counts, self._log_depth[cells])

    def tensors(self, *arrays: np.ndarray) -> list[Tensor]:
        return [torch.from_numpy(array).to(self.device) for array in arrays]

    def features(self, model: Autoencoder, batch: _Batch, peaks: np.ndarray, table: Tensor | None = None) -> Tensor:
        """Features of the cells by what they have at ``peaks``, to which the rows of ``table`` belong."""
        there, cell, column = batch.among(peaks, self.n_peaks)
        indptr = np.concatenate([[0], np.bincount(cell, minlength=len(batch.lengths)).cumsum()])
        ends, indices, values, log_depth = self.tensors(indptr, column, batch.inputs[there], batch.log_depth)
        return model.features(model.encode(ends, indices, values, table), log_depth)

    def loss(self, logits: Tensor, batch: _Batch, peaks: np.ndarray) -> Tensor:
        """Estimate of a cell's loss from its logits (B, S) at ``peaks``, drawn at random."""
        there, cell, column = batch.among(peaks, self.n_peaks)
        rows, columns, values = self.tensors(cell, column, batch.counts[there])
        total = negative_log_likelihood(logits, rows, columns, values, self.likelihood)
        return total * (self.n_peaks / logits.numel())


@torch.no_grad()
def _start(model: Autoencoder, reader: _Reader, train: np.ndarray) -> None:
    """Start from each peak's mean and each cell's depth."""
    total = np.full(reader.n_peaks, 0.5)
    for cells in np.array_split(train, -(-len(train) // _STARTED_AT_ONCE)):
        batch = reader.take(cells)
        total += np.bincount(batch.indices, batch.counts, minlength=reader.n_peaks)
    mean = torch.from_numpy(total / (len(train) + 1))
    model.bias.copy_(inverse_softplus(mean) if reader.likelihood == "poisson" else mean.logit())
    model.weight[:, -1] = 1


class _Stepper:
    """Moves the rows of the peaks that a step draws, and all other weights."""

    def __init__(self, model: Autoencoder, reader: _Reader, lr: float, peaks_per_step: int) -> None:
        self._model, self._reader, self._lr = model, reader, lr
        self._n_predicted = min(peaks_per_step, reader.n_peaks)
        others = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._others = torch.optim.AdamW(others, lr=lr, betas=_BETAS, eps=_EPS, weight_decay=_WEIGHT_DECAY)
        self._read = RowAdam({"table": model.table}, _BETAS)
        self._predict = RowAdam({"weight": model.weight, "bias": model.bias}, _BETAS)

    def __call__(self, cells: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Loss of the cells before the step."""
        n_peaks = self._reader.n_peaks
        seen = np.flatnonzero(rng.random(n_peaks) < _SEEN)
        predicted = rng.choice(n_peaks, self._n_predicted, replace=False, shuffle=False)
        batch, rows = self._reader.take(cells), self._reader.tensors(seen, predicted)
        (table,), (weight, bias) = self._read.take(rows[0]), self._predict.take(rows[1])
        features = self._reader.features(self._model, batch, seen, table)
        loss = self._reader.loss(torch.addmm(bias, features, weight.T), batch, predicted)
        self._others.zero_grad()
        loss.backward()
        self._others.step()
        for adam, drawn, taken in ((self._read, rows[0], [table]), (self._predict, rows[1], [weight, bias])):
            lr = self._lr * (n_peaks / max(1, len(drawn))) ** 0.5
            with torch.no_grad():
                for values in taken:
                    values.mul_(1 - lr * _WEIGHT_DECAY)
            adam.step(drawn, taken, lr, _EPS)
        return loss.detach()


class _Judge:
    """Mean loss of held-out cells, which the encoder sees whole, at the same peaks each time; NaN without cells."""

    def __init__(self, model: Autoencoder, reader: _Reader, cells: np.ndarray, rng: np.random.Generator) -> None:
        self._model, self._reader, self._cells = model, reader, cells
        n_checked = min(_MAX_CHECKED_PEAKS, reader.n_peaks)
        self._peaks = np.sort(rng.choice(reader.n_peaks, n_checked, replace=False, shuffle=False))

    @torch.no_grad()
    def __call__(self) -> float:
        if not len(self._cells):
            return float("nan")
        every, (rows,) = np.arange(self._reader.n_peaks), self._reader.tensors(self._peaks)
        weight, bias = self._model.weight[rows], self._model.bias[rows]
        total = 0.0
        for cells in np.array_split(self._cells, -(-len(self._cells) // _CHECKED_AT_ONCE)):
            batch = self._reader.take(cells)
            features = self._reader.features(self._model, batch, every)
            logits = torch.addmm(bias, features, weight.T)
            total += len(cells) * float(self._reader.loss(logits, batch, self._peaks))
        return total / len(self._cells)


def _batches(cells: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Minibatches of one epoch after the other; the last few cells of an epoch wait."""
    while True:
        order = rng.permutation(cells)
        for end in range(min(size, len(order)), len(order) + 1, size):
            yield order[max(0, end - size) : end]
