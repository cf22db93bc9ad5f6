"""Device and precision through Lightning Fabric."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_fabric import Fabric

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")


def make_fabric(accelerator: str, precision: str | None) -> Fabric:
    """One device of ``accelerator``; ``precision=None`` is bf16 autocast on CUDA and float32 elsewhere."""
    import torch
    from lightning_fabric import Fabric

    if accelerator not in ACCELERATORS:
        message = f"accelerator must be one of {list(ACCELERATORS)}, got {accelerator!r}."
        raise ValueError(message)
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    there = {"auto": True, "cpu": True, "cuda": cuda, "mps": mps, "gpu": cuda or mps}
    if not there[accelerator]:
        message = f"accelerator={accelerator!r}: torch finds no such device here; pass accelerator='cpu' or 'auto'."
        raise ValueError(message)
    if precision is None:
        precision = "bf16-mixed" if cuda and accelerator in ("auto", "gpu", "cuda") else "32-true"
    try:
        fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]
    except ValueError as error:
        message = f"precision={precision!r}: {error}"
        raise ValueError(message) from error
    return fabric
