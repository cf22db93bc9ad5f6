"""Do gene scores follow gene expression?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import GENE_SCORES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

_BLOCK: Final = 1 << 22


@dataclass(frozen=True, repr=False)
class GeneExpression:
    """Correlations of gene scores and expression: of each cell over genes, and of each gene over cells."""

    per_cell: pd.DataFrame
    per_gene: pd.DataFrame
    summary: pd.DataFrame
    unmatched: list[str]

    def __repr__(self) -> str:
        head = f"{len(self.per_cell)} cells, {len(self.per_gene)} genes; {len(self.unmatched)} scored genes have no expression"
        return f"{head}\n{self.summary.round(4)}"


@doc_params
def gene_expression_correlation(
    data: MuData | AnnData,
    expression: pd.DataFrame | None = None,
    *,
    key: str = GENE_SCORES,
    baseline: str | None = None,
    layer: str | None = None,
    gene_symbols: str | None = None,
    rna: str = "rna",
    mod: str = "atac",
) -> GeneExpression:
    """Pearson correlation of gene scores and expression, per cell and per gene :cite:p:`Yuan2022`.

    As in the paper's figure 4: per cell over all genes, and per gene over all cells. With a baseline, the raw scores, a
    one-sided Wilcoxon signed-rank test asks whether the scores correlate better than it; without one, whether they
    correlate positively. Cells and genes without any variation count nowhere.

    Genes are matched by name, whatever the case. The tests assume independent genes and cells, which they are not quite:
    a small p-value means "clearly", no more.

    Parameters
    ----------
    data
        MuData with scores and expression of the same cells, or an AnnData with scores, and ``expression``.
    expression
        Cells × genes, instead of a modality.
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.gene_scores` wrote.
    baseline
        Entry of the scores to compare with, e.g. ``"gene_scores_raw"``. Genes that it lacks are left out.
    layer
        Layer with the expression, best normalised and log-transformed; ``None`` is ``.X``, as it is.
    gene_symbols
        Column of the expression's ``.var`` with gene names; ``None``: its index.
    rna
        Modality with the expression.
    {mod}

    Returns
    -------
    ``per_cell`` and ``per_gene``: ``r`` and with a baseline ``r_baseline``, one row per cell or gene. ``summary``: for
    both the number ``n``, ``median_r``, ``median_r_baseline`` and ``p_value``. ``unmatched``: scored genes without
    expression.

    Raises
    ------
    KeyError
        If scores, a modality, a layer or a column are missing.
    ValueError
        If no cell or gene is shared, or nothing varies.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> mdata = sb.datasets.toy_mudata(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(mdata, trunk=8, max_epochs=1)
    >>> genes = pd.DataFrame({{"gene": ["TF1", "TF2", "TF3"], "chr": "chr1", "tss": [3_000, 12_000, 20_000]}})
    >>> sb.tl.gene_scores(mdata, genes)
    >>> list(sb.metrics.gene_expression_correlation(mdata).summary.index)
    ['per_cell', 'per_gene']
    """
    from scbasset_tl._adata.rna.gene_expression import pair_scores

    pairs = pair_scores(
        data,
        expression,
        keys=[key] if baseline is None else [key, baseline],
        mod=mod,
        rna=rna,
        layer=layer,
        names=gene_symbols,
    )
    columns = ["r", "r_baseline"][: len(pairs.scores)]
    values = [
        (_correlations(scores.T, pairs.expression.T), _correlations(scores, pairs.expression))
        for scores in pairs.scores
    ]
    per_cell, per_gene = (
        _complete({name: r[axis] for name, r in zip(columns, values, strict=True)}, index)
        for axis, index in enumerate((pairs.cells, pairs.genes))
    )
    return GeneExpression(per_cell, per_gene, _summary(per_cell, per_gene), pairs.unmatched)


def _correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Correlation of each column with the same column of the other, in blocks, as float64 takes memory."""
    import numpy as np

    from scbasset_tl.stats.agreement import column_correlations

    step = max(1, _BLOCK // len(one))
    parts = [slice(start, start + step) for start in range(0, one.shape[1], step)]
    return np.concatenate([column_correlations(one[:, part], other[:, part]) for part in parts])


def _complete(columns: dict[str, np.ndarray], index: pd.Index) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(columns, index=index).dropna()
    if not len(table):
        message = f"no correlation of {len(index)} is left: the scores or the expression do not vary."
        raise ValueError(message)
    return table


def _summary(per_cell: pd.DataFrame, per_gene: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    from scbasset_tl.stats.agreement import signed_rank

    rows = {}
    for name, table in (("per_cell", per_cell), ("per_gene", per_gene)):
        against = table.get("r_baseline", 0.0)
        rows[name] = {"n": len(table), **{f"median_{column}": table[column].median() for column in table}}
        rows[name]["p_value"] = signed_rank(table["r"], against, "greater")
    return pd.DataFrame(rows).T.astype({"n": int})
