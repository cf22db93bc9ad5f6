"""Keep a part of the reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import DOWNSAMPLED
from scbasset_tl._log import info
from scbasset_tl._random import as_generator
from scbasset_tl._validate import check_key_added, check_number

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def downsample_counts(
    data: D,
    fraction: float,
    *,
    layer: str | None = None,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Draw a part of the reads, to see how a model depends on sequencing depth :cite:p:`Yuan2022`.

    Every count is thinned binomially: each read stays with probability ``fraction``, independently. Of a binary matrix
    that leaves ``fraction`` of the open entries, as in the paper, which went from 80 % down to 5 %. The model of such a
    layer is trained by ``tl.scbasset(data, layer=..., key_added=...)``, and
    :func:`scbasset_tl.metrics.accessibility_auc` scores it on the same layer, or on all reads. Cells without a
    read left have to go before training (``adata[adata.layers["downsampled"].getnnz(axis=1) > 0]``).

    Parameters
    ----------
    {data}
    fraction
        Share of the reads that stay, above 0 and at most 1.
    layer
        Layer with counts of reads or fragments; ``None`` is ``.X``.
    {rng}
    {mod}
    key_added
        Name of the layer instead of ``downsampled``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.layers['downsampled' | key_added]` : ``scipy.sparse.csr_matrix``
        The reads left, in the type of the counts.

    Raises
    ------
    KeyError
        If the layer is missing.
    ValueError
        If ``fraction`` is out of range, the values are no counts, or the result would replace them.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=500)
    >>> sb.pp.downsample_counts(adata, 0.2)
    >>> round(float(adata.layers["downsampled"].sum() / adata.X.sum()), 1)
    0.2
    """
    from scbasset_tl._adata.perturb import check_not_source, downsampled
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.write import write_slots

    share = check_number("fraction", fraction, low=0, high=1, open_low=True)
    check_key_added(key_added)
    name = DOWNSAMPLED if key_added is None else key_added
    check_not_source(name, layer)
    kept = downsampled(writable_peaks(data, mod, copy=copy), layer, share, as_generator(rng))
    n_empty = int((kept.getnnz(axis=1) == 0).sum())
    info(f"{kept.nnz / (kept.shape[0] * kept.shape[1]):.2%} of the entries are open; {n_empty} cells have no read left")

    container, adata = target(data, mod, copy=copy)
    write_slots(adata, layers={name: kept})
    return container if copy else None
