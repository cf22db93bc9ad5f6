"""How probable a cell's peaks are given its vector, on a random part of the peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse
from torch import nn
from torch.nn.functional import pad, softplus

from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    from torch import Tensor

LIKELIHOODS = ("bernoulli", "poisson")
_FLAT = -15.0  # below this logit the logarithm of softplus is the logit itself


class PeakLikelihood(nn.Module):
    """Negative log likelihood of cells' peaks in nats, where logits are ``features @ weight.T + bias``.

    ``bernoulli`` takes entries as open, ``poisson`` as counts whose rate is softplus of the logit, so that the probability
    of no fragment equals that of a closed peak under ``bernoulli``.

    Parameters
    ----------
    indptr, indices
        CSR (n, P) of the cells' peaks.
    data
        Its counts, for ``poisson``.
    weight, bias
        Weights (P, F) and biases (P,) of the peaks.
    offset
        Known part (n, m) of the cells' last m features; ``None``: nothing.
    kind
        ``bernoulli`` or ``poisson``.
    body
        Takes a vector to features; ``None``: they are the vector itself, filled up with zeros to F.
    peaks_per_step
        Peaks are put into random parts of about this many, of which each call takes one.
    generator
        Draws the parts.
    """

    weight: Tensor
    bias: Tensor
    offset: Tensor | None

    def __init__(
        self,
        indptr: np.ndarray,
        indices: np.ndarray,
        data: np.ndarray | None,
        weight: np.ndarray,
        bias: np.ndarray | None,
        offset: np.ndarray | None,
        *,
        kind: str,
        body: nn.Module | None = None,
        peaks_per_step: int = 2048,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.kind = check_one_of("likelihood", kind, LIKELIHOODS)
        self.body = None if body is None else body.requires_grad_(requires_grad=False)
        self.generator = torch.Generator().manual_seed(0) if generator is None else generator
        n_peaks = len(weight)
        self.register_buffer("weight", torch.as_tensor(weight, dtype=torch.float32), persistent=False)
        bias = np.zeros(n_peaks, dtype=np.float32) if bias is None else bias
        self.register_buffer("bias", torch.as_tensor(bias, dtype=torch.float32), persistent=False)
        offsets = None if offset is None else torch.as_tensor(offset, dtype=torch.float32)
        self.register_buffer("offset", offsets, persistent=False)
        counts = np.ones(len(indices), dtype=bool) if kind == "bernoulli" or data is None else data
        cells = sparse.csr_matrix((counts, indices, indptr), shape=(len(indptr) - 1, n_peaks))
        n_parts = -(-n_peaks // peaks_per_step)
        order = torch.arange(n_peaks) if n_parts == 1 else torch.randperm(n_peaks, generator=self.generator)
        self._peaks = order.tensor_split(n_parts)
        by_peak = cells[:, order.numpy()].tocsc()
        ends = np.cumsum([len(part) for part in self._peaks])
        self._cells = [by_peak[:, end - len(part) : end].tocsr() for part, end in zip(self._peaks, ends, strict=True)]

    def forward(self, x: Tensor, rows: Tensor) -> Tensor:
        """Nats (B,) of the cells ``rows`` given their vectors ``x`` (B, d); unbiased where some peaks are left out."""
        n_parts = len(self._peaks)
        part = 0 if n_parts == 1 else int(torch.randint(n_parts, (), generator=self.generator))
        entries = self._cells[part][rows.cpu().numpy()].tocoo()
        features = x if self.body is None else self.body(x)
        features = pad(features, (0, self.weight.shape[1] - features.shape[1]))
        if self.offset is not None:
            offset = self.offset[rows]
            features = features + pad(offset, (features.shape[1] - offset.shape[1], 0))
        weight, bias = self.weight, self.bias
        if n_parts > 1:
            chosen = self._peaks[part].to(weight.device)
            weight, bias = weight[chosen], bias[chosen]
        logits = torch.addmm(bias, features, weight.T)
        row, column = (torch.from_numpy(index).to(x.device).long() for index in (entries.row, entries.col))
        at_entries = gained_at_entries(logits, row, column, torch.from_numpy(entries.data).to(x), self.kind)
        gained = at_entries.new_zeros(len(x)).index_add(0, row, at_entries)
        return n_parts * (softplus(logits).sum(1) - gained)

    def arrays(self) -> list[np.ndarray]:
        """Arrays that determine the likelihood besides its kind, for a checksum."""
        of_cells = [part for cells in self._cells for part in (cells.indptr, cells.indices, cells.data)]
        tensors = [*self.parameters(), *self.buffers()]
        return [tensor.detach().cpu().numpy() for tensor in tensors] + of_cells


def gained_at_entries(logits: Tensor, row: Tensor, column: Tensor, count: Tensor, kind: str) -> Tensor:
    """What the entries of a cells × peaks array of logits add to its log likelihood, which is -softplus of the logits without them."""
    at_entries = logits[row, column]
    return at_entries if kind == "bernoulli" else count * log_softplus(at_entries) - torch.lgamma(count + 1)


def log_softplus(logits: Tensor) -> Tensor:
    """Logarithm of softplus, finite for every finite logit."""
    above = logits.clamp(min=_FLAT)
    return softplus(above).log() + (logits - above)


def inverse_softplus(value: Tensor) -> Tensor:
    """The logits whose softplus is ``value``, which is above 0; finite for large ones too."""
    return value + torch.log(-torch.expm1(-value))
