"""Several processes train one model: each has a part of the cells, and peaks of its own in every step.

Logits need every peak's vector and every cell's: the peaks' (B x n_latent) travel, the cells' never do, so that the
traffic does not grow with the cells.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lightning_fabric import Fabric

# for a rank that reads or transposes data while the others wait
_LONG = timedelta(days=7)


@dataclass(frozen=True)
class Ranks:
    """One process among those that train together; alone, every method is free."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of(cls, fabric: Fabric) -> Ranks:
        """The ranks that ``fabric`` was launched with."""
        return cls(fabric.global_rank, fabric.world_size)

    def part(self, n: int, rank: int | None = None) -> slice:
        """The share of ``n`` cells that a rank holds."""
        rank = self.rank if rank is None else rank
        return slice(n * rank // self.size, n * (rank + 1) // self.size)

    def gather(self, h: torch.Tensor) -> torch.Tensor:
        """Rows of all ranks, one rank's after the other's; gradients flow back to the rank that the rows are of."""
        return h if self.size == 1 else _Gather.apply(h, self)

    def sum_(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over ranks, in place."""
        if self.size > 1:
            with self._company():
                distributed.all_reduce(tensor)
        return tensor

    def sum_gradients(self, parameters: Iterable[torch.Tensor]) -> None:
        """Make each gradient that of the sum of all ranks' losses, in one message."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.sum_(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))

    def average_(self, tensors: Iterable[torch.Tensor]) -> None:
        """The mean over ranks of each tensor, in place."""
        if self.size > 1:
            for tensor in tensors:
                self.sum_(tensor).div_(self.size)

    def total(self, values: Sequence[float], device: torch.device) -> list[float]:
        """The sum over ranks of each value."""
        if self.size == 1:
            return list(values)
        return self.sum_(torch.tensor(values, dtype=torch.float64, device=device)).tolist()

    def agree(self, values: list[float], device: torch.device) -> list[float]:
        """What rank 0 says."""
        if self.size == 1:
            return values
        told = torch.tensor(values, dtype=torch.float64, device=device)
        with self._company():
            distributed.broadcast(told, 0)
        return told.tolist()

    def collect(self, tensor: torch.Tensor, n: int, *, everywhere: bool = False) -> torch.Tensor:
        """All ``n`` rows of what is split by :meth:`part`, on the CPU of rank 0 (no rows elsewhere) or of every rank."""
        if self.size == 1:
            return tensor
        here = everywhere or self.rank == 0
        whole = torch.empty(n if here else 0, *tensor.shape[1:], dtype=tensor.dtype)
        for rank in range(self.size):
            part = self.part(n, rank)
            own, rows = rank == self.rank, tensor.contiguous()
            if not own and here:
                rows = torch.empty(part.stop - part.start, *tensor.shape[1:], dtype=tensor.dtype, device=tensor.device)
            self._pass_on(rows, rank, everywhere=everywhere)
            if here:
                whole[part] = rows.cpu()
        return whole

    def _pass_on(self, rows: torch.Tensor, source: int, *, everywhere: bool) -> None:
        with self._company():
            if everywhere:
                distributed.broadcast(rows, source)
            elif source > 0 and self.rank == source:
                distributed.send(rows, 0)
            elif source > 0 and self.rank == 0:
                distributed.recv(rows, source)

    @contextmanager
    def first(self) -> Iterator[None]:
        """Rank 0 does this while the others wait for it, however long it takes; then they do it."""
        if self.size == 1:
            yield
            return
        waiting = distributed.new_group(backend="gloo", timeout=_LONG)
        if self.rank == 0:
            yield
        with self._company():
            distributed.barrier(waiting)
        if self.rank > 0:
            yield
        distributed.destroy_process_group(waiting)

    @contextmanager
    def _company(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1:] or ["no reason given"]
            message = (
                f"rank {self.rank} of {self.size} has lost another rank ({reason[0]}): training stops, and the data are "
                "as before. With checkpoint=, the same call with resume=True goes on after the last finished epoch, on "
                "any number of ranks. Which rank was lost, and why, is in the output of torchrun or srun."
            )
            raise RuntimeError(message) from error


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: torch.Tensor, ranks: Ranks) -> torch.Tensor:
        ctx.ranks = ranks
        whole = h.new_empty(len(h) * ranks.size, *h.shape[1:])
        with ranks._company():
            distributed.all_gather(list(whole.chunk(ranks.size)), h.contiguous())
        return whole

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        ranks, whole = ctx.ranks, grad_outputs[0].contiguous()
        n_own = len(whole) // ranks.size
        if distributed.get_backend() != "nccl":  # gloo cannot, in the oldest torch we run on
            return ranks.sum_(whole.clone())[ranks.rank * n_own :][:n_own], None
        own = whole.new_empty(n_own, *whole.shape[1:])
        with ranks._company():
            distributed.reduce_scatter(own, list(whole.chunk(ranks.size)))
        return own, None
