"""New cells as bags of the regions of a scEmbed model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._adata.kinds import SCEMBED
from scbasset_tl._adata.results import claim
from scbasset_tl._adata.scembed.store import model_digest
from scbasset_tl._adata.scembed.tokens import tokenize

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
    claim(query, SCEMBED, key_added, verb="tl.map_cells")
    tokens = tokenize(query, model.universe, layer=layer, **overlap)
    cells, empty = model.encode(tokens.open)
    keys = overlap["region_keys"]
    params = {"key": key, "layer": layer, **overlap, "region_keys": None if keys is None else list(keys)}
    more = {**tokens.report, "model": model_digest(model)}
    return {"cells": cells, "empty": empty, "params": params, "more": more, "verb": "tl.map_cells"}
