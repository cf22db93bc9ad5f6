"""ATAC-Diff's autoencoder of the peaks as a space: its first and last layer in varm, the rest among the weights."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from scbasset_tl._adata.atac_diff.space import AE, Space, known_tail, peak_rows
from scbasset_tl._adata.matrix import counts_from
from scbasset_tl._log import progress
from scbasset_tl.nn.autoencoder import Autoencoder, embed
from scbasset_tl.train.autoencoder import fit_autoencoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from anndata import AnnData
    from scipy import sparse

    from scbasset_tl.train.diffusion_recipe import DiffusionRecipe


def ae_space(
    counts: sparse.csr_matrix,
    log_depth: np.ndarray,
    slots: Mapping[str, str],
    layer: str | None,
    recipe: DiffusionRecipe,
    *,
    hidden: int,
    likelihood: str,
    device: torch.device,
    seed: int,
) -> Space:
    """Train an autoencoder; it predicts which peaks are open, or how many fragments they have."""
    likelihood = "poisson" if likelihood == "poisson" else "bernoulli"
    with progress(recipe.max_steps, description="autoencoder", unit="step") as bar:
        model, history = fit_autoencoder(
            counts,
            hidden=hidden,
            likelihood=likelihood,
            max_steps=recipe.max_steps,
            val_fraction=recipe.val_fraction,
            device=device,
            seed=seed,
            on_step=lambda step, _: bar.update(step - bar.n),
        )
    weight, bias, table = (part.numpy() for part in (model.weight, model.bias, model.table))
    decoder = np.column_stack([weight, bias])
    return Space(
        cache(lambda: embed(model, counts, likelihood)),
        known_tail(log_depth),
        decoder,
        body=model.body,
        entry={"space": {"kind": AE, "likelihood": likelihood, "layer": layer}},
        varm={slots["decoder"]: decoder, slots["encoder"]: table},
        tensors=model.state(),
        history={"autoencoder": history},
    )


def stored_ae_space(
    adata: AnnData,
    key: str,
    entry: Mapping[str, Any],
    log_depth: np.ndarray,
    tensors: Mapping[str, np.ndarray],
) -> Space:
    """The space of a trained autoencoder, which encodes the cells when their vectors are first needed."""
    decoder, table = (peak_rows(adata, key, entry, part) for part in ("decoder", "encoder"))
    try:
        model = Autoencoder.from_state(tensors, table, decoder[:, :-1], decoder[:, -1])
    except (KeyError, RuntimeError, ValueError) as error:
        slots = entry["slots"]
        message = (
            f"varm[{slots['encoder']!r}] and varm[{slots['decoder']!r}] do not fit the weights of the model {key!r}: run "
            "tl.atac_diff again."
        )
        raise ValueError(message) from error
    kept = entry["space"]
    layer = None if kept.get("layer") is None else str(kept["layer"])

    @cache
    def vectors() -> np.ndarray:
        return embed(model, counts_from(adata, layer), str(kept["likelihood"]))

    return Space(vectors, known_tail(log_depth), decoder, body=model.body)
