"""Peak embeddings of many sequences, batch by batch, from one reading or averaged over several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch

from scbasset_tl.nn.codes import MAX_SHIFT, as_codes, augment, one_hot
from scbasset_tl.nn.precision import no_tf32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

    from scbasset_tl.nn.trunk import Trunk

Average = Literal["none", "strands", "strands_shifts"]
AVERAGES: tuple[Average, ...] = get_args(Average)
# sequences at once: the activations of more leave a processor's cache, which costs a third of the speed
_ON_CPU, _ON_GPU = 32, 256


def embed(
    trunk: Trunk,
    codes: np.ndarray | torch.Tensor,
    *,
    average: Average = "none",
    tick: Callable[[int], object] | None = None,
) -> torch.Tensor:
    """Embeddings (P, n_latent) of codes (P, L) in evaluation mode; the trunk's mode and device stay as they were.

    ``average`` takes the mean over the :func:`readings` of each sequence. A logit is linear in the embedding, so that
    the mean of embeddings gives the mean of logits. ``tick`` is told how many readings were made.
    """
    codes = as_codes(codes)
    size = _ON_CPU if trunk.dense.weight.device.type == "cpu" else _ON_GPU
    weight, was_training = trunk.dense.weight, trunk.training
    trunk.eval()
    try:
        with torch.inference_mode(), no_tf32():
            parts = [_mean(trunk, part.to(weight.device), average, tick) for part in codes.split(size)]
    finally:
        trunk.train(was_training)
    return torch.cat(parts) if parts else torch.empty(0, trunk.config.n_latent, device=weight.device)


def readings(codes: torch.Tensor, average: Average) -> Iterator[torch.Tensor]:
    """The forms of codes (P, L) that ``average`` takes together, as training makes them.

    ``"none"``: as they are. ``"strands"``: both strands. ``"strands_shifts"``: each strand moved by -3 to 3 bases, where
    what a shift brings in is N: 14 forms.
    """
    shifts = range(-MAX_SHIFT, MAX_SHIFT + 1) if average == "strands_shifts" else (0,)
    for flip in (False, True)[: 1 + (average != "none")]:
        for by in shifts:
            whole = torch.full((len(codes),), by, device=codes.device)
            yield augment(codes, torch.full_like(whole, flip, dtype=torch.bool), whole) if flip or by else codes


def n_readings(average: Average) -> int:
    """How many :func:`readings` a sequence has."""
    return {"none": 1, "strands": 2, "strands_shifts": 2 * (2 * MAX_SHIFT + 1)}[average]


def _mean(trunk: Trunk, codes: torch.Tensor, average: Average, tick: Callable[[int], object] | None) -> torch.Tensor:
    made = []
    for form in readings(codes, average):
        made.append(trunk(one_hot(form).to(trunk.dense.weight.dtype)))
        if tick is not None:
            tick(len(codes))
    return torch.stack(made).mean(0)
