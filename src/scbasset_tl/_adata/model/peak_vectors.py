"""Vectors of the data's own peaks: the stored ones, or read anew with another average over strands and shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._log import late_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model
    from scbasset_tl.nn.embed import Average
    from scbasset_tl.nn.trunk import Trunk


def check_average(model: Model, average: Average | None) -> Average:
    """What ``average=`` means: ``None`` is what the model's stored peak vectors are."""
    if average is None:
        return model.average
    from scbasset_tl._validate import check_one_of
    from scbasset_tl.nn.embed import AVERAGES  # torch comes with it

    check_one_of("average", average, AVERAGES)
    return average


def vectors_of(
    adata: AnnData, model: Model, peaks: np.ndarray, average: Average, accelerator: str
) -> Callable[[], np.ndarray]:
    """Function that returns the vectors (P, K) of ``peaks``, from sequences only if ``average`` is not the stored one."""
    stored = model.require_peaks()
    if average == model.average:
        return lambda: stored[peaks]
    from scbasset_tl._adata.codes import sequence_codes
    from scbasset_tl.train.device import single_device

    trunk = model.trunk().to(single_device(accelerator))
    codes = sequence_codes(adata, seq_len=trunk.config.seq_len, instead=", or leave average= out")
    return lambda: read_vectors(trunk, codes[peaks], average)


def read_vectors(trunk: Trunk, codes: np.ndarray, average: Average) -> np.ndarray:
    """Vectors (P, K) of codes (P, L), where the trunk is, with a bar if it takes long."""
    from scbasset_tl.nn.embed import embed, n_readings

    with late_progress(len(codes) * n_readings(average), description="peak vectors", unit=" readings") as bar:
        return embed(trunk, codes, average=average, tick=bar.update).cpu().numpy()
