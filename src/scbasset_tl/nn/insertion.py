"""Mean effects of motifs on the embedding: sequence edits, grouped by motif and averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from scbasset_tl.nn.edits import Editor, pays
from scbasset_tl.nn.embed import embed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scbasset_tl.nn.trunk import Trunk

# edits × cells whose probabilities are computed at once: 32 MB for each of the three arrays this takes
_EDITS, _CELLS = 512, 1 << 14
_KEEP_AT_ONCE = 64  # sequences whose activations are kept: 4 MB each for the paper's trunk


class Edits(NamedTuple):
    """What is written over sequences for one motif."""

    patches: np.ndarray  # uint8 (E, width)
    rows: np.ndarray  # number of the sequence (E,)
    starts: np.ndarray  # first position that is replaced (E,)


class Means(NamedTuple):
    """Means over the edits of each motif."""

    latent: np.ndarray  # change of the embedding, float64 (M, n_latent)
    probability: np.ndarray | None  # change of sigmoid(embedding · vector), float32 (M, n)


@torch.inference_mode()
def mean_changes(
    trunk: Trunk,
    codes: np.ndarray,
    edits: Sequence[Edits],
    *,
    vectors: np.ndarray | None = None,
    tick: Callable[[int], object] | None = None,
) -> Means:
    """Mean change of the embedding by the edits of each motif (edited minus unedited).

    Parameters
    ----------
    trunk
        Read in evaluation mode, on the device it is on.
    codes
        The unedited sequences, uint8 (N, L).
    edits
        Those of each motif, at least one.
    vectors
        Cell vectors (n, n_latent): average changes of probabilities too.
    tick
        Called with the number of edits done since the last call.
    """
    weight = trunk.dense.weight
    number = torch.tensor([len(each.rows) for each in edits], device=weight.device)
    latent = torch.zeros(len(edits), trunk.config.n_latent, dtype=torch.float64, device=weight.device)
    probabilities = None if vectors is None else _Probabilities(torch.tensor(vectors).to(weight), len(edits))
    batches = _by_width(edits)
    used = np.unique(np.concatenate([batch.rows for _, batch in batches]))
    for kept in np.split(used, range(_KEEP_AT_ONCE, len(used), _KEEP_AT_ONCE)):
        editor = Editor(trunk, codes[kept])
        for owner, batch in batches:
            part = slice(*np.searchsorted(batch.rows, [kept[0], kept[-1] + 1]))
            rows = np.searchsorted(kept, batch.rows[part])
            change = changes(trunk, editor, codes[kept], Edits(batch.patches[part], rows, batch.starts[part]))
            motif = torch.as_tensor(owner[part], device=weight.device)
            latent.index_add_(0, motif, change.double())
            if probabilities is not None:
                probabilities.add(motif, editor.embedding[torch.as_tensor(rows, device=weight.device)], change)
            if tick is not None:
                tick(len(rows))
    mean = None if probabilities is None else (probabilities.sums / number[:, None]).float().cpu().numpy()
    return Means((latent / number[:, None]).cpu().numpy(), mean)


class _Probabilities:
    """Sums, over the edits of each motif (M, n), of the change of each cell's probability."""

    def __init__(self, vectors: torch.Tensor, n_motifs: int) -> None:
        self._vectors = vectors
        self.sums = vectors.new_zeros(n_motifs, len(vectors))

    def add(self, motif: torch.Tensor, kept: torch.Tensor, change: torch.Tensor) -> None:
        for first in range(0, len(self._vectors), _CELLS):
            vectors = self._vectors[first : first + _CELLS].T
            sums = self.sums[:, first : first + _CELLS]
            for part in zip(motif.split(_EDITS), kept.split(_EDITS), change.split(_EDITS), strict=True):
                owner, before, by = part
                difference = ((before + by) @ vectors).sigmoid_()
                sums.index_add_(0, owner, difference.sub_((before @ vectors).sigmoid_()))


def _by_width(edits: Sequence[Edits]) -> list[tuple[np.ndarray, Edits]]:
    """All edits of one width together, sorted by sequence, and the motif that each belongs to."""
    widths = np.array([each.patches.shape[1] for each in edits])
    batches = []
    for width in np.unique(widths):
        members = np.flatnonzero(widths == width).tolist()
        owner = np.repeat(members, [len(edits[motif].rows) for motif in members])
        patches, rows, starts = map(np.concatenate, zip(*(edits[motif] for motif in members), strict=True))
        order = np.argsort(rows, kind="stable")
        batches.append((owner[order], Edits(patches[order], rows[order], starts[order])))
    return batches


def changes(trunk: Trunk, editor: Editor, codes: np.ndarray, edits: Edits) -> torch.Tensor:
    """Embeddings of edited sequences minus those of the sequences that ``editor`` keeps (E, n_latent), by the cheaper way."""
    width = edits.patches.shape[1]
    if pays(trunk.config, width):
        return editor.substitute(*edits)
    edited = codes[edits.rows]
    np.put_along_axis(edited, edits.starts[:, None] + np.arange(width), edits.patches, axis=1)
    rows = torch.as_tensor(edits.rows, device=editor.embedding.device)
    return embed(trunk, edited) - editor.embedding[rows]
