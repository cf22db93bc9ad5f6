"""The short vector x that stands for a cell in ATAC-Diff, and how it says which peaks are open.

In every space ``logits = features @ decoder.T``, and the features are the vector (of an autoencoder: the last hidden
layer) padded with zeros, plus a known offset of the cell: its depth, its batch, the constant 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scbasset_tl._adata.cells import representation
from scbasset_tl._adata.kinds import MODEL
from scbasset_tl._adata.matrix import check_informative, counts_from, slot_name
from scbasset_tl._adata.model.denoised import low_rank
from scbasset_tl._adata.model.store import read_model
from scbasset_tl._adata.results import holds
from scbasset_tl._log import info
from scbasset_tl._validate import check_name
from scbasset_tl.stats.low_rank import LowRank
from scbasset_tl.stats.peak_decoder import fit_peak_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anndata import AnnData
    from scipy import sparse
    from torch import nn

    from scbasset_tl.nn.likelihood import PeakLikelihood

AE: Final = "ae"
OBSM: Final = "obsm"
SCBASSET: Final = "scbasset"


@dataclass(frozen=True)
class Space:
    """Vectors of the cells and what turns them into logits."""

    vectors: Callable[[], np.ndarray]  # x, float32 (n, d)
    offset: np.ndarray  # float32 (n, m), of the last m features
    decoder: np.ndarray  # float32 (P, F)
    body: nn.Module | None = None  # from x to the last hidden layer
    entry: Mapping[str, Any] = field(default_factory=dict)  # what uns keeps of it
    varm: Mapping[str, np.ndarray] = field(default_factory=dict)
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)  # what the blob of weights keeps of it
    history: Mapping[str, Any] = field(default_factory=dict)

    def features(self, x: np.ndarray, cells: np.ndarray | slice) -> np.ndarray:
        """Features (m, F) of vectors (m, d) with the offsets of ``cells``."""
        import torch

        hidden = x
        if self.body is not None:
            with torch.no_grad():
                hidden = self.body(torch.from_numpy(x)).numpy()
        features = np.zeros((len(x), self.decoder.shape[1]), dtype=np.float32)
        features[:, : hidden.shape[1]] = hidden
        features[:, -self.offset.shape[1] :] += self.offset[cells]
        return features

    def likelihood(self, counts: sparse.csr_matrix, kind: str) -> PeakLikelihood:
        """How probable the cells' peaks are given their vectors."""
        from copy import deepcopy

        from scbasset_tl.nn.likelihood import PeakLikelihood

        body = deepcopy(self.body)  # it goes to the device of the training
        entries = (counts.indptr, counts.indices, counts.data)
        return PeakLikelihood(*entries, self.decoder, None, self.offset, kind=kind, body=body)


def decoded(features: np.ndarray, decoder: np.ndarray, *, sigmoid: bool) -> LowRank:
    """Logits or probabilities, cells × peaks."""
    return LowRank(features, decoder, np.zeros(len(features), dtype=np.float32), sigmoid)


def space_kind(adata: AnnData, space: str) -> str:
    """What ``space`` names: ``"ae"``, a scBasset model or an embedding in obsm."""
    if check_name("space", space) == AE:
        return AE
    if holds(adata, MODEL, space):
        return SCBASSET
    if space in adata.obsm:
        return OBSM
    models = [name for name in adata.uns if holds(adata, MODEL, name)]
    message = (
        f"space={space!r}: uns has no trained scBasset model {space!r} (models here: {models}), and obsm no such embedding "
        f"(embeddings here: {list(adata.obsm)}). Run tl.scbasset(data) first, or pass space= with the name of an "
        "embedding, or space='ae' for an autoencoder of the peaks, which needs no sequences."
    )
    raise KeyError(message)


def read_counts(adata: AnnData, layer: str | None, *, whole: bool) -> sparse.csr_matrix:
    """The open entries, cells × peaks; ``whole`` numbers where their values count fragments."""
    counts = counts_from(adata, layer)
    check_informative(adata, np.diff(counts.indptr), slot_name(layer))
    if whole and len(odd := np.flatnonzero(counts.data != np.round(counts.data))):
        message = (
            f"{slot_name(layer)} has {len(odd)} values that are no counts, the first is {counts.data[odd[0]]:g}: likelihood='poisson' "
            "needs fragments. Name their layer with layer=, or take likelihood='bernoulli'."
        )
        raise ValueError(message)
    return counts


def check_enough(n_obs: int, n_components: int, val_fraction: float) -> None:
    """Refuse too few cells for the Gaussians of the prior."""
    n_train = n_obs - max(1, round(val_fraction * n_obs)) if val_fraction else n_obs
    if n_train < max(2, n_components):
        message = (
            f"data has {n_obs} cells, {n_train} of them to learn from: too few for n_components={n_components} Gaussians "
            "(and fewer than 2 cannot be compared). Lower n_components."
        )
        raise ValueError(message)


