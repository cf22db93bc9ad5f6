"""Moments of Adam, to and from the tensors of a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping


def moments_of(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Moments and steps by ``adam.<number of the weight>.<moment>``."""
    state = optimizer.state_dict()["state"]
    return {
        f"adam.{index}.{moment}": torch.as_tensor(value)
        for index, values in state.items()
        for moment, value in values.items()
    }


def load_moments(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Take back what :func:`moments_of` gave, from all tensors of a checkpoint."""
    weights = weights_of(optimizer)
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam."):
            _, index, moment = name.split(".")
            weight = weights[int(index)]
            # fused Adam walks weights and moments side by side in memory: they must be laid out alike
            alike = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
            moments.setdefault(int(index), {})[moment] = alike
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def weights_of(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """The weights that an optimizer moves, in the order of their numbers."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def check_complete(tensors: Mapping[str, torch.Tensor], needed: set[str]) -> None:
    """Refuse a checkpoint without all tensors that are ``needed``."""
    if absent := sorted(needed - set(tensors)):
        message = f"the checkpoint lacks {len(absent)} parts, first {absent[:3]}: delete it and start again."
        raise ValueError(message)
