"""Full float32 on CUDA, whatever the process has set, for results that must equal the CPU's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def no_tf32() -> Iterator[None]:
    """Switch TF32 off for convolutions and products, and back to what it was at the end.

    Torch rounds the inputs of convolutions on CUDA to 10 bits by default, so that accessibility would differ by 1e-3.
    """
    switches = _switches()
    before = [getattr(owner, name) for owner, name, _ in switches]
    try:
        for owner, name, off in switches:
            setattr(owner, name, off)
        yield
    finally:
        for (owner, name, _), value in zip(switches, before, strict=True):
            setattr(owner, name, value)


def _switches() -> list[tuple[Any, str, Any]]:
    """Owner, attribute and value that means full precision. Torch 2.9 renamed them, and refuses a mixture."""
    convolution, product = getattr(torch.backends.cudnn, "conv", None), torch.backends.cuda.matmul
    if convolution is None:
        return [(torch.backends.cudnn, "allow_tf32", False), (product, "allow_tf32", False)]
    return [(convolution, "fp32_precision", "ieee"), (product, "fp32_precision", "ieee")]
