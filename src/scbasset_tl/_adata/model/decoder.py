"""How open the data's own peaks are, fitted peak by peak: what DNA says of a peak, corrected by the cells it is open in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scbasset_tl._adata.kinds import DECODER
from scbasset_tl._adata.matrix import open_peaks
from scbasset_tl._adata.results import find, holds
from scbasset_tl._validate import check_one_of
from scbasset_tl.stats.low_rank import LowRank
from scbasset_tl.stats.peak_decoder import fit_peak_decoder

if TYPE_CHECKING:
    from anndata import AnnData

    from scbasset_tl._adata.model.store import Model


class Decoder(NamedTuple):
    """Logits are ``[w, c, 1] @ rows.T`` for a cell's vector w and bias c."""

    rows: np.ndarray  # float32 (P, K + 2)
    depth: float  # mean bias of the cells that it was fitted to, which depth-normalised values have


def fit_rows(
    adata: AnnData, model: Model, layer: str | None, rng: np.random.Generator
) -> tuple[Decoder, dict[str, Any]]:
    """Fit each peak's row, shrunk to its embedding and to a weight of 1 for the bias; also returns what the entry keeps."""
    peaks = model.require_peaks()
    weight, bias = model.raw_head(adata.obs)
    opened = open_peaks(adata, layer)
    center = np.column_stack([peaks, np.ones(len(peaks), dtype=np.float32)])
    fit = fit_peak_decoder(np.column_stack([weight, bias]), opened, center=center, rng=rng)
    tried = {"l2": np.array(list(fit.held_out)), "log_likelihood": np.array(list(fit.held_out.values()))}
    decoder = Decoder(fit.weight, float(bias.mean(dtype=np.float64)))
    return decoder, {"depth": decoder.depth, "l2": float(fit.l2), "tried": tried}


def read_decoder(adata: AnnData, key: str) -> Decoder:
    """What :func:`scbasset_tl.tl.fit_decoder` stored of the model as it is now."""
    decoders = [name for name in adata.uns if holds(adata, DECODER, name)]
    keys = [name for name in decoders if str(adata.uns[name].get("model", {}).get("key")) == key]
    if not keys:
        message = f"uns holds no {DECODER.what} of the model {key!r}: run {DECODER.verb}(data, key={key!r}) first."
        raise KeyError(message)
    if len(keys) > 1 and DECODER.default not in keys:
        message = f"uns has several fitted decoders of the model {key!r}, {keys}: delete all but one."
        raise ValueError(message)
    stored = find(adata, DECODER, DECODER.default if DECODER.default in keys else keys[0])
    slot = str(stored["slots"]["varm"])
    rows = np.asarray(adata.varm[slot], dtype=np.float32)
    if not (finite := np.isfinite(rows).all(axis=1)).all():
        message = f"varm[{slot!r}] is NaN or infinite for {int((~finite).sum())} peaks: run {DECODER.verb} again."
        raise ValueError(message)
    return Decoder(rows, float(stored["depth"]))


def fitted_matrix(
    adata: AnnData, model: Model, *, normalize_depth: bool, scale: str, peaks: np.ndarray | slice = slice(None)
) -> LowRank:
    """Cells × peaks by the fitted decoder, of all or some of the peaks."""
    sigmoid = check_one_of("scale", scale, ("logit", "sigmoid")) == "sigmoid"
    decoder = read_decoder(adata, model.key)
    weight, bias = model.raw_head(adata.obs)
    if normalize_depth:
        weight, bias = model.cell_embedding, np.full_like(bias, decoder.depth)
    zero = np.zeros(len(weight), dtype=np.float32)
    return LowRank(np.column_stack([weight, bias, zero + 1]).astype(np.float32), decoder.rows[peaks], zero, sigmoid)
