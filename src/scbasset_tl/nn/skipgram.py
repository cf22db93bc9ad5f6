"""Word2Vec on bags: a block of a cell's regions gives all its pairs at once, and shares its negatives.

In a shuffled list of a cell's n regions a window is a random pair of them: the co-occurrence that skip-gram sees is
Xᵀ diag(1 / (n - 1)) X up to a factor, and no sentence need be written. A block of m random regions of one cell holds
m (m - 1) such pairs, whose logits and gradients are a few matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch.nn.functional import embedding, softplus

from scbasset_tl._random import draw_seed
from scbasset_tl.nn.blocks import draw, schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy import sparse
    from torch import Tensor

_BLOCK = 64
_RANDOM_SCALE = 0.3  # spread of a first coordinate, times n_latent: Word2Vec's
_CLIP = 30.0  # bound of logits, whose gradient is 0 or 1 long before it
_FIRST_SQUARE = {"svd": 1e-2, "random": 1e-8}  # share of a typical gradient: next to nothing


@dataclass(frozen=True)
class SkipGramConfig:
    """What decides a run besides the tokens and the seed; names as in the verb."""

    n_latent: int = 100
    max_epochs: int = 10
    batch_size: int = 16
    lr: float = 0.003
    objective: Literal["skipgram", "cbow"] = "skipgram"
    window_size: int = 5
    n_negative: int = 5
    ns_exponent: float = 0.75
    subsample: float = 1e-3

    @property
    def block(self) -> int:
        """Regions in a block, and its negatives; shared by more regions, the few negatives would take too large steps.

        For cbow one region and its mean number of neighbours.
        """
        return _BLOCK if self.objective == "skipgram" else self.window_size + 2

    @property
    def blocks_a_step(self) -> int:
        """As many regions for cbow as for skip-gram."""
        return -(-self.batch_size * _BLOCK // self.block)


class Step(NamedTuple):
    """Loss summed over the centres, and its gradients with respect to the vectors that went in."""

    loss: Tensor
    center: Tensor  # (B, m, d)
    context: Tensor  # (B, m, d)
    noise: Tensor  # (B, K, d)


def skipgram_step(center: Tensor, context: Tensor, noise: Tensor, weight: Tensor, n_negative: int) -> Step:
    """Each region of a block predicts all others of it: a centre's loss is the mean over its pairs.

    Parameters
    ----------
    center, context
        Vectors of the blocks' regions in either role (B, m, d).
    noise
        Context vectors of each block's negatives (B, K, d), which stand for ``n_negative`` a pair.
    weight
        Weight of each centre (B, m); 0 for padding.
    """
    there = (weight > 0).to(center.dtype)
    partners = (there.sum(1, keepdim=True) - 1).clamp_(min=1)
    pair = (weight / partners)[:, :, None] * there[:, None, :]
    pair.diagonal(dim1=1, dim2=2).zero_()
    positive = torch.bmm(center, context.transpose(1, 2)).clamp_(-_CLIP, _CLIP)
    loss, push = _against_noise(center, noise, weight, n_negative)
    loss = loss + (pair * softplus(-positive)).sum()
    pull = pair.mul_(torch.sigmoid(-positive)).neg_()
    return Step(
        loss,
        torch.baddbmm(torch.bmm(push, noise), pull, context),
        torch.bmm(pull.transpose(1, 2), center),
        torch.bmm(push.transpose(1, 2), center),
    )


def cbow_step(center: Tensor, context: Tensor, noise: Tensor, weight: Tensor, n_negative: int) -> Step:
    """The mean of the other regions of a block predicts each region; arguments as of :func:`skipgram_step`."""
    there = (weight > 0).to(center.dtype)[:, :, None]
    partners = (there.sum(1, keepdim=True) - 1).clamp_(min=1)
    own = center * there
    mean = (own.sum(1, keepdim=True) - own) / partners
    positive = (mean * context).sum(2).clamp_(-_CLIP, _CLIP)
    loss, push = _against_noise(mean, noise, weight, n_negative)
    loss = loss + (weight * softplus(-positive)).sum()
    pull = (weight * torch.sigmoid(-positive)).neg_()[:, :, None]
    to_mean = (torch.bmm(push, noise) + pull * context) / partners
    to_center = (to_mean.sum(1, keepdim=True) - to_mean) * there
    return Step(loss, to_center, pull * mean, torch.bmm(push.transpose(1, 2), mean))


def _against_noise(source: Tensor, noise: Tensor, weight: Tensor, n_negative: int) -> tuple[Tensor, Tensor]:
    """Loss of the negatives, and its gradient with respect to their logits (B, m, K)."""
    logits = torch.bmm(source, noise.transpose(1, 2)).clamp_(-_CLIP, _CLIP)
    share = weight[:, :, None] * (n_negative / noise.shape[1])
    return (share * softplus(logits)).sum(), torch.sigmoid(logits).mul_(share)


class RowAdagrad:
    """Adagrad with one step size a row: rows that are seen rarely keep large steps.

    The sums of squares start at ``first_square``: a first step of the full size would undo a good start, and is what
    small random vectors need.
    """

    def __init__(self, rows: Tensor, first_square: float) -> None:
        self.rows, self.sum = rows, torch.full((len(rows),), first_square, device=rows.device)

    def step(self, index: Tensor, gradient: Tensor, lr: float) -> None:
        """Move the rows ``index`` (n,), which may repeat, against ``gradient`` (n, d)."""
        row, inverse = torch.unique(index, return_inverse=True)
        total = torch.zeros(len(row), gradient.shape[1], device=gradient.device).index_add_(0, inverse, gradient)
        # index_add_, embedding and vector_norm: indexing and square().mean() take two to three times as long
        self.sum.index_add_(0, row, torch.linalg.vector_norm(total, dim=1).square_().div_(total.shape[1]))
        self.rows.index_add_(0, row, total.mul_(self.sum[row].rsqrt_().mul_(-lr)[:, None]))


def independent_loss(share: np.ndarray, noise: np.ndarray, n_negative: int) -> float:
    """Loss per pair of the best model in which regions are independent: what vectors have to beat."""
    with np.errstate(divide="ignore"):
        odds = share / (n_negative * noise)
    return float((share * np.log1p(1 / odds) + n_negative * noise * np.log1p(odds)).sum())


class SkipGramFit(NamedTuple):
    """Region vectors float32 (R, n_latent) about their mean, the loss per pair of each epoch, and that of independence."""

    vectors: np.ndarray
    loss: list[float]
    independent: float

    @property
    def has_structure(self) -> bool:
        """Whether the last loss beats independence, and vectors have left the scale of a random start."""
        apart = self.vectors[:, :-1]
        return self.loss[-1] < self.independent and float(apart.std()) > 2 * _RANDOM_SCALE / self.vectors.shape[1]


def fit(
    tokens: sparse.csr_matrix,
    config: SkipGramConfig,
    *,
    start: np.ndarray | None,
    device: torch.device | str,
    rng: np.random.Generator,
    on_epoch: Callable[[float], object] | None = None,
) -> SkipGramFit:
    """Train region vectors on the pairs of regions that are open in one cell.

    An epoch makes ``window_size + 1`` pairs a token, as many as Word2Vec's windows of random width do.

    Parameters
    ----------
    tokens
        CSR (n_cells, R); every region is open somewhere, and some cell has two.
    config
        How to train.
    start
        Vectors (R, n_latent - 1) to start from (:func:`scbasset_tl.stats.correspondence.region_vectors`); ``None``:
        small random ones.
    device
        Where the vectors are and the products are computed.
    rng
        Orders and draws.
    on_epoch
        Called with the loss of each epoch.
    """
    counts = np.bincount(tokens.indices, minlength=tokens.shape[1])
    share = counts / counts.sum()
    noise = share**config.ns_exponent / (share**config.ns_exponent).sum()
    keep = np.minimum(1, np.sqrt(config.subsample / share) + config.subsample / share) if config.subsample else None
    seen = share if keep is None else share * keep / (share * keep).sum()
    independent = independent_loss(seen, noise, config.n_negative)
    center, context = _start(start, np.log(seen / (config.n_negative * noise)), config.n_latent, rng)
    generator = torch.Generator(device).manual_seed(draw_seed(rng))
    first_square = _FIRST_SQUARE["random" if start is None else "svd"]
    optimizers = [RowAdagrad(torch.from_numpy(vectors).to(device), first_square) for vectors in (center, context)]
    batches = _Batches(tokens, config.block, keep, device, rng)
    bounds = torch.from_numpy(np.cumsum(noise)).to(device, torch.float32)
    step_of = skipgram_step if config.objective == "skipgram" else cbow_step
    n_blocks = max(1, round(tokens.nnz * (config.window_size + 1) / (config.block * (config.block - 1))))
    n_steps = -(-n_blocks // config.blocks_a_step)
    history, done = [], 0
    for _ in range(config.max_epochs):
        loss, total = torch.zeros((), device=device), torch.zeros((), device=device)
        cells = schedule(batches.lengths, n_blocks, rng=rng)
        for first in range(0, n_blocks, config.blocks_a_step):
            index, weight = batches.take(cells[first : first + config.blocks_a_step])
            random = torch.rand(index.shape, generator=generator, device=device)
            others = torch.searchsorted(bounds, random).clamp_(max=len(noise) - 1)
            centers, contexts = (embedding(index, optimizer.rows) for optimizer in optimizers)
            step = step_of(centers, contexts, embedding(others, optimizers[1].rows), weight, config.n_negative)
            lr = config.lr * (1 - done / (config.max_epochs * n_steps))
            optimizers[0].step(index.flatten(), step.center.flatten(0, 1), lr)
            to_contexts = torch.cat([step.context, step.noise], 1).flatten(0, 1)
            optimizers[1].step(torch.cat([index, others], 1).flatten(), to_contexts, lr)
            loss, total, done = loss + step.loss, total + weight.sum(), done + 1
        history.append(float(loss / total))
        if not (loss.isfinite() and optimizers[0].rows.isfinite().all()):  # tokens without pairs have no mean loss
            message = (
                f"the loss or the vectors are no longer finite after epoch {len(history)}: lower lr (now {config.lr})."
            )
            raise FloatingPointError(message)
        if on_epoch is not None:
            on_epoch(history[-1])
    vectors = optimizers[0].rows.cpu().numpy()
    # about the mean cell, as those of the closed form: directions would see little but what all regions share
    return SkipGramFit(vectors - (share @ vectors).astype(np.float32), history, independent)


def _start(
    start: np.ndarray | None, log_odds: np.ndarray, n_latent: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """First vectors in both roles: the last dimension gives each region its odds, the rest is small, or ``start``."""
    n_regions = len(log_odds)
    center = (rng.standard_normal((n_regions, n_latent)) * (_RANDOM_SCALE / n_latent)).astype(np.float32)
    context = np.zeros_like(center)
    if start is not None:
        square = np.maximum(np.square(start).sum(1, keepdims=True), 1e-12)
        # a product x of them stands for C / E - 1, of which the logarithm is wanted
        start = start * np.sqrt(np.log1p(square) / square)
        center[:, :-1] += start
        context[:, :-1] = start
    scale = np.sqrt(np.abs(log_odds).mean())
    center[:, -1], context[:, -1] = scale, log_odds / scale
    return center, context


class _Batches:
    """Blocks of cells as tensors."""

    def __init__(
        self,
        tokens: sparse.csr_matrix,
        size: int,
        keep: np.ndarray | None,
        device: torch.device | str,
        rng: np.random.Generator,
    ) -> None:
        self.indptr, self.indices, self.size = tokens.indptr, tokens.indices.copy(), size  # shuffled by every draw
        self.lengths = np.diff(tokens.indptr)
        self.keep = None if keep is None else keep.astype(np.float32)
        self.device, self.rng = device, rng

    def take(self, cells: np.ndarray) -> tuple[Tensor, Tensor]:
        """Regions (B, size) and their weights: each block counts alike, however few regions its cell has."""
        index = np.empty((len(cells), self.size), dtype=np.int32)
        lengths = np.empty(len(cells), dtype=np.int64)
        draw(self.indptr, self.indices, cells, self.rng.random(index.shape), index, lengths)
        there = np.arange(self.size) < lengths[:, None]
        if self.keep is not None:
            there &= self.rng.random(index.shape, dtype=np.float32) < self.keep[index]
        n = there.sum(1, keepdims=True)
        weight = np.where(there & (n > 1), self.size / np.maximum(lengths, 1)[:, None], 0).astype(np.float32)
        return torch.from_numpy(index.astype(np.int64)).to(self.device), torch.from_numpy(weight).to(self.device)
