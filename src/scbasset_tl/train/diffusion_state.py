"""What a run of ATAC-Diff consists of between two steps, and how it goes to and from a checkpoint."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from scbasset_tl.nn.latent_diffusion import LatentDiffusion
from scbasset_tl.train.optimizer_state import check_complete, load_moments, moments_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scbasset_tl.nn.denoiser import DiffusionConfig

HISTORY = (
    "step",
    "diffusion",
    "reconstruction",
    "kl",
    "information",
    "val_diffusion",
    "val_diffusion_without_z",
    "lr",
)
_NUMBERS = ("step", "best_loss", "best_check")


@dataclass
class DiffusionState:
    """Networks, the average of their weights, optimizer, generator, history and the best average so far."""

    model: LatentDiffusion
    average: LatentDiffusion
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    history: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in HISTORY})
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_loss: float = float("inf")
    best_check: int = -1
    step: int = 0

    @classmethod
    def start(cls, config: DiffusionConfig, lr: float, device: torch.device | str, seed: int) -> DiffusionState:
        """Before the first step; every draw comes from one generator, the same on every device."""
        generator = torch.Generator().manual_seed(seed)
        model = LatentDiffusion(config, generator).to(device)
        average = deepcopy(model).requires_grad_(requires_grad=False).eval()
        return cls(model, average, torch.optim.Adam(model.parameters(), lr=lr, fused=True), generator)

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average towards the weights."""
        for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)

    def restart_average(self) -> None:
        """Let the average be the present weights."""
        self.average.load_state_dict(self.model.state_dict())

    def keep_best(self, loss: float) -> None:
        """Remember the average if no check before had a lower ``loss``."""
        if loss < self.best_loss or not self.best:
            self.best_loss, self.best_check = loss, len(self.history["step"])
            self.best = {name: tensor.clone() for name, tensor in self.average.state_dict().items()}

    def to_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and plain values that :meth:`from_checkpoint` takes back."""
        parts = {"model": self.model.state_dict(), "average": self.average.state_dict(), "best": self.best}
        tensors = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
        tensors |= moments_of(self.optimizer)
        tensors |= {
            f"history.{name}": torch.tensor(values, dtype=torch.float64) for name, values in self.history.items()
        }
        tensors["generator"] = self.generator.get_state()
        return tensors, {name: getattr(self, name) for name in _NUMBERS}

    def from_checkpoint(self, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]) -> None:
        """Continue where the checkpoint was written."""
        networks = list(self.model.state_dict())
        parts = ["model", "average", *(["best"] if numbers["best_check"] >= 0 else [])]
        needed = {f"{part}.{name}" for part in parts for name in networks}
        needed |= {"generator", *(f"history.{name}" for name in HISTORY)}
        check_complete(tensors, needed)
        self.model.load_state_dict({name: tensors[f"model.{name}"] for name in networks})
        self.average.load_state_dict({name: tensors[f"average.{name}"] for name in networks})
        device = self.model.shift.device
        self.best = {
            name: tensors[f"best.{name}"].to(device, copy=True) for name in (networks if "best" in parts else [])
        }
        load_moments(self.optimizer, tensors)
        self.generator.set_state(tensors["generator"])
        self.history = {name: tensors[f"history.{name}"].tolist() for name in HISTORY}
        for name in _NUMBERS:
            setattr(self, name, numbers[name])
