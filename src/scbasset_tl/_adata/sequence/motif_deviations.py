"""chromVAR's scores in their slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from scbasset_tl._adata.kinds import MOTIF_DEVIATIONS
from scbasset_tl._adata.results import entry, find
from scbasset_tl._adata.write import write_slots
from scbasset_tl.genome.motifs import unique_names
from scbasset_tl.genome.scan import scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from scbasset_tl.genome.motifs import Motif


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
    adata: AnnData, slots: Mapping[str, str], motifs: Sequence[Motif], scores: np.ndarray, params: Mapping[str, Any]
) -> None:
    """Store scores (n_obs, n_motifs) in ``obsm``, names and call in ``uns``."""
    made = {
        **entry(MOTIF_DEVIATIONS, params, slots),
        "names": np.array(unique_names(motifs), dtype=object),
        "ids": np.array([motif.id for motif in motifs], dtype=object),
    }
    write_slots(adata, obsm={slots["obsm"]: scores.astype(np.float32)}, uns={slots["uns"]: made})


def read_deviations(adata: AnnData, key: str) -> pd.DataFrame:
    """What :func:`write_deviations` stored, as cells × motifs."""
    stored = find(adata, MOTIF_DEVIATIONS, key)
    names = [str(name) for name in np.asarray(stored["names"], dtype=object)]
    return pd.DataFrame(np.asarray(adata.obsm[str(stored["slots"]["obsm"])]), index=adata.obs_names, columns=names)
