"""A trained ATAC-Diff model in an AnnData: small networks as one blob in uns, arrays with a row for each peak in varm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scbasset_tl._adata.atac_diff.labels import Conditions, component_shares
from scbasset_tl._adata.atac_diff.space import (
    AE,
    OBSM,
    obsm_space,
    peak_rows,
    scbasset_space,
    space_kind,
    stored_space,
    with_fitted_decoder,
)
from scbasset_tl._adata.cells import unit_length
from scbasset_tl._adata.kinds import ATAC_DIFF, IMPUTED
from scbasset_tl._adata.model.store import environment, pack_tensors, unpack_tensors
from scbasset_tl._adata.results import entry, find, fingerprint, left_over
from scbasset_tl._adata.write import write_slots

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from anndata import AnnData
    from scipy import sparse

    from scbasset_tl._adata.atac_diff.space import Space
    from scbasset_tl.nn.latent_diffusion import LatentDiffusion
    from scbasset_tl.train.diffusion import DiffusionFit
    from scbasset_tl.train.diffusion_recipe import DiffusionRecipe

_AT_ONCE = 4096  # cells in a pass through the networks


@dataclass(frozen=True)
class Stored:
    """What :func:`scbasset_tl.tl.atac_diff` stored."""

    key: str
    entry: Mapping[str, Any]  # uns[key]
    model: LatentDiffusion
    conditions: Conditions
    log_depth: np.ndarray  # float32 (n,)
    space: Space
    digest: str


def learn_space(
    adata: AnnData,
    space: str,
    counts: sparse.csr_matrix,
    log_depth: np.ndarray,
    slots: Mapping[str, str],
    recipe: DiffusionRecipe,
    *,
    likelihood: str,
    layer: str | None,
    hidden: int,
    device: torch.device,
    seed: int,
) -> Space:
    """Train an autoencoder, or take the vectors of ``space`` and fit their decoder."""
    kind = space_kind(adata, space)
    if kind == AE:
        from scbasset_tl._adata.atac_diff.ae import ae_space

        return ae_space(
            counts, log_depth, slots, layer, recipe, hidden=hidden, likelihood=likelihood, device=device, seed=seed
        )
    cells = obsm_space(adata, space, log_depth) if kind == OBSM else scbasset_space(adata, space, log_depth)
    return with_fitted_decoder(cells, counts, slots["decoder"], seed)


def embed(model: LatentDiffusion, x: np.ndarray, log_depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (n, n_latent) of the cells' codes, and responsibilities (n, K) for them, float32."""
    import torch

    parts: list[list[np.ndarray]] = [[], []]
    with torch.no_grad():
        for start in range(0, len(x), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            mu, _ = model.encode(torch.from_numpy(x[rows]), torch.from_numpy(log_depth[rows]))
            for part, values in zip(parts, (mu, model.mixture.responsibilities(mu)), strict=True):
                part.append(values.numpy())
    return np.concatenate(parts[0]), np.concatenate(parts[1])


def write_atac_diff(
    adata: AnnData,
    slots: Mapping[str, str],
    fit: DiffusionFit,
    *,
    cells: Space,
    x: np.ndarray,
    n_open: np.ndarray,
    conditions: Conditions,
    codes: np.ndarray,
    params: Mapping[str, Any],
) -> None:
    """Store a trained model and the cells' codes, all slots or none."""
    mu, responsibilities = embed(fit.model, x, np.log1p(n_open).astype(np.float32))
    unused = {part for part in ("decoder", "encoder") if slots[part] not in cells.varm}
    kept = {part: name for part, name in slots.items() if part not in unused}
    learned = responsibilities[fit.train]
    levels = pd.Index([str(number) for number in range(responsibilities.shape[1])], dtype=object)
    stored = {
        **entry(ATAC_DIFF, params, kept, origin=cells.entry.get("model")),
        "weights": pack(fit.model, cells.tensors),
        "history": {**cells.history, **fit.history, "n_steps": fit.n_steps, "stopped": fit.stopped},
        "conditions": conditions.pack(),
        "component": learned.mean(axis=0),
        "component_given_label": component_shares(learned, codes[fit.train], conditions.n_categories),
        "space": cells.entry["space"],
        **environment(),
    }
    component = pd.Categorical.from_codes(responsibilities.argmax(axis=1), categories=levels)
    write_slots(
        adata,
        drop=left_over(adata, ATAC_DIFF, slots["uns"], kept),
        obsm={slots["embedding"]: unit_length(mu)},
        obs={slots["component"]: component, slots["depth"]: n_open.astype(np.int64)},
        varm=cells.varm,
        uns={slots["uns"]: stored},
    )


def pack(model: LatentDiffusion, further: Mapping[str, np.ndarray]) -> np.ndarray:
    """Weights and shape, and ``further`` arrays, as one safetensors blob, uint8."""
    import torch

    tensors = {f"model.{name}": tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    tensors |= {f"space.{name}": torch.from_numpy(np.ascontiguousarray(part)) for name, part in further.items()}
    return pack_tensors(tensors, model.config.to_dict())


def unpack(blob: np.ndarray) -> tuple[LatentDiffusion, dict[str, np.ndarray]]:
    """The inverse of :func:`pack`; the model in evaluation mode on the CPU."""
    from scbasset_tl.nn.denoiser import DiffusionConfig
    from scbasset_tl.nn.latent_diffusion import LatentDiffusion

    tensors, config = unpack_tensors(blob)
    model = LatentDiffusion(DiffusionConfig.from_dict(config))
    parts: dict[str, dict[str, Any]] = {"model": {}, "space": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    model.load_state_dict(parts["model"])
    return model.eval(), {name: tensor.numpy() for name, tensor in parts["space"].items()}


def read_atac_diff(adata: AnnData, key: str) -> Stored:
    """Find a trained model and check that its slots are there and fit together."""
    from safetensors import SafetensorError

    stored = find(adata, ATAC_DIFF, key)
    try:
        model, tensors = unpack(stored["weights"])
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        message = f"uns[{key!r}]['weights'] is missing or damaged: run tl.atac_diff again."
        raise ValueError(message) from error
    column = str(stored["slots"]["depth"])
    n_open = adata.obs[column].to_numpy()
    if n_open.dtype.kind not in "uif" or not (n_open > 0).all() or not np.isfinite(n_open).all():
        message = f"obs[{column!r}] must hold the open peaks of each cell, 1 or more: run tl.atac_diff again."
        raise ValueError(message)
    log_depth = np.log1p(n_open).astype(np.float32)
    if str(stored["space"]["kind"]) == AE:
        from scbasset_tl._adata.atac_diff.ae import stored_ae_space

        space = stored_ae_space(adata, key, stored, log_depth, tensors)
    else:
        space = stored_space(adata, key, stored, log_depth)
    conditions = Conditions.unpack(stored.get("conditions", {}))
    return Stored(key, stored, model, conditions, log_depth, space, fingerprint(stored, None)["digest"])


def read_imputed(adata: AnnData, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, F) of cells and the decoder (P, F) that they are multiplied with."""
    stored = find(adata, IMPUTED, key)
    slot, model_key = str(stored["slots"]["obsm"]), str(stored["model"]["key"])
    model = find(adata, ATAC_DIFF, model_key, whole=False)
    features, decoder = np.asarray(adata.obsm[slot]), peak_rows(adata, model_key, model, "decoder")
    if features.ndim != 2 or features.shape[1] != decoder.shape[1]:
        message = f"obsm[{slot!r}] has shape {features.shape}, the decoder {decoder.shape}: run tl.impute again."
        raise ValueError(message)
    return features, decoder
