"""Do the activities of transcription factors follow their expression?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import TF_ACTIVITY
from scbasset_tl._validate import check_number
from scbasset_tl.metrics._arguments import check_baseline

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from mudata import MuData

    from scbasset_tl._adata.rna.expression import Pairs

KINDS = ("activator", "repressor")


@dataclass(frozen=True, repr=False)
class TFExpression:
    """Correlations of activity and expression over cells: of each motif, and of all, activators and repressors."""

    table: pd.DataFrame
    summary: pd.DataFrame
    unmatched: list[str]

    def __repr__(self) -> str:
        return f"{len(self.table)} motifs with genes, {len(self.unmatched)} without\n{self.summary.round(4)}"


@doc_params
def tf_expression_correlation(
    data: MuData,
    *,
    baseline: pd.DataFrame | None = None,
    kinds: Mapping[str, str] | pd.Series | None = None,
    groupby: str | None = None,
    max_fdr: float = 0.05,
    layer: str | None = None,
    gene_symbols: str | None = None,
    activity_key: str = TF_ACTIVITY,
    rna: str = "rna",
    mod: str = "atac",
) -> TFExpression:
    """Pearson correlation of TF activity and TF expression over cells :cite:p:`Yuan2022`.

    As in the paper's figure 5, activators and repressors are looked at separately. With a baseline, a one-sided Wilcoxon
    signed-rank test asks whether the activities correlate better, more positively for activators (and for all), more
    negatively for repressors. Without one, the test is against zero; it is left out where the sign of the same
    correlations has decided what is an activator.

    Genes are found by the motif's name, whatever the case: ARID3B for ``(ARID3B)_(Mus_musculus)_(DBD_0.99)``, and for
    ``Ahr::Arnt`` the less expressed of both in each cell. A gene with several motifs has a row for each.

    Parameters
    ----------
    data
        MuData with the cells' accessibility and their expression.
    baseline
        Other activities, cells × motifs, e.g. those of :func:`scbasset_tl.get.motif_deviations`. Motifs that it lacks, or
        has no value of in some cell, are left out.
    kinds
        ``"activator"`` or ``"repressor"`` for motifs or their genes, by name; others count in ``all`` only. ``None``:
        activators are those of positive correlation, repressors of negative, with a baseline those that both agree on.
    groupby
        Column of the accessibility's ``.obs``: only genes that are expressed differently between its categories
        (Kruskal-Wallis test, FDR of Benjamini and Hochberg), as in the paper.
    max_fdr
        Largest FDR for ``groupby``.
    layer
        Layer with the expression, best normalised and log-transformed; ``None`` is ``.X``, as it is.
    gene_symbols
        Column of the expression's ``.var`` with gene symbols; ``None``: the names.
    activity_key
        Entry of ``.obsm`` and ``.uns`` that :func:`scbasset_tl.tl.tf_activity` wrote.
    rna
        Modality with the expression.
    {mod}

    Returns
    -------
    ``table``: ``motif``, ``gene``, ``r``, with a baseline ``r_baseline``, and ``kind``, one row per motif. ``summary``:
    for all, activators and repressors the number ``n``, ``mean_r``, ``mean_r_baseline`` and ``p_value``. ``unmatched``:
    motifs without a gene.

    Raises
    ------
    KeyError
        If activities, a modality or a column are missing.
    ValueError
        If no motif names a gene, or nothing is left to compare.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=200)
    >>> toy = mdata["atac"].uns["toy"]["motifs"]
    >>> motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"])]
    >>> sb.tl.scbasset(mdata, trunk=8, max_epochs=1)
    >>> sb.tl.tf_activity(mdata, motifs, n_background=20, n_null=0)
    >>> list(sb.metrics.tf_expression_correlation(mdata).summary.index)
    ['all', 'activator', 'repressor']
    """
    import pandas as pd

    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.rna.expression import pair_with_expression
    from scbasset_tl.stats.agreement import column_correlations

    check_number("max_fdr", max_fdr, low=0, high=1, open_low=True)
    pairs = pair_with_expression(
        data, activity_key=activity_key, mod=mod, rna=rna, layer=layer, gene_symbols=gene_symbols
    )
    table = pd.DataFrame({"motif": pairs.motif, "gene": pairs.gene})
    table["r"] = column_correlations(pairs.activity, pairs.expression)
    if baseline is not None:
        table["r_baseline"] = column_correlations(_aligned(baseline, pairs), pairs.expression)
    keep = table.iloc[:, 2:].notna().all(axis=1).to_numpy()
    if groupby is not None:
        keep = keep & _differs(resolve(data, mod).obs, groupby, pairs, max_fdr)
    if not keep.any():
        message = (
            f"none of {len(table)} motifs is left: their genes do not vary, or not between groups (max_fdr={max_fdr})."
        )
        raise ValueError(message)
    table = table[keep].reset_index(drop=True)
    table["kind"] = _by_sign(table) if kinds is None else _by_table(table, kinds)
    return TFExpression(table, _summary(table, by_sign=kinds is None), pairs.unmatched)


def _aligned(baseline: pd.DataFrame, pairs: Pairs) -> np.ndarray:
    """Baseline scores of the pairs' cells and motifs; NaN for motifs that it lacks."""
    baseline = check_baseline(baseline)
    absent = pairs.cells.difference(baseline.index)
    if len(absent) or not set(pairs.motif) & set(baseline.columns):
        what = f"lacks {len(absent)} cells, first {list(absent[:3])}" if len(absent) else "has none of the motifs"
        message = f"baseline {what}: its index must hold obs_names, its columns the motifs of the activities."
        raise ValueError(message)
    return baseline.reindex(index=pairs.cells, columns=pairs.motif).to_numpy(dtype=float)


