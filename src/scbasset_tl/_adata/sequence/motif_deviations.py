"""chromVAR's scores in their slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from scbasset_tl._adata.kinds import MOTIF_DEVIATIONS
from scbasset_tl._adata.results import entry, find, texts
from scbasset_tl._adata.write import write_slots
from scbasset_tl._validate import check_positive_int
from scbasset_tl.genome.scan import scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from scbasset_tl.genome.motifs import Motif

P_VALUE = 5e-5
MOST_BASES = 8


def motif_matches(
    codes: np.ndarray, motifs: Sequence[Motif], p_value: float, frequencies: np.ndarray
) -> sparse.csr_matrix:
    """Peaks × motifs, 1 where there is a match."""
    hits = scan([motif.pwm for motif in motifs], codes, p_value=p_value, background=frequencies)
    pairs = np.unique(np.stack([hits.sequence, hits.motif]), axis=1)
    return sparse.csr_matrix((np.ones(pairs.shape[1]), tuple(pairs)), shape=(len(codes), len(motifs)))


def check_kmers(kmers: int | None, motifs: Any, p_value: float, background: Any) -> int | None:
    """The length of k-mers that are asked for instead of motifs."""
    if (motifs is None) == (kmers is None):
        message = "pass motifs, or kmers= with a length such as 6, and not both."
        raise ValueError(message)
    if kmers is None:
        return None
    if check_positive_int("kmers", kmers) > MOST_BASES:
        message = f"kmers must be a length of at most {MOST_BASES} bp, got {kmers}: there are 4 ** kmers of them."
        raise ValueError(message)
    if p_value != P_VALUE or background is not None:
        message = "p_value= and background= are for motifs, and kmers= are matched exactly: leave them out."
        raise ValueError(message)
    return kmers


def write_deviations(
    adata: AnnData,
    slots: Mapping[str, str],
    motifs: Sequence[str],
    ids: Sequence[str],
    scores: np.ndarray,
    params: Mapping[str, Any],
) -> None:
    """Store scores (n_obs, n_motifs) in ``obsm``, names and call in ``uns``."""
    made = {
        **entry(MOTIF_DEVIATIONS, params, slots),
        "names": np.array(motifs, dtype=object),
        "ids": np.array(ids, dtype=object),
    }
    write_slots(adata, obsm={slots["obsm"]: scores.astype(np.float32)}, uns={slots["uns"]: made})


def read_deviations(adata: AnnData, key: str) -> pd.DataFrame:
    """What :func:`write_deviations` stored, as cells × motifs."""
    stored = find(adata, MOTIF_DEVIATIONS, key)
    scores = np.asarray(adata.obsm[str(stored["slots"]["obsm"])])
    return pd.DataFrame(scores, index=adata.obs_names, columns=texts(stored["names"]))
