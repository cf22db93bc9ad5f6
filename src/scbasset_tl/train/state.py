"""What a training run consists of between two epochs, and how it goes to and from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scbasset_tl.nn.head import Head
    from scbasset_tl.nn.trunk import Trunk

HISTORY = ("loss", "train_auroc", "val_auroc", "lr", "seconds")


@dataclass
class RunState:
    """Networks, optimizer, generator, history and the best weights so far."""

    trunk: Trunk
    head: Head
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
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

    def keep_best(self, auroc: float, min_delta: float) -> None:
        """Remember these weights if no epoch before was better; a NaN never is, unless there is nothing else."""
        if auroc > self.best_auroc or not self.best:
            self.best_auroc, self.best_epoch = max(auroc, self.best_auroc), self.epoch
            self.best = {name: tensor.clone() for name, tensor in self._networks()}
        if auroc > self.reference_auroc + min_delta or self.reference_epoch < 0:
            self.reference_auroc, self.reference_epoch = auroc, self.epoch

    def restore_best(self) -> None:
        """Put the best weights into the networks."""
        self._load_networks(self.best)

    def _load_networks(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for part, module in (("trunk", self.trunk), ("head", self.head)):
            module.load_state_dict({name: tensors[f"{part}.{name}"] for name in module.state_dict()})

    def to_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and plain values that :meth:`from_checkpoint` takes back."""
        tensors = dict(self._networks())
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": torch.as_tensor(value) for name, value in values.items()}
        tensors["generator"] = self.generator.get_state()
        tensors |= {
            f"history.{name}": torch.tensor(values, dtype=torch.float64) for name, values in self.history.items()
        }
        numbers = ("best_auroc", "best_epoch", "reference_auroc", "reference_epoch", "step")
        return tensors, {name: getattr(self, name) for name in numbers}

    def from_checkpoint(self, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]) -> None:
        """Continue where the checkpoint was written."""
        networks = [name for name, _ in self._networks()]
        needed = {*networks, *(f"history.{name}" for name in HISTORY), "generator"}
        if numbers["best_epoch"] >= 0:
            needed |= {f"best.{name}" for name in networks}
        if absent := sorted(needed - set(tensors)):
            message = f"the checkpoint lacks {len(absent)} parts, first {absent[:3]}: delete it and start again."
            raise ValueError(message)
        self._load_networks(tensors)
        self.best = {name[5:]: tensor for name, tensor in tensors.items() if name.startswith("best.")}
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("adam."):
                _, index, moment = name.split(".")
                weight = weights[int(index)]
                # fused Adam walks weights and moments side by side in memory: they must be laid out alike
                alike = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
                moments.setdefault(int(index), {})[moment] = alike
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.generator.set_state(tensors["generator"])
        self.history = {name: tensors[f"history.{name}"].tolist() for name in HISTORY}
        for name, value in numbers.items():
            setattr(self, name, value)
