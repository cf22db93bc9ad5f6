"""What each base of many sequences contributes to a few outputs, without keeping the latent changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._log import progress

if TYPE_CHECKING:
    from scbasset_tl.nn.trunk import Trunk

_AT_ONCE = 16


def attributions(
    trunk: Trunk, codes: np.ndarray, vectors: np.ndarray, *, window: tuple[int, int], method: str
) -> np.ndarray:
    """Contribution of each of the four bases at each position of a window, float32 (n_out, R, W, 4).

    It is the change of the output by that base, less the mean over the four bases; 0 where the sequence is N.

    Parameters
    ----------
    trunk
        Read in evaluation mode.
    codes
        Sequences, uint8 (R, L).
    vectors
        Vectors of the outputs (n_out, n_latent).
    window
        First position and the one after the last.
    method
        ``"ism"`` or ``"gradient"``.
    """
    from scbasset_tl.nn.codes import N_CODE
    from scbasset_tl.nn.mutagenesis import count_substitutions, gradient_attribution, mutagenesis

    evaluate = mutagenesis if method == "ism" else gradient_attribution
    part = codes[:, slice(*window)]
    projection = np.asarray(vectors, dtype=np.float32).T
    result = np.empty((len(vectors), *part.shape, 4), dtype=np.float32)
    total = count_substitutions(part)
    with progress(total, description=f"contributions of bases, {len(codes)} regions", unit=" bases") as bar:
        for first in range(0, len(codes), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            changes = evaluate(trunk, codes[rows], window=window, tick=bar.update) @ projection
            result[:, rows] = np.moveaxis(changes - changes.mean(axis=2, keepdims=True), -1, 0)
    result[:, part >= N_CODE] = 0
    return result
