"""Which peaks a mapped model has seen: its network in training, or its cells' vectors in their fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._keys import DNA_CODE, HELD_OUT, SPLIT
from scbasset_tl._log import info

if TYPE_CHECKING:
    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model

MAPPED = "map_cells"
"""``params['name']`` of a model that :func:`scbasset_tl.tl.map_cells` wrote."""


def is_mapped(model: Model) -> bool:
    """Whether the cells' vectors were fitted to peaks under a network trained on other cells."""
    return str(model.entry.get("params", {}).get("name")) == MAPPED


def seen_peaks(adata: AnnData, model: Model) -> np.ndarray | None:
    """Peaks that a mapped model has seen, bool (n_vars,): all if it recorded none; ``None`` for a trained model."""
    if not is_mapped(model):
        return None
    column = model.entry["params"].get("seen")
    if column is None or str(column) not in adata.var:
        return np.ones(adata.n_vars, dtype=bool)
    return adata.var[str(column)].to_numpy(dtype=bool)


def check_unseen(adata: AnnData, model: Model, peaks: np.ndarray) -> None:
    """Refuse to call ``peaks`` (positions) held out where a mapped model has seen some."""
    seen = seen_peaks(adata, model)
    n_seen = 0 if seen is None else int(seen[peaks].sum())
    if n_seen:
        message = (
            f"the model {model.key!r} was mapped, and {n_seen} of the {len(peaks)} held-out peaks of var[{SPLIT!r}] are not "
            "held out of it: its network was trained on them, or its vectors were fitted to them. Copy the split that the "
            f"reference was trained with, query.var[{SPLIT!r}] = reference.var[{SPLIT!r}], and run tl.map_cells(query, "
            'reference, peaks="train") again; accessibility_auc(split=None) scores all peaks.'
        )
        raise ValueError(message)


def fitted_peaks(query: AnnData, reference: AnnData, model: Model, places: np.ndarray, peaks: str) -> np.ndarray:
    """Peaks of the query to fit its vectors to, bool (n_vars,).

    ``peaks="train"`` leaves out the peaks that the reference holds out and, among those that the reference does not have,
    the peaks that the query's own split holds out.
    """
    everything = np.ones(len(places), dtype=bool)
    if peaks == "all":
        return everything
    if DNA_CODE not in reference.varm:  # which peaks the network was trained on is then unknown
        info("the reference has no sequences, so that no peak is known to be held out: vectors are fitted to all")
        return everything
    trained = seen_peaks(reference, model)
    if trained is None:
        split = reference.var.get(SPLIT)
        trained = np.ones(reference.n_vars, dtype=bool) if split is None else ~split.isin(HELD_OUT).to_numpy()
    in_reference = places >= 0
    new = ~in_reference if SPLIT not in query.var else ~in_reference & ~query.var[SPLIT].isin(HELD_OUT).to_numpy()
    fitted = in_reference & trained[places] | new
    if not fitted.any():
        message = (
            'query: the reference holds all of its peaks out, so that peaks="train" leaves none to fit vectors to: pass '
            'peaks="all".'
        )
        raise ValueError(message)
    return fitted
