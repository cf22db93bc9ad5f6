"""What a training run consists of between two epochs, and how it goes to and from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from scbasset_tl.train.optimizer_state import check_complete, load_moments, moments_of, weights_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scbasset_tl.nn.head import Head
    from scbasset_tl.nn.trunk import Trunk
    from scbasset_tl.train.muon import Muon
    from scbasset_tl.train.row_adam import RowAdam

HISTORY = ("loss", "train_auroc", "val_auroc", "train_auprc", "val_auprc", "lr", "seconds")
_LATER = ("train_auprc", "val_auprc")  # which checkpoints of earlier versions lack
_OF_CELLS = ("weight", "bias")  # parts of the head with a row for each cell


@dataclass
class RunState:
    """Networks, optimizer, generator, history and the best weights so far.

    Where several ranks train together, the head has the cells of this rank only.
    """

    trunk: Trunk
    head: Head
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    cell_optimizer: RowAdam | None = None  # moves vectors and biases, if a step takes some of the cells only
    muon: Muon | None = None  # moves the filters, if the recipe has it
    history: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in HISTORY})
    best_auroc: float = float("-inf")
    best_epoch: int = -1
    reference_auroc: float = float("-inf")  # what the next epoch has to beat by min_delta
    reference_epoch: int = -1
    step: int = 0
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.history["loss"])

    def _networks(self) -> Iterator[tuple[str, torch.Tensor]]:
        for part, module in (("trunk", self.trunk), ("head", self.head)):
            for name, tensor in module.state_dict().items():
                yield f"{part}.{name}", tensor

    def _momentum(self) -> dict[str, torch.Tensor]:
        momentum = [] if self.muon is None else self.muon.momentum
        return {f"muon.{number}": tensor for number, tensor in enumerate(momentum)}

    def keep_best(self, auroc: float, min_delta: float) -> None:
        """Remember these weights if no epoch before was better."""
        if auroc > self.best_auroc or not self.best:
            self.best_auroc, self.best_epoch = auroc, self.epoch
            for name, tensor in self._networks():  # in the memory of the copy before, if there is one
                self.best[name] = self.best[name].copy_(tensor) if name in self.best else tensor.clone()
        if auroc > self.reference_auroc + min_delta or self.reference_epoch < 0:
            self.reference_auroc, self.reference_epoch = auroc, self.epoch

    def restore_best(self) -> None:
        """Put the best weights into the networks."""
        self._load_networks(self.best)

    def _load_networks(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for part, module in (("trunk", self.trunk), ("head", self.head)):
            module.load_state_dict({name: tensors[f"{part}.{name}"] for name in module.state_dict()})

    def has_rows_of_cells(self, name: str) -> bool:
        """Whether tensor ``name`` of a checkpoint has a row for each cell."""
        if name.startswith("adam."):
            _, index, moment = name.split(".")
            weight = weights_of(self.optimizer)[int(index)]
            return moment != "step" and any(weight is part for part in (self.head.weight, self.head.bias))
        kind, _, part = name.removeprefix("best.").partition(".")
        return kind == "cells" or (kind == "head" and part in _OF_CELLS)

    def to_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and plain values that :meth:`from_checkpoint` takes back."""
        tensors = dict(self._networks())
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= moments_of(self.optimizer)
        if self.cell_optimizer is not None:
            tensors |= {f"cells.{name}": tensor for name, tensor in self.cell_optimizer.state.items()}
        tensors |= self._momentum()
        tensors["generator"] = self.generator.get_state()
        tensors |= {
            f"history.{name}": torch.tensor(values, dtype=torch.float64) for name, values in self.history.items()
        }
        numbers = ("best_auroc", "best_epoch", "reference_auroc", "reference_epoch", "step")
        return tensors, {name: getattr(self, name) for name in numbers}

    def from_checkpoint(self, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any], cells: slice) -> None:
        """Continue where the checkpoint was written, with the rows of ``cells`` where it has some for all."""
        networks = [name for name, _ in self._networks()]
        needed = {*networks, *(f"history.{name}" for name in HISTORY if name not in _LATER), "generator"}
        if numbers["best_epoch"] >= 0:
            needed |= {f"best.{name}" for name in networks}
        if self.cell_optimizer is not None:
            needed |= {f"cells.{name}" for name in self.cell_optimizer.state}
        needed |= set(self._momentum())
        check_complete(tensors, needed)
        own = {name: tensor[cells] if self.has_rows_of_cells(name) else tensor for name, tensor in tensors.items()}
        self._load_networks(own)
        device = self.head.weight.device
        kept = networks if numbers["best_epoch"] >= 0 else []
        self.best = {name: own[f"best.{name}"].to(device, copy=True) for name in kept}
        load_moments(self.optimizer, own)
        if self.cell_optimizer is not None:
            for name, tensor in self.cell_optimizer.state.items():
                tensor.copy_(own[f"cells.{name}"])
        for name, tensor in self._momentum().items():
            tensor.copy_(own[name])
        self.generator.set_state(own["generator"])
        unknown = torch.full_like(own["history.loss"], float("nan"))
        self.history = {name: own.get(f"history.{name}", unknown).tolist() for name in HISTORY}
        for name, value in numbers.items():
            setattr(self, name, value)
