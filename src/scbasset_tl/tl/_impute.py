"""Fill in what was not measured, with a trained ATAC-Diff model."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_name, check_number, check_positive_int

if TYPE_CHECKING:
    import numpy as np

D = TypeVar("D")


@doc_params
def impute(
    data: D,
    *,
    key: str = "atac_diff",
    strength: float = 0.5,
    n_samples: int = 8,
    guidance: float = 1.0,
    steps: int = 50,
    layer: str | None = None,
    accelerator: str = "auto",
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Fill in the peaks that each cell's few reads missed, with a trained ATAC-Diff model :cite:p:`Huang2024`.

    The vector of a cell is noised for a share of the diffusion's times and denoised again given the cell's own code,
    depth and labels. The result is a short vector of features; :func:`scbasset_tl.get.imputed` multiplies any block of
    it out. To test it on masked entries, mask them before any model is fitted.

    Parameters
    ----------
    {data}
    key
        Entry of ``.uns`` that the model was written to (``key_added`` of :func:`scbasset_tl.tl.atac_diff`).
    strength
        Share of the times that a cell is noised for, above 0 and at most 1. 1 starts from noise: all that is left of the
        cell is its code.
    n_samples
        Draws whose mean is taken.
    guidance
        As of :func:`scbasset_tl.tl.generate`; 1 does not exaggerate the labels.
    steps
        Times that sampling visits at most.
    layer
        Name of a layer to write the probabilities of all peaks to, dense. ``None``: none, which is enough for
        :func:`scbasset_tl.get.imputed`.
    accelerator
        ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"cuda"``.
    {rng}
    {mod}
    key_added
        Name of the slots instead of ``atac_diff_imputed``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['atac_diff_imputed' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Features of the cells (n_obs, n_features), whose product with the decoder is the logit of each peak. For a
        scBasset model they are a cell vector, its bias and 1.
    `adata.uns['atac_diff_imputed' | key_added]` : :class:`dict`
        The call, and what tells the model from another.
    `adata.layers[layer]` : :class:`numpy.ndarray` (dtype `float32`)
        Only with ``layer``.

    Raises
    ------
    KeyError
        If there is no such model or column.
    ValueError
        If an argument or slot holds what cannot be used, or would be replaced.
    MemoryError
        If the layer does not fit into memory; nothing is computed then.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.atac_diff(adata, max_steps=20)
    >>> sb.tl.impute(adata)
    >>> adata.obsm["atac_diff_imputed"].shape
    (60, 34)
    """
    import numpy as np

    from scbasset_tl._adata.atac_diff.cells import Sampling, imputed_features
    from scbasset_tl._adata.atac_diff.space import decoded
    from scbasset_tl._adata.atac_diff.store import read_atac_diff
    from scbasset_tl._adata.kinds import IMPUTED
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl._space import check_memory
    from scbasset_tl.train.device import single_device

    source = writable(data, mod, copy=copy)
    further = {} if layer is None else {"layers": check_name("layer", layer)}
    slots = claim(source, IMPUTED, key_added, key=key, **further)
    strength = check_number("strength", strength, low=0, high=1, open_low=True)
    guidance = check_number("guidance", guidance, low=0)
    n_samples, steps = check_positive_int("n_samples", n_samples), check_positive_int("steps", steps)
    if layer is not None:
        what = f"the imputed matrix of {source.n_obs:,} cells × {source.n_vars:,} peaks"
        advice = "take fewer cells or peaks (data[cells, peaks]), or do without: get.imputed gives any block."
        check_memory(4 * source.n_obs * source.n_vars, what, advice=advice, say=True)
    device = single_device(accelerator)
    seed, generator = recorded_seed(rng), as_generator(rng)
    stored = read_atac_diff(source, key)
    codes, how = stored.conditions.codes(source.obs), Sampling(guidance, steps, device)
    features = imputed_features(stored, codes, how, strength=strength, n_samples=n_samples, rng=generator)
    layers = {}
    if layer is not None:
        layers[layer] = np.empty(source.shape, dtype=np.float32)
        for rows, chances in decoded(features, stored.space.decoder, sigmoid=True).blocks():
            layers[layer][rows] = chances

    container, adata = target(data, mod, copy=copy)
    params = {"key": key, "strength": strength, "n_samples": n_samples, "guidance": guidance, "steps": steps}
    params |= {"layer": layer, "seed": seed}
    made = entry(IMPUTED, params, {**slots, **further}, origin={"key": key, "digest": stored.digest})
    write_slots(adata, obsm={slots["obsm"]: features}, layers=layers, uns={slots["uns"]: made})
    return container if copy else None
