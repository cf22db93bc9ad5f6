"""Does the model predict which peaks are open in which cells?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import HELD_OUT, SCBASSET, SPLIT, SPLIT_LEVELS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

_SPLITS = {**{level: (level,) for level in SPLIT_LEVELS}, "held-out": HELD_OUT}


@dataclass(frozen=True, repr=False)
class AccessibilityAUC:
    """Exact auROC and auPR of each cell over the peaks and of each peak over the cells; NaN where all are open or none is."""

    per_cell: pd.Series
    per_peak: pd.Series
    auprc_per_cell: pd.Series
    auprc_per_peak: pd.Series

    @property
    def mean_per_cell(self) -> float:
        """Mean over the cells that have both classes."""
        return float(self.per_cell.mean())

    @property
    def mean_per_peak(self) -> float:
        """Mean over the peaks that have both classes."""
        return float(self.per_peak.mean())

    @property
    def mean_auprc_per_cell(self) -> float:
        """Mean auPR over the cells that have both classes."""
        return float(self.auprc_per_cell.mean())

    @property
    def mean_auprc_per_peak(self) -> float:
        """Mean auPR over the peaks that have both classes."""
        return float(self.auprc_per_peak.mean())

    @property
    def n_one_class_cells(self) -> int:
        """Cells in which all scored peaks are open or none is."""
        return int(self.per_cell.isna().sum())

    @property
    def n_one_class_peaks(self) -> int:
        """Scored peaks that are open in all cells or in none."""
        return int(self.per_peak.isna().sum())

    def __repr__(self) -> str:
        return (
            f"auROC per cell {self.mean_per_cell:.3f} ({len(self.per_cell)} cells, {self.n_one_class_cells} of one class), "
            f"per peak {self.mean_per_peak:.3f} ({len(self.per_peak)} peaks, {self.n_one_class_peaks} of one class); "
            f"auPR per cell {self.mean_auprc_per_cell:.3f}, per peak {self.mean_auprc_per_peak:.3f}"
        )


@doc_params
def accessibility_auc(
    data: AnnData | MuData,
    *,
    key: str = SCBASSET,
    split: Literal["train", "val", "test", "held-out"] | None = "test",
    layer: str | None = None,
    average: Literal["none", "strands", "strands_shifts"] | None = None,
    accelerator: str = "cpu",
    mod: str = "atac",
) -> AccessibilityAUC:
    """Exact auROC and auPR of a trained model, per cell and per peak :cite:p:`Yuan2022`.

    Ties count half in the auROC; the auPR is the average precision, of which chance is the share of open entries. The scores
    are the model's logits, depth and batch effects included; peaks × cells are never held at once.

    Parameters
    ----------
    {data}
    {key}
    split
        Peaks to score by ``var['split']``; ``"held-out"`` is val and test, ``None`` all peaks.
    layer
        Layer with the accessibility; by default what the model was trained on.
    {average}
    {accelerator}
    {mod}

    Returns
    -------
    ``per_cell`` and ``per_peak``, the auROC (:class:`pandas.Series`), and ``auprc_per_cell`` and ``auprc_per_peak``; their
    means without NaN ``mean_per_cell``, ``mean_per_peak``, ``mean_auprc_per_cell`` and ``mean_auprc_per_peak``; and the
    numbers of NaN, ``n_one_class_cells`` and ``n_one_class_peaks``.

    Raises
    ------
    KeyError
        If the model, one of its slots, the layer or ``var['split']`` is missing.
    ValueError
        If no peak is in ``split``, a model of :func:`scbasset_tl.tl.map_cells` has seen held-out peaks of it, or the matrix
        holds negative or non-finite values.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> auc = sb.metrics.accessibility_auc(adata, split="held-out")
    >>> auc.per_cell.index.equals(adata.obs_names)
    True
    """
    import pandas as pd

    from scbasset_tl._adata.matrix import open_entries_from
    from scbasset_tl._adata.model.peak_vectors import check_average, vectors_of
    from scbasset_tl._adata.model.seen import check_unseen
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._validate import check_one_of
    from scbasset_tl.stats.auc import held_out_areas
    from scbasset_tl.train.device import ACCELERATORS

    check_one_of("accelerator", accelerator, ACCELERATORS)
    adata = resolve(data, mod)
    model = read_model(adata, key)
    forms, peaks = check_average(model, average), _peaks_in(adata, split)
    if split not in (None, "train"):
        check_unseen(adata, model, peaks)
    embed = vectors_of(adata, model, peaks, forms, accelerator)
    cell_embedding, cell_bias = model.raw_head(adata.obs)
    open_entries = open_entries_from(adata, model.entry["params"].get("layer") if layer is None else layer).rows(peaks)
    per_cell, per_peak = held_out_areas(embed(), cell_embedding, cell_bias, open_entries)
    cell_names, peak_names = adata.obs_names, adata.var_names[peaks]
    return AccessibilityAUC(
        per_cell=pd.Series(per_cell.roc, index=cell_names, name="auroc"),
        per_peak=pd.Series(per_peak.roc, index=peak_names, name="auroc"),
        auprc_per_cell=pd.Series(per_cell.pr, index=cell_names, name="auprc"),
        auprc_per_peak=pd.Series(per_peak.pr, index=peak_names, name="auprc"),
    )


def _peaks_in(adata: AnnData, split: str | None) -> np.ndarray:
    """Positions of the peaks of ``split``."""
    import numpy as np

    from scbasset_tl._validate import check_one_of

    if split is None:
        return np.arange(adata.n_vars)
    levels = _SPLITS[check_one_of("split", split, _SPLITS)]
    if SPLIT not in adata.var:
        message = f"var[{SPLIT!r}] is missing: run pp.split_peaks before training, or pass split=None for all peaks."
        raise KeyError(message)
    peaks = np.flatnonzero(adata.var[SPLIT].isin(levels))
    if not peaks.size:
        counts = adata.var[SPLIT].value_counts().to_dict()
        message = f"no peak has {' or '.join(levels)} in var[{SPLIT!r}] (it has {counts}): pass another split=."
        raise ValueError(message)
    return peaks
