"""A decoder of the data's own peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._log import info
from scbasset_tl._random import as_generator, settled_seed

if TYPE_CHECKING:
    import numpy as np

D = TypeVar("D")


@doc_params
def fit_decoder(
    data: D,
    *,
    layer: str | None = None,
    key: str = "scbasset",
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Fit how open each of the data's own peaks is, given the cells' vectors of a trained model.

    The model's own prediction, h · w + c, knows only the DNA of a peak, and so little of how open the peak is on
    average. Here each peak gets a logistic regression on the cells' vectors w and biases c, with an intercept. A ridge
    penalty shrinks its weights to those of the DNA, h and 1; of six penalties the one under which held-out cells are
    most probable is taken. :func:`scbasset_tl.tl.denoise`, :func:`scbasset_tl.get.accessibility` and
    :func:`scbasset_tl.tl.gene_scores` use it with ``decoder="fitted"``. It fills in reads better than DNA alone, but
    says nothing about peaks or sequences that are not in the data. At most 20,000 cells are learned from.

    Parameters
    ----------
    {data}
    layer
        Layer with the accessibility; ``None`` is what the model was trained on. Values above zero count as open.
    {key}
    rng
        Seed or generator that chooses the cells that are held out.
    {mod}
    key_added
        Name of both slots instead of ``scbasset_decoder``, as for a second model.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.varm['scbasset_decoder' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Weights (n_vars, n_latent + 2) of each peak: of the cells' vectors, of their biases, and the intercept.
    `adata.uns['scbasset_decoder' | key_added]` : :class:`dict`
        ``l2``, the penalty; ``tried``, penalties and the mean log-likelihoods of held-out cells; ``depth``, the mean bias
        of the cells, which depth-normalised values have; ``params``, the call; ``model``, what tells the model from
        another.

    Raises
    ------
    KeyError
        If there is no such model or layer.
    ValueError
        If the slots are taken by something else.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.fit_decoder(adata)
    >>> sb.get.accessibility(adata, obs=slice(0, 3), var=[0, 5], decoder="fitted").shape
    (3, 2)
    """
    from scbasset_tl._adata.kinds import DECODER
    from scbasset_tl._adata.model.decoder import fit_rows
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots

    source = writable(data, mod, copy=copy)
    model = read_model(source, key)
    slots = claim(source, DECODER, key_added, key=key)
    layer = model.entry["params"].get("layer") if layer is None else layer
    seed = settled_seed(rng)
    fitted, kept = fit_rows(source, model, layer, as_generator(seed))
    info(f"penalty {kept['l2']:g}, the best for held-out cells")
    container, adata = target(data, mod, copy=copy)
    params = {"key": key, "layer": layer, "seed": seed}
    made = {**entry(DECODER, params, slots, origin=model.origin()), **kept}
    write_slots(adata, varm={slots["varm"]: fitted.rows}, uns={slots["uns"]: made})
    return container if copy else None
