"""The same data without what sequences say about cells: the baseline of every score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import SHUFFLED
from scbasset_tl._random import as_generator
from scbasset_tl._validate import check_key_added, check_one_of

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
    """Shuffle the labels, as a negative control: a model trained on them should score at chance :cite:p:`Yuan2022`.

    Train on the layer, ``tl.scbasset(data, layer="shuffled", key_added="shuffled")``, and score held-out peaks with
    :func:`scbasset_tl.metrics.accessibility_auc`: per cell it must be .5. Where it is not, the score is wrong or the
    held-out peaks are not held out. Per peak depth alone reaches more than .5.

    Parameters
    ----------
    {data}
    by
        ``"cell"``: each cell's open peaks are drawn anew from all peaks, as many as it had; nothing but depth is left.
        This is the paper's baseline. ``"peak"``: whole peaks change places with one another, so that each has another's
        sequence; what cells have in common stays, and only the link to the sequence is cut.
    {layer}
    {rng}
    {mod}
    key_added
        Name of the layer instead of ``shuffled``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.layers['shuffled' | key_added]` : ``scipy.sparse.csr_matrix`` (dtype `float32`)
        1 where open.

    Raises
    ------
    KeyError
        If the layer is missing.
    ValueError
        If ``by`` is something else, the values are no accessibility, or the result would replace them.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=500)
    >>> sb.pp.shuffle_accessibility(adata)
    >>> bool((adata.layers["shuffled"].getnnz(axis=1) == adata.X.getnnz(axis=1)).all())
    True
    """
    from scbasset_tl._adata.perturb import check_not_source, shuffled
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.write import write_slots

    check_one_of("by", by, ["cell", "peak"])
    check_key_added(key_added)
    name = SHUFFLED if key_added is None else key_added
    check_not_source(name, layer)
    labels = shuffled(writable_peaks(data, mod, copy=copy), layer, by, as_generator(rng))

    container, adata = target(data, mod, copy=copy)
    write_slots(adata, layers={name: labels})
    return container if copy else None
