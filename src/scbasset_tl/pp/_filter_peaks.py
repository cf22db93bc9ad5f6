"""Drop peaks that are open in too few or too many cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._keys import N_CELLS
from scbasset_tl._log import info
from scbasset_tl._validate import check_number, check_positive_int

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D", bound="AnnData | MuData")


@doc_params
def filter_peaks(
    data: D,
    *,
    min_fraction: float = 0.05,
    max_fraction: float | None = None,
    min_cells: int | None = None,
    layer: str | None = None,
    inplace: bool = True,
    mod: str = "atac",
    copy: bool = False,
) -> D | tuple[np.ndarray, np.ndarray] | None:
    """Drop the peaks that are open in too few cells, as in the original scBasset :cite:p:`Yuan2022`.

    Works like :func:`scanpy.pp.filter_genes`.

    Parameters
    ----------
    {data}
    min_fraction
        Keep peaks open in more than ``int(min_fraction * n_obs)`` cells. The original used 0.05 for 10x data and 0.01
        or less for others.
    max_fraction
        Drop peaks open in more than this share of the cells; ``None`` sets no limit.
    min_cells
        Keep peaks open in at least so many cells, whatever ``min_fraction``.
    {layer}
    inplace
        Drop the other peaks from the data. ``False`` changes nothing and returns which peaks would be kept, and in how
        many cells each is open.
    {mod}
    {copy}

    Returns
    -------
    ``None``, or the changed copy; with ``inplace=False``, two arrays (n_vars,): bool, the peaks to keep, and int64, the
    cells in which each is open. Drops peaks and writes

    `adata.var['n_cells']` : :class:`pandas.Series` (dtype `int64`)
        Cells in which the peak is open.

    Raises
    ------
    KeyError
        If the layer is missing.
    ValueError
        For limits that exclude each other, values that are no accessibility, if no peak would be left, or the data are
        backed by a file, or both ``inplace=False`` and ``copy=True`` are given.

    Examples
    --------
    >>> import anndata as ad
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> adata = ad.AnnData(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))
    >>> sb.pp.filter_peaks(adata, min_cells=2, inplace=False)
    (array([ True, False]), array([2, 1]))
    >>> sb.pp.filter_peaks(adata, min_cells=2)
    >>> adata.shape
    (3, 1)
    """
    from scbasset_tl._adata.matrix import lines_from
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.write import all_or_nothing, write_slots
    from scbasset_tl.stats.transpose import count

    source = writable_peaks(data, mod, copy=copy)
    if copy and not inplace:
        message = "copy=True returns changed data and inplace=False arrays: pass one of them."
        raise ValueError(message)
    if inplace and source.isbacked and not copy:
        message = (
            "data backed by a file cannot lose peaks: pass copy=True, use adata.to_memory(), or pass inplace=False for "
            "the peaks that would be kept."
        )
        raise ValueError(message)
    low, high = _limits(source.n_obs, min_fraction, max_fraction, min_cells)
    counts, _ = count(lines_from(source, layer))
    keep = (counts >= low) & (counts <= high)
    if not inplace:
        return keep, counts
    info(f"{keep.sum():,} of {len(keep):,} peaks are open in {low:,} to {high:,} of {source.n_obs:,} cells")
    if not keep.any():
        message = (
            f"no peak would be left: none is open in {low} to {high} of {source.n_obs} cells (the most is "
            f"{counts.max()}). Lower min_fraction or min_cells, or raise max_fraction."
        )
        raise ValueError(message)

    container, adata = target(data, mod, copy=copy)
    with all_or_nothing(container, adata):
        write_slots(adata, var={N_CELLS: counts})
        _subset(container, adata, keep)
    return container if copy else None


def _limits(n_cells: int, min_fraction: float, max_fraction: float | None, min_cells: int | None) -> tuple[int, int]:
    """Fewest and most cells a peak that is kept may be open in."""
    low = int(check_number("min_fraction", min_fraction, low=0, high=1) * n_cells) + 1
    if min_cells is not None:
        low = check_positive_int("min_cells", min_cells, minimum=0)
    high = n_cells
    if max_fraction is not None:
        # 0.29 of 100 cells are 28.999999999999996
        high = int(check_number("max_fraction", max_fraction, low=0, high=1) * n_cells * (1 + 1e-12))
    if low > high:
        message = (
            f"at least {low} and at most {high} of {n_cells} cells is no range: min_fraction={min_fraction}, "
            f"min_cells={min_cells}, max_fraction={max_fraction}. Lower the first two or raise the last."
        )
        raise ValueError(message)
    return low, high


def _subset(container: AnnData | MuData, adata: AnnData, keep: np.ndarray) -> None:
    adata._inplace_subset_var(keep)
    if container is not adata:
        container.update()  # the MuData's own var follows
