"""Keep a part of the reads, or of the open entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._log import info
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_number, check_one_of

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
    by: Literal["reads", "entries"] = "reads",
    layer: str | None = None,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Draw a part of the reads or of the open entries, to see how a model depends on depth :cite:p:`Yuan2022`.

    With ``by="reads"`` each read stays with probability ``fraction``, as in shallower sequencing: an entry of several
    reads stays open more often than one of a single read. With ``by="entries"`` each open entry stays with that
    probability, whatever its count; this is what the paper did, from 80 % down to 5 %. For a binary matrix the two are
    the same.

    Train a model on the layer by ``tl.scbasset(data, layer=..., key_added=...)``;
    :func:`scbasset_tl.metrics.accessibility_auc` scores it on the same layer or on all reads. Drop cells without a read
    before training (``adata[adata.layers["downsampled"].getnnz(axis=1) > 0]``).

    Parameters
    ----------
    {data}
    fraction
        Share of the reads or entries that stay, above 0 and at most 1.
    by
        ``"reads"`` thins the counts, ``"entries"`` keeps or drops each open entry with its count.
    layer
        Layer with counts of reads or fragments (for ``"entries"`` any values that are not negative); ``None`` is ``.X``.
    {rng}
    {mod}
    key_added
        Name of the layer instead of ``downsampled``, and of the entry in ``.uns``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.layers['downsampled' | key_added]` : ``scipy.sparse.csr_matrix``
        The reads or entries left, in the type of the counts.
    `adata.uns['downsample_counts' | key_added]` : :class:`dict`
        The call, in ``params``: by it the function knows its own layer, which it may replace.

    Raises
    ------
    KeyError
        If the layer is missing.
    ValueError
        If ``fraction`` is out of range, ``by`` is neither, the values are no counts of reads, or the
        name holds what this function did not write, or what it reads.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=500)
    >>> sb.pp.downsample_counts(adata, 0.2)
    >>> round(float(adata.layers["downsampled"].sum() / adata.X.sum()), 1)
    0.2
    """
    from scbasset_tl._adata.kinds import DOWNSAMPLED
    from scbasset_tl._adata.perturb import check_not_source, downsampled
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots

    share = check_number("fraction", fraction, low=0, high=1, open_low=True)
    check_one_of("by", by, ("reads", "entries"))
    source = writable_peaks(data, mod, copy=copy)
    slots = claim(source, DOWNSAMPLED, key_added)
    check_not_source(slots["layers"], layer)
    kept = downsampled(source, layer, share, by, as_generator(rng))
    n_empty = int((kept.getnnz(axis=1) == 0).sum())
    info(f"{kept.nnz / (kept.shape[0] * kept.shape[1]):.2%} of the entries are open; {n_empty} cells have no read left")

    container, adata = target(data, mod, copy=copy)
    params = {"fraction": share, "by": by, "layer": layer, "seed": recorded_seed(rng)}
    write_slots(adata, layers={slots["layers"]: kept}, uns={slots["uns"]: entry(DOWNSAMPLED, params, slots)})
    return container if copy else None
