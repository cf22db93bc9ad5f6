"""The same data without the link between sequences and cells: the baseline of every score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def shuffle_accessibility(
    data: D,
    *,
    by: Literal["cell", "peak"] = "cell",
    layer: str | None = None,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Shuffle which peaks are open, as a negative control: a model trained on them should score at chance :cite:p:`Yuan2022`.

    Train on the layer, ``tl.scbasset(data, layer="shuffled", key_added="shuffled")``, and score held-out peaks with
    :func:`scbasset_tl.metrics.accessibility_auc`: per cell it must be .5. If it is not, the score is wrong, or the
    held-out peaks were trained on. Per peak, depth alone reaches more than .5.

    Parameters
    ----------
    {data}
    by
        ``"cell"``: each cell gets as many open peaks as it had, drawn anew from all peaks; only depth is left. This is
        the paper's baseline. ``"peak"``: whole peaks change places, so that each has another's sequence; similarities
        between cells stay, and only the link to the sequence is cut.
    {layer}
    {rng}
    {mod}
    key_added
        Name of the layer instead of ``shuffled``, and of the entry in ``.uns``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.layers['shuffled' | key_added]` : ``scipy.sparse.csr_matrix`` (dtype `float32`)
        1 where open.
    `adata.uns['shuffle_accessibility' | key_added]` : :class:`dict`
        The call, in ``params``: by it the function knows its own layer, which it may replace.

    Raises
    ------
    KeyError
        If the layer is missing.
    ValueError
        If ``by`` is something else, the values are no accessibility, or the name holds what this
        function did not write, or what it reads.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=500)
    >>> sb.pp.shuffle_accessibility(adata)
    >>> bool((adata.layers["shuffled"].getnnz(axis=1) == adata.X.getnnz(axis=1)).all())
    True
    """
    from scbasset_tl._adata.kinds import SHUFFLED
    from scbasset_tl._adata.perturb import check_not_source, shuffled
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots

    check_one_of("by", by, ["cell", "peak"])
    source = writable_peaks(data, mod, copy=copy)
    slots = claim(source, SHUFFLED, key_added)
    check_not_source(slots["layers"], layer)
    opened = shuffled(source, layer, by, as_generator(rng))

    container, adata = target(data, mod, copy=copy)
    params = {"by": by, "layer": layer, "seed": recorded_seed(rng)}
    write_slots(adata, layers={slots["layers"]: opened}, uns={slots["uns"]: entry(SHUFFLED, params, slots)})
    return container if copy else None
