"""Do activities tell cells in which a factor was perturbed from control cells?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import TF_ACTIVITY
from scbasset_tl._validate import check_one_of
from scbasset_tl.metrics._arguments import check_baseline

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@dataclass(frozen=True, repr=False)
class Perturbation:
    """How well activities tell perturbed from control cells: areas of each motif, and the curves."""

    summary: pd.DataFrame
    curves: pd.DataFrame

    def __repr__(self) -> str:
        return str(self.summary.round(4))


@doc_params
def perturbation(
    data: AnnData | MuData,
    motifs: str | Sequence[str],
    *,
    groupby: str,
    perturbed: str,
    control: str,
    direction: Literal["down", "up"] = "down",
    baseline: pd.DataFrame | None = None,
    activity_key: str = TF_ACTIVITY,
    mod: str = "atac",
) -> Perturbation:
    """Precision–recall and ROC of a factor's activity for cells in which the factor was perturbed :cite:p:`Yuan2022`.

    As in the paper's figure 5d with Spear-ATAC, where guides of CRISPRi silence GATA1 or GATA2 in single cells: cells are
    ranked by the activity of the factor's motif, and the perturbed ones should come first, those of the control last.

    Parameters
    ----------
    {data}
    motifs
        Names, ids or genes of the motifs to rank cells by, each for itself.
    groupby
        Column of ``.obs`` that says what was done to each cell, such as its guide.
    perturbed, control
        Categories of it: cells to find, and cells to tell them from. All others are left out.
    direction
        ``"down"``: perturbed cells should have less activity, as after a knock-out or CRISPRi. ``"up"``: more, as after
        CRISPRa.
    baseline
        Other activities, cells × motifs, e.g. those of :func:`scbasset_tl.get.motif_deviations`.
    activity_key
        Entry of ``.obsm`` and ``.uns`` that :func:`scbasset_tl.tl.tf_activity` wrote.
    {mod}

    Returns
    -------
    ``summary``: for each motif and method (``"activity"``, ``"baseline"``) ``auroc``, ``auprc`` (average precision),
    ``auprc_by_chance`` (the share of perturbed cells), ``n_perturbed`` and ``n_control``. ``curves``: the points ``x`` and
    ``y`` of each ``curve``, ``"roc"`` (false over true positive rate) and ``"pr"`` (recall over precision), by ``motif`` and
    ``method``. :func:`scbasset_tl.pl.perturbation` draws them.

    Raises
    ------
    KeyError
        If there are no such activities, motif, column or group.
    ValueError
        If ``perturbed`` and ``control`` are one, or the baseline lacks cells or motifs.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    >>> sb.tl.tf_activity(adata, motif, n_background=50, n_null=0)
    >>> scores = sb.metrics.perturbation(adata, "TF1", groupby="cell_type", perturbed="type_2", control="type_1")
    >>> list(scores.summary)
    ['motif', 'method', 'auroc', 'auprc', 'auprc_by_chance', 'n_perturbed', 'n_control']
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.readout import find_groups, group_sizes
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.rna.expression import named_activities

    sign = {"down": -1, "up": 1}[check_one_of("direction", direction, ("down", "up"))]
    adata = resolve(data, mod)
    values, names = named_activities(adata, activity_key, motifs)
    levels = group_sizes(adata.obs, groupby).index
    one, other = find_groups([perturbed, control], levels, groupby)
    if one == other:
        message = f"perturbed and control are both {perturbed!r}: name two groups of obs[{groupby!r}]."
        raise ValueError(message)
    truth = pd.Categorical(adata.obs[groupby], categories=[levels[other], levels[one]]).codes
    cells = np.flatnonzero(truth >= 0)
    methods = {"activity": values[cells]}
    if baseline is not None:
        methods["baseline"] = _baseline(baseline, adata.obs_names[cells], names)
    rows, curves = [], []
    for number, motif in enumerate(names):
        for method, scores in methods.items():
            row, points = _areas(truth[cells], sign * scores[:, number])
            rows.append({"motif": motif, "method": method, **row})
            curves.append(points.assign(motif=motif, method=method))
    table = pd.concat(curves, ignore_index=True)[["motif", "method", "curve", "x", "y"]]
    return Perturbation(pd.DataFrame(rows), table)


def _baseline(baseline: Any, cells: pd.Index, motifs: list[str]) -> np.ndarray:
    import numpy as np
    import pandas as pd

    baseline = check_baseline(baseline)
    absent = {"cells": cells.difference(baseline.index), "motifs": pd.Index(motifs).difference(baseline.columns)}
    for what, names in absent.items():
        if len(names):
            message = f"baseline lacks {len(names)} of the {what}, first {list(names[:3])}: its index must hold obs_names, its columns the motifs."
            raise ValueError(message)
    values = baseline.loc[cells, motifs].to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        message = "baseline has values that are NaN or infinite: leave these motifs out."
        raise ValueError(message)
    return values


def _areas(truth: np.ndarray, scores: np.ndarray) -> tuple[dict[str, float], pd.DataFrame]:
    """Areas and curves of one score."""
    import pandas as pd
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(truth, scores)
    n = int(truth.sum())
    row = {
        "auroc": float(roc_auc_score(truth, scores)),
        "auprc": float(average_precision_score(truth, scores)),
        "auprc_by_chance": n / len(truth),
        "n_perturbed": n,
        "n_control": len(truth) - n,
    }
    parts = [
        pd.DataFrame({"curve": "roc", "x": false, "y": true}),
        pd.DataFrame({"curve": "pr", "x": recall, "y": precision}),
    ]
    return row, pd.concat(parts, ignore_index=True)
