"""An autoencoder of a cell's peaks that reads and writes only some of them: cells are never a dense array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import embedding_bag, normalize, softplus

from scbasset_tl._validate import check_one_of
from scbasset_tl.nn.denoiser import linear
from scbasset_tl.nn.likelihood import LIKELIHOODS, gained_at_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scipy import sparse
    from torch import Tensor

_SCALE = 1e4  # the sum that a cell's counts are scaled to before the logarithm: the paper's
_FIRST_STD = 0.03  # spread of the first layer's weights, small beside what it learns: random projections of so many peaks say little
_EMBEDDED_AT_ONCE = 512
_GAIN = 2**0.5  # halving layers keep the variance


class Autoencoder(nn.Module):
    """Peaks to three hidden layers, to a vector of unit length, and back (ATAC-Diff) :cite:p:`Huang2024`.

    Hidden layers are normalised over their width, where the paper normalises over the batch: with a few hundred cells,
    the vectors then tell cells apart better. The depth of a cell is not part of its vector but an input of the last
    layer.

    Parameters
    ----------
    n_peaks
        Peaks P.
    hidden
        Width of the hidden layers.
    n_latent
        Length of a cell's vector.
    generator
        Draws the first weights; ``None``: the same ones each time.
    """

    def __init__(
        self, n_peaks: int, hidden: int = 1024, n_latent: int = 128, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.n_latent = n_latent
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        first = torch.empty(n_peaks, hidden).normal_(std=_FIRST_STD, generator=generator)
        #: weights of the peaks, trained row by row: the first layer, and the last one with the weight of log depth at its end
        self.table, self.weight, self.bias = (
            nn.Parameter(part, requires_grad=False)
            for part in (first, torch.zeros(n_peaks, hidden + 1), torch.zeros(n_peaks))
        )
        self.shift = nn.Parameter(torch.zeros(hidden))
        layers = [linear(hidden, hidden, generator, gain=_GAIN) for _ in range(4)]
        self.inner = nn.Sequential(
            *_active(hidden),
            *(part for layer in layers[:2] for part in (layer, *_active(hidden))),
            linear(hidden, n_latent, generator),
        )
        widen = linear(n_latent, hidden, generator, gain=_GAIN)
        #: from a cell's vector (B, n_latent) to the last hidden layer (B, hidden)
        self.body = nn.Sequential(*(part for layer in (widen, *layers[2:]) for part in (layer, *_active(hidden))))

    def encode(self, indptr: Tensor, indices: Tensor, values: Tensor, table: Tensor | None = None) -> Tensor:
        """Vectors (B, n_latent) of unit length.

        Parameters
        ----------
        indptr, indices
            CSR (B, P) of the cells, int64.
        values
            Its values by :func:`log_normalised`. Their scale in each cell does not count: an input of unit length says
            which peaks are open and not how many, and where none is open twice all of its values are 1 / √(open peaks).
        table
            First layer to which ``indices`` refer, if not the model's own.
        """
        lengths = torch.diff(indptr)
        cell = torch.arange(len(lengths), device=indptr.device).repeat_interleave(lengths)
        square = values.new_zeros(len(lengths)).index_add_(0, cell, values.square())
        unit = values / square.clamp(min=torch.finfo(values.dtype).tiny).sqrt()[cell]
        table = self.table if table is None else table
        first = embedding_bag(indices, table, indptr[:-1], mode="sum", per_sample_weights=unit)
        return normalize(self.inner(first + self.shift), dim=1)

    def features(self, x: Tensor, log_depth: Tensor) -> Tensor:
        """Features (B, hidden + 1) of vectors: ``features @ weight.T + bias`` are the logits."""
        return torch.cat([self.body(x), log_depth[:, None]], 1)

    def state(self) -> dict[str, np.ndarray]:
        """All weights besides those of the peaks: ``table``, ``weight`` and ``bias``."""
        return {name: value.cpu().numpy() for name, value in self.state_dict().items() if name not in _OF_PEAKS}

    @classmethod
    def from_state(
        cls, state: Mapping[str, np.ndarray], table: np.ndarray, weight: np.ndarray, bias: np.ndarray
    ) -> Autoencoder:
        """The model of :meth:`state` for the peaks whose rows are given, ready to be used."""
        model = cls(0, table.shape[1], state["body.0.weight"].shape[1])
        for name, rows in zip(_OF_PEAKS, (table, weight, bias), strict=True):
            given = torch.from_numpy(np.require(rows, np.float32, ["W"]))  # no copy: they are large, and read only
            setattr(model, name, nn.Parameter(given, requires_grad=False))
        small = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
        model.load_state_dict({**model.state_dict(), **small})
        return model.eval()


_OF_PEAKS = ("table", "weight", "bias")


def _active(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.LayerNorm(width), nn.PReLU()


def log_normalised(cells: sparse.csr_matrix, likelihood: str) -> np.ndarray:
    """Values of the entries, float32: log(1 + counts that sum to 10,000 in each cell); for ``bernoulli`` a count is 0 or 1."""
    check_one_of("likelihood", likelihood, LIKELIHOODS)
    counts = np.ones(cells.nnz) if likelihood == "bernoulli" else cells.data.astype(np.float64)
    cell = np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))
    total = np.bincount(cell, counts, minlength=cells.shape[0])
    return np.log1p(_SCALE * counts / total[cell]).astype(np.float32)


def negative_log_likelihood(logits: Tensor, row: Tensor, column: Tensor, count: Tensor, likelihood: str) -> Tensor:
    """Nats summed over an array of logits whose counts are ``count`` at the entries and else zero.

    The rate of ``poisson`` is softplus of the logit: the chance of no fragment is then that of a closed peak in
    ``bernoulli``.
    """
    return softplus(logits).sum() - gained_at_entries(logits, row, column, count, likelihood).sum()


@torch.no_grad()
def embed(model: Autoencoder, cells: sparse.csr_matrix, likelihood: str) -> np.ndarray:
    """Unit vectors of cells, float32 (n, n_latent); ``likelihood`` as in training."""
    device = model.table.device
    vectors = [np.empty((0, model.n_latent), dtype=np.float32)]
    for start in range(0, cells.shape[0], _EMBEDDED_AT_ONCE):
        part = cells[start : start + _EMBEDDED_AT_ONCE]
        parts = part.indptr.astype(np.int64), part.indices.astype(np.int64), log_normalised(part, likelihood)
        vectors.append(model.encode(*(torch.from_numpy(array).to(device) for array in parts)).cpu().numpy())
    return np.concatenate(vectors)
