"""Peak embeddings of many sequences, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scbasset_tl.nn.codes import as_codes, one_hot
from scbasset_tl.nn.precision import no_tf32

if TYPE_CHECKING:
    import numpy as np

    from scbasset_tl.nn.trunk import Trunk


def embed(trunk: Trunk, codes: np.ndarray | torch.Tensor, *, batch_size: int = 256) -> torch.Tensor:
    """Embeddings (P, n_latent) of codes (P, L) in evaluation mode; the trunk's mode and device stay as they were."""
    codes = as_codes(codes)
    weight, was_training = trunk.dense.weight, trunk.training
    trunk.eval()
    try:
        with torch.inference_mode(), no_tf32():
            parts = [trunk(one_hot(part.to(weight.device)).to(weight.dtype)) for part in codes.split(batch_size)]
    finally:
        trunk.train(was_training)
    return torch.cat(parts) if parts else torch.empty(0, trunk.config.n_latent, device=weight.device)
