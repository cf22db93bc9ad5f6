"""What in-silico mutagenesis says for some cells or groups."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.kinds import ISM
from scbasset_tl._adata.results import holds
from scbasset_tl._keys import SCBASSET
from scbasset_tl._space import check_memory

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model


@dataclass(frozen=True, repr=False)
class ISMScores:
    """Changes of depth-normalised logits by each base at each position; see :func:`scbasset_tl.get.ism`.

    Attributes
    ----------
    outputs
        Names of the cells or groups, or of the contrast (n_out).
    regions
        Names (R).
    chrom
        Contig of each region (R); empty text where the data do not say where their peaks are.
    start
        Genomic position of the first base, 0-based (R).
    codes
        The sequences, uint8 (R, W): A0 C1 G2 T3 N4.
    raw
        Logit with A, C, G or T at the position minus the logit of the unchanged sequence, float32 (n_out, R, W, 4);
        0 for the sequence's own base.
    """

    outputs: list[str]
    regions: list[str]
    chrom: np.ndarray
    start: np.ndarray
    codes: np.ndarray
    raw: np.ndarray

    @property
    def centered(self) -> np.ndarray:
        """``raw`` minus its mean over the four bases, as in the paper (n_out, R, W, 4)."""
        return self.raw - self.raw.mean(axis=-1, keepdims=True)

    @property
    def importance(self) -> np.ndarray:
        """Centred value of the sequence's own base (n_out, R, W), which is minus the mean of ``raw`` over the bases; 0 at N."""
        return np.where(self.codes < 4, -self.raw.mean(axis=-1), 0)

    def to_frame(self) -> pd.DataFrame:
        """One row for each output, region and position: ``importance``, and ``raw`` of the four bases by their names."""
        import pandas as pd

        n_out, n_regions, width, _ = self.raw.shape
        output, region, place = (part.ravel() for part in np.indices((n_out, n_regions, width)))
        columns = {
            "output": np.asarray(self.outputs, dtype=object)[output],
            "region": np.asarray(self.regions, dtype=object)[region],
            "chrom": self.chrom[region],
            "position": self.start[region] + place,
            "reference": np.array(list("ACGTN"), dtype=object)[self.codes[region, place]],
            "importance": self.importance.ravel(),
            **{base: self.raw[..., code].ravel() for code, base in enumerate("ACGT")},
        }
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        n_out, n_regions, width, _ = self.raw.shape
        return f"ISMScores: {n_out} outputs × {n_regions} regions × {width} bp"


def read_scores(adata: AnnData, model: Model, vectors: pd.DataFrame, *, regions: Any, **where: Any) -> ISMScores:
    """Stored or computed changes for the outputs whose vectors (n_out, n_latent) are given."""
    from scbasset_tl._adata.sequence.ism import (
        find_changes,  # get exports ISMScores, and must load without what this takes
    )

    changes = find_changes(adata, model, regions, **where)
    shape = (len(vectors), *changes.delta.shape[:3])
    what = f"the scores of {shape[0]:,} outputs × {shape[1]:,} regions × {shape[2]:,} bp"
    check_memory(
        4 * prod(shape), what, advice="read groups with groupby=, or fewer cells (obs=), regions= or bases (window=)."
    )
    raw, weights = np.empty(shape, dtype=np.float32), vectors.to_numpy(dtype=np.float32)
    for region, delta in enumerate(changes.delta):  # one at a time, as the product of all would be there twice
        raw[:, region] = (weights @ delta.reshape(-1, delta.shape[-1]).T).reshape(-1, *delta.shape[:2])
    outputs = [str(name) for name in vectors.index]
    return ISMScores(outputs, changes.regions, changes.chrom, changes.start, changes.codes, raw)


def model_of(adata: AnnData, key: str) -> str:
    """Key of the model whose mutagenesis ``uns[key]`` holds; the default key without one."""
    return str(adata.uns[key].get("model", {}).get("key", SCBASSET)) if holds(adata, ISM, key) else SCBASSET


def relative_to_all(vectors: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Vectors of the outputs minus the mean over all cells: outputs are linear in them."""
    return vectors - model.cell_embedding.mean(axis=0)
