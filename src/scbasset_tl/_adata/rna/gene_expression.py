"""Scores of genes beside their expression, in the same cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.resolve import resolve
from scbasset_tl._adata.rna.expression import dense_values, gene_names, places_among, shared_cells
from scbasset_tl._adata.rna.gene_scores import read_scores
from scbasset_tl._log import info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from mudata import MuData


@dataclass(frozen=True)
class ScoredGenes:
    """Genes that are scored and measured, in the cells of both."""

    genes: pd.Index  # as in the scores
    cells: pd.Index
    scores: list[np.ndarray]  # float32 (n, G) for each key
    expression: np.ndarray  # float32 (n, G)
    unmatched: list[str]


def pair_scores(
    data: MuData | AnnData,
    expression: pd.DataFrame | None,
    *,
    keys: Sequence[str],
    mod: str,
    rna: str,
    layer: str | None,
    names: str | None,
) -> ScoredGenes:
    """The scores of each key with the expression of their genes, from a modality or a table."""
    atac = resolve(data, mod)
    stored = [read_scores(atac, key) for key in keys]
    other_cells, other_genes = _measured(data, expression, rna, names)
    cells = shared_cells(atac.obs_names, other_cells, "scores and expression")
    place_of = places_among(other_genes)
    scored = [gene for gene in stored[0].genes.index if all(gene in other.genes.index for other in stored[1:])]
    places = {gene: place_of(gene) for gene in scored}
    genes = [gene for gene in scored if places[gene] >= 0]
    unmatched = [gene for gene in scored if places[gene] < 0]
    if len(genes) < 3:
        message = (
            f"{len(genes)} of {len(scored)} scored genes are measured, at least 3 are needed: scores {scored[:3]}, expression "
            f"{list(other_genes[:3])}. Name the column of .var with gene names: gene_symbols=."
        )
        raise ValueError(message)
    if unmatched:
        info(f"{len(unmatched):,} of {len(scored):,} scored genes have no expression, first {unmatched[:3]}")
    rows, columns = atac.obs_names.get_indexer(cells), [places[gene] for gene in genes]
    scores = [each.scores[np.ix_(rows, each.genes.index.get_indexer(pd.Index(genes)))] for each in stored]
    values = _values(data, expression, rna, layer, cells, columns)
    return ScoredGenes(pd.Index(genes, dtype=object), cells, scores, values, unmatched)


def _measured(data: Any, expression: pd.DataFrame | None, rna: str, names: str | None) -> tuple[pd.Index, list[str]]:
    """Cells and genes of the expression."""
    if expression is not None:
        if not isinstance(expression, pd.DataFrame):
            message = f"expression must be a DataFrame, cells × genes, got {type(expression).__name__}."
            raise TypeError(message)
        return expression.index, [str(gene) for gene in expression.columns]
    if not hasattr(data, "mod"):
        message = (
            f"data is an {type(data).__name__}: pass expression= (cells × genes), or a MuData with modality {rna!r}."
        )
        raise TypeError(message)
    other = resolve(data, rna, argument="rna")
    return other.obs_names, gene_names(other, names)


def _values(
    data: Any, expression: pd.DataFrame | None, rna: str, layer: str | None, cells: pd.Index, columns: list[int]
) -> np.ndarray:
    if expression is None:
        return dense_values(resolve(data, rna, argument="rna")[cells, columns], layer, np.float32)
    chosen = expression.iloc[expression.index.get_indexer(cells), columns]
    if text := [str(gene) for gene, dtype in chosen.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]:
        message = (
            f"expression has {len(text)} of {len(columns)} genes that are no numbers, first {text[:3]}: convert them."
        )
        raise ValueError(message)
    values = chosen.to_numpy(dtype=np.float32, na_value=np.nan)
    if not np.isfinite(values).all():
        message = "expression has values that are NaN or infinite: leave these cells or genes out."
        raise ValueError(message)
    return values
