"""chromVAR's scores in their slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from scbasset_tl._adata.model.store import check_schema
from scbasset_tl._adata.slots import is_result, result_entry
from scbasset_tl._adata.write import write_slots
from scbasset_tl._validate import check_name
from scbasset_tl.genome.motifs import unique_names
from scbasset_tl.genome.scan import scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from scbasset_tl.genome.motifs import Motif

VERB = "tl.motif_deviations"


def gc_share(codes: np.ndarray) -> np.ndarray:
    """Share of C and G among the known bases of each sequence (P,); one half where none is known."""
    known = (codes < 4).sum(axis=1)
    strong = ((codes == 1) | (codes == 2)).sum(axis=1)
    return (strong + (known == 0) * 0.5) / (known + (known == 0))


def motif_matches(
    codes: np.ndarray, motifs: Sequence[Motif], p_value: float, frequencies: np.ndarray
) -> sparse.csr_matrix:
    """Peaks × motifs, 1 where there is a match."""
    hits = scan([motif.pwm for motif in motifs], codes, p_value=p_value, background=frequencies)
    pairs = np.unique(np.stack([hits.sequence, hits.motif]), axis=1)
    return sparse.csr_matrix((np.ones(pairs.shape[1]), tuple(pairs)), shape=(len(codes), len(motifs)))


def write_deviations(
    adata: AnnData, slot: str, motifs: Sequence[Motif], scores: np.ndarray, params: Mapping[str, Any]
) -> None:
    """Store scores (n_obs, n_motifs) in ``obsm[slot]``, names and call in ``uns[slot]``."""
    entry = {
        **result_entry(VERB, params, obsm=slot),
        "names": np.array(unique_names(motifs), dtype=object),
        "ids": np.array([motif.id for motif in motifs], dtype=object),
    }
    write_slots(adata, obsm={slot: scores.astype(np.float32)}, uns={slot: entry})


def read_deviations(adata: AnnData, key: str) -> pd.DataFrame:
    """What :func:`write_deviations` stored, as cells × motifs."""
    entry = adata.uns.get(check_name("key", key))
    if not is_result(entry, VERB):
        message = f"uns[{key!r}] holds no motif deviations: run {VERB}(data, motifs) first, or pass key=."
        raise KeyError(message)
    check_schema(key, entry)
    slot = str(entry["slots"]["obsm"])
    if slot not in adata.obsm:
        message = f"obsm[{slot!r}], the scores that belong to uns[{key!r}], is gone: run {VERB} again."
        raise KeyError(message)
    names = [str(name) for name in np.asarray(entry["names"], dtype=object)]
    return pd.DataFrame(np.asarray(adata.obsm[slot]), index=adata.obs_names, columns=names)
