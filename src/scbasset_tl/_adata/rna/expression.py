"""Activities of motifs beside the expression of their genes, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.cells import check_unique
from scbasset_tl._adata.kinds import TF_ACTIVITY
from scbasset_tl._adata.matrix import check_layer
from scbasset_tl._adata.resolve import resolve
from scbasset_tl._adata.results import find, texts
from scbasset_tl._log import info
from scbasset_tl._space import check_memory
from scbasset_tl._validate import check_name
from scbasset_tl.genome.motif_names import find_motifs, tf_genes

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@dataclass(frozen=True)
class Pairs:
    """Motifs whose genes are measured, float64 (n, M) each, in cells of both modalities."""

    motif: list[str]
    gene: list[str]
    activity: np.ndarray
    expression: np.ndarray
    cells: pd.Index
    unmatched: list[str]


def pair_with_expression(
    data: MuData, *, activity_key: str, mod: str, rna: str, layer: str | None, gene_symbols: str | None
) -> Pairs:
    """Each motif of ``obsm[activity_key]`` with the expression of its gene, or the least of a heterodimer's two."""
    if not hasattr(data, "mod"):
        message = f"data must be a MuData with the modalities {mod!r} and {rna!r}, got {type(data).__name__}."
        raise TypeError(message)
    atac, other = resolve(data, mod), resolve(data, rna, argument="rna")
    stored = find(atac, TF_ACTIVITY, check_name("activity_key", activity_key))
    activity = np.asarray(atac.obsm[str(stored["slots"]["obsm"])], dtype=np.float64)
    names = texts(stored["names"])
    cells = shared_cells(atac.obs_names, other.obs_names, f"modalities {mod!r} and {rna!r}")
    symbols = gene_names(other, gene_symbols)
    place_of = places_among(symbols)
    places = [[place_of(gene) for gene in tf_genes(name)] for name in names]
    measured = [number for number, of_motif in enumerate(places) if min(of_motif) >= 0]
    unmatched = [name for number, name in enumerate(names) if min(places[number]) < 0]
    if not measured:
        message = (
            f"none of the {len(names)} motifs names a gene of modality {rna!r}: motifs {names[:3]}, genes {symbols[:3]}. "
            "Name the column of .var with gene symbols: gene_symbols=."
        )
        raise ValueError(message)
    if unmatched:
        info(f"{len(unmatched)} of {len(names)} motifs name no gene of modality {rna!r}, first {unmatched[:3]}")
    wanted = sorted({place for number in measured for place in places[number]})
    values = dense_values(other[cells, wanted], layer)
    column = {place: values[:, number] for number, place in enumerate(wanted)}
    expression = np.stack([np.min([column[place] for place in places[number]], axis=0) for number in measured], axis=1)
    rows = atac.obs_names.get_indexer(cells)
    genes = ["::".join(symbols[place] for place in places[number]) for number in measured]
    return Pairs(
        [names[number] for number in measured], genes, activity[rows][:, measured], expression, cells, unmatched
    )


def named_activities(adata: AnnData, key: str, motifs: Any) -> tuple[np.ndarray, list[str]]:
    """Activities (n, M) of motifs that are named, by name, id or gene, and their names."""
    stored = find(adata, TF_ACTIVITY, check_name("activity_key", key))
    names, ids = (texts(stored.get(field, ())) for field in ("names", "ids"))
    numbers = find_motifs(motifs, names, ids)
    if not numbers:
        message = "motifs is empty: name one motif or several."
        raise ValueError(message)
    activity = np.asarray(adata.obsm[str(stored["slots"]["obsm"])], dtype=np.float64)
    return activity[:, numbers], [names[number] for number in numbers]


def places_among(genes: list[str]) -> Callable[[str], int]:
    """Function that gives the place of a gene in ``genes`` by its name, or else by its name in any case; -1 if it has none."""
    backwards = list(enumerate(genes))[::-1]
    place_of = {gene.upper(): place for place, gene in backwards} | {gene: place for place, gene in backwards}
    return lambda gene: place_of.get(gene, place_of.get(gene.upper(), -1))


def gene_names(adata: AnnData, column: str | None) -> list[str]:
    """Names of the genes, from ``var[column]`` or the index."""
    if column is not None and column not in adata.var:
        message = f"gene_symbols: var has no column {column!r}; it has {list(adata.var.columns)[:20]}."
        raise KeyError(message)
    return texts(adata.var_names if column is None else adata.var[column])


def shared_cells(one: pd.Index, other: pd.Index, whose: str) -> pd.Index:
    """Cells of both, in the order of the first."""
    for names in (one, other):
        check_unique(names, f"cell names repeat in {whose}")
    cells = one.intersection(other, sort=False)
    if len(cells) < 3:
        message = f"{whose} share {len(cells)} cells; at least 3 are needed."
        raise ValueError(message)
    return cells


def dense_values(
    adata: AnnData, layer: str | None, dtype: type[np.float32] | type[np.float64] = np.float64
) -> np.ndarray:
    """Expression as finite floats (n, genes)."""
    if layer is not None:
        check_layer(adata, layer)
    matrix: Any = adata.X if layer is None else adata.layers[layer]
    if matrix is None:
        message = "the RNA modality has no .X: name the layer= with its expression."
        raise ValueError(message)
    check_memory(
        np.dtype(dtype).itemsize * adata.n_obs * adata.n_vars,
        f"the expression of {adata.n_vars:,} genes in {adata.n_obs:,} cells",
        advice="take fewer cells.",
    )
    if hasattr(matrix, "to_memory"):
        matrix = matrix.to_memory()
    if matrix.dtype.kind not in "buif":
        message = f"the expression of the RNA modality is of type {matrix.dtype}, not of numbers: name another layer=."
        raise ValueError(message)
    values = matrix.astype(dtype)
    values = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    if not np.isfinite(values).all():
        message = "the expression of the RNA modality has values that are NaN or infinite: name another layer=."
        raise ValueError(message)
    return values