def scbasset_space(
    adata: AnnData,
    key: str,
    log_depth: np.ndarray,
    *,
    decoder: np.ndarray | None = None,
    line: tuple[float, float] | None = None,
) -> Space:
    """Vectors x = [cell vector, bias minus its regression line on log depth]; the peaks' embeddings decode them.

    ``decoder`` and ``line`` are those of a trained model.
    """
    model = read_model(adata, key)
    raw = low_rank(adata, model, normalize_depth=False, scale="logit")
    slope, intercept = _line(log_depth, model.cell_bias) if line is None else line
    of_depth = (intercept + slope * log_depth).astype(np.float32)
    x = np.column_stack([model.cell_embedding, model.cell_bias - of_depth])
    offset = [raw.left - model.cell_embedding, raw.bias - model.cell_bias + of_depth, np.ones_like(log_depth)]
    if decoder is None:
        n_peaks = len(raw.right)
        decoder = np.column_stack([raw.right, np.ones(n_peaks), np.zeros(n_peaks)]).astype(np.float32)
    entry = {"kind": SCBASSET, "key": key, "slope": slope, "intercept": intercept}
    return Space(
        lambda: x,
        np.column_stack(offset),
        decoder,
        entry={"space": entry, "model": model.origin()},
    )


def _line(log_depth: np.ndarray, bias: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the least-squares line."""
    depth, values = log_depth.astype(np.float64), bias.astype(np.float64)
    centred = depth - depth.mean()
    slope = float(centred @ values / max(centred @ centred, 1e-12))
    return slope, float(values.mean() - slope * depth.mean())


def obsm_space(adata: AnnData, name: str, log_depth: np.ndarray) -> Space:
    """Vectors x = ``obsm[name]``; the decoder knows nothing of the peaks yet: depth opens all of them alike."""
    x = representation(adata, name).astype(np.float32)
    decoder = np.zeros((adata.n_vars, x.shape[1] + 2), dtype=np.float32)
    decoder[:, -2] = 1
    return Space(
        lambda: x, known_tail(log_depth), decoder, entry={"space": {"kind": OBSM, "key": name, "digest": _digest(x)}}
    )


def with_fitted_decoder(space: Space, opened: sparse.csr_matrix, slot: str, seed: int) -> Space:
    """Fit each peak's row of the decoder to the cells, starting from the row that ``space`` has.

    DNA alone predicts in which cells a peak is open better than how often it is open at all.
    """
    x = space.vectors()
    info(f"fitting the decoder: which of {opened.shape[1]:,} peaks are open, given vector and depth of each cell")
    features = space.features(x, slice(None))[:, :-1]
    fit = fit_peak_decoder(features, opened, center=space.decoder[:, :-1], rng=np.random.default_rng(seed))
    tried = {"l2": np.array(list(fit.held_out)), "log_likelihood": np.array(list(fit.held_out.values()))}
    kept = {**space.entry["space"], "l2": fit.l2}
    return replace(
        space,
        decoder=fit.weight,
        entry={**space.entry, "space": kept},
        varm={slot: fit.weight},
        history={"decoder": tried},
    )


def known_tail(log_depth: np.ndarray) -> np.ndarray:
    """The last two features of a cell, which meet the decoder's weight for depth and its bias: log(1 + open peaks), and 1."""
    return np.column_stack([log_depth, np.ones_like(log_depth)])


def peak_rows(adata: AnnData, key: str, entry: Mapping[str, Any], part: str) -> np.ndarray:
    """The ``part`` of the model in varm, a row for each peak."""
    slot = str(entry["slots"][part])
    if slot not in adata.varm:
        message = f"varm[{slot!r}], the {part} of the model {key!r}, is gone: run tl.atac_diff again."
        raise KeyError(message)
    rows = np.asarray(adata.varm[slot], dtype=np.float32)
    if not np.isfinite(rows).all():
        message = (
            f"varm[{slot!r}], the {part} of the model {key!r}, has NaN or infinite values: run tl.atac_diff again."
        )
        raise ValueError(message)
    return rows


def stored_space(adata: AnnData, key: str, entry: Mapping[str, Any], log_depth: np.ndarray) -> Space:
    """The space that a model was trained in, an embedding or a scBasset model, for the cells of ``adata``."""
    kept = entry["space"]
    kind, name = str(kept["kind"]), str(kept.get("key", ""))
    decoder = peak_rows(adata, key, entry, "decoder")
    if kind == SCBASSET:
        line = float(kept["slope"]), float(kept["intercept"])
        return scbasset_space(adata, name, log_depth, decoder=decoder, line=line)
    x = representation(adata, name).astype(np.float32)
    if x.shape[1] != decoder.shape[1] - 2:
        message = (
            f"obsm[{name!r}] has {x.shape[1]} columns, the model {key!r} was trained on {decoder.shape[1] - 2}: run "
            "tl.atac_diff again."
        )
        raise ValueError(message)
    if len(x) == int(entry["params"]["n_obs"]) and _digest(x) != str(kept["digest"]):
        message = f"obsm[{name!r}] is not what the model {key!r} was trained on any more: run tl.atac_diff again."
        raise ValueError(message)
    return Space(lambda: x, known_tail(log_depth), decoder)


def _digest(x: np.ndarray) -> str:
    """Order-independent digest of the vectors."""
    return blake2b(np.sort(x, axis=0).tobytes(), digest_size=16).hexdigest()
