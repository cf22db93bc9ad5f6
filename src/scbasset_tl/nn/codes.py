"""DNA codes (A0 C1 G2 T3 N4) on the device: one-hot rows and the training-time augmentation."""

from __future__ import annotations

import numpy as np
import torch

N_CODE = 4
MAX_SHIFT = 3
"""Bases by which training moves a sequence, at most, to either side."""
_COMPLEMENT = (3, 2, 1, 0, N_CODE)


def as_codes(codes: np.ndarray | torch.Tensor) -> torch.Tensor:
    """A tensor of the same memory, or of a copy where numpy may not write to it: torch has no such tensors."""
    if isinstance(codes, np.ndarray) and not codes.flags.writeable:
        codes = codes.copy()
    return torch.as_tensor(codes)


def one_hot(codes: torch.Tensor) -> torch.Tensor:
    """Codes (B, L) as float rows (B, 4, L); N, which shifts bring in, is a quarter of each base."""
    table = torch.cat([torch.eye(4, device=codes.device), torch.full((1, 4), 0.25, device=codes.device)])
    # position-major in memory: the layout that channels-last convolutions read without a copy
    return table[codes.int()].transpose(1, 2)


def reverse_complement(codes: torch.Tensor) -> torch.Tensor:
    """The other strand of codes (B, L), read in its own direction."""
    table = torch.tensor(_COMPLEMENT, dtype=codes.dtype, device=codes.device)
    return table[codes.int()].flip(-1)


def shift(codes: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Move row i of codes (B, L) by ``by[i]`` positions to the right, filling with N."""
    length = codes.shape[1]
    source = torch.arange(length, device=codes.device) - by[:, None]
    moved = codes.gather(1, source.clamp(0, length - 1))
    return moved.masked_fill((source < 0) | (source >= length), N_CODE)


def augment(codes: torch.Tensor, flip: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Read row i of codes (B, L) from the other strand where ``flip[i]``, then :func:`shift` it ``by[i]``."""
    return shift(torch.where(flip[:, None], reverse_complement(codes), codes), by)