def _differs(obs: pd.DataFrame, groupby: str, pairs: Pairs, max_fdr: float) -> np.ndarray:
    """Which genes are expressed differently between groups."""
    import numpy as np
    from scipy.stats import false_discovery_control

    from scbasset_tl._adata.columns import obs_column
    from scbasset_tl.stats.agreement import group_p_values

    group = obs_column(obs, groupby, argument="groupby").loc[pairs.cells]
    grouped = group.notna().to_numpy()
    if group.nunique() < 2:
        message = f"groupby: obs[{groupby!r}] has {group.nunique()} group(s); at least 2 are needed."
        raise ValueError(message)
    p_values = group_p_values(pairs.expression[grouped], group[grouped].astype(str).to_numpy())
    genes, first, number = np.unique(pairs.gene, return_index=True, return_inverse=True)
    return np.asarray(false_discovery_control(p_values[first]) <= max_fdr)[number]


def _by_sign(table: pd.DataFrame) -> np.ndarray:
    import numpy as np

    signs = np.sign(table[[name for name in ("r", "r_baseline") if name in table]].to_numpy())
    return np.select([(signs > 0).all(axis=1), (signs < 0).all(axis=1)], KINDS, default="mixed").astype(object)


def _by_table(table: pd.DataFrame, kinds: Any) -> list[str]:
    given = dict(kinds)
    unknown = sorted({str(kind) for kind in given.values()} - set(KINDS))
    if unknown:
        message = f"kinds must be {list(KINDS)}, got {unknown[:3]}."
        raise ValueError(message)
    pairs = zip(table["motif"], table["gene"], strict=True)
    return [str(given.get(motif, given.get(gene, "unknown"))) for motif, gene in pairs]


def _summary(table: pd.DataFrame, *, by_sign: bool) -> pd.DataFrame:
    import pandas as pd

    from scbasset_tl.stats.agreement import signed_rank

    rows = {}
    for kind in ("all", *KINDS):
        part = table if kind == "all" else table[table["kind"] == kind]
        compared = "r_baseline" in table
        decided = by_sign and not compared and kind != "all"
        against = part["r_baseline"] if compared else 0.0
        side = "less" if kind == "repressor" else "greater"
        rows[kind] = {"n": len(part), "mean_r": part["r"].mean()}
        if compared:
            rows[kind]["mean_r_baseline"] = part["r_baseline"].mean()
        rows[kind]["p_value"] = float("nan") if decided else signed_rank(part["r"], against, side)  # type: ignore[arg-type]
    return pd.DataFrame(rows).T.astype({"n": int})
