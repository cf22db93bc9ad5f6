"""Device and precision through Lightning Fabric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
# the optimizer keeps float32 weights and scales no gradients, which Fabric's other precisions ask for
PRECISIONS = ("32-true", "bf16-mixed")


def make_fabric(accelerator: str, precision: str | None) -> Fabric:
    """One device of ``accelerator``; ``precision=None`` is bf16 autocast on CUDA and float32 elsewhere."""
    import torch
    from lightning_fabric import Fabric

    check_one_of("accelerator", accelerator, ACCELERATORS)
    if precision is not None:
        check_one_of("precision", precision, PRECISIONS)
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    there = {"auto": True, "cpu": True, "cuda": cuda, "mps": mps, "gpu": cuda or mps}
    if not there[accelerator]:
        message = f"accelerator={accelerator!r}: torch finds no such device here; pass accelerator='cpu' or 'auto'."
        raise ValueError(message)
    if precision is None:
        precision = "bf16-mixed" if cuda and accelerator in ("auto", "gpu", "cuda") else "32-true"
    return Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]
