"""New cells as bags of the regions of a scEmbed model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._adata.scembed.store import check_embedding_free, model_digest
from scbasset_tl._adata.scembed.tokens import tokenize
from scbasset_tl._keys import DNA_CODE, SCEMBED, other_results
from scbasset_tl._validate import check_key_added

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from scbasset_tl._adata.scembed.store import RegionEmbedding


def map_by_regions(
    query: AnnData,
    model: RegionEmbedding,
    key: str,
    *,
    overlap: Mapping[str, Any],
    layer: str | None,
    key_added: str | None,
) -> dict[str, Any]:
    """The query's cells in the space of the region vectors: the parts that ``write_embedding`` stores."""
    check_key_added(key_added, reserved=[DNA_CODE, *other_results(SCEMBED)])
    check_embedding_free(query, key_added, "tl.map_cells")
    tokens = tokenize(query, model.universe, layer=layer, **overlap)
    cells, empty = model.encode(tokens.open)
    keys = overlap["region_keys"]
    params = {"key": key, "layer": layer, **overlap, "region_keys": None if keys is None else list(keys)}
    return {"cells": cells, "empty": empty, "entry": {**tokens.report, "params": params, "model": model_digest(model)}}
