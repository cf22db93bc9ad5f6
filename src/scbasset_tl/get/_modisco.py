"""Patterns of TF-MoDISco as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def modisco(data: AnnData | MuData, *, key: str = "modisco", mod: str = "atac") -> pd.DataFrame:
    """Recurring patterns in what bases contribute, with the motif that each is most like.

    Parameters
    ----------
    {data}
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.modisco` wrote.
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame`, a row for each pattern: ``group``, ``sign`` of the contributions, ``n_sites``,
    ``consensus`` of the part that contributes, and the nearest ``motif`` with TOMTOM's ``p_value``, if motifs were given.

    Raises
    ------
    KeyError
        If there is no such entry.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.modisco(adata, n_regions=100, sliding_window_size=16, flank_size=4, n_leiden_runs=1)
    >>> list(sb.get.modisco(adata))
    ['group', 'sign', 'n_sites', 'consensus', 'motif', 'p_value']
    """
    from scbasset_tl._adata.kinds import MODISCO
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import find
    from scbasset_tl._adata.sequence.modisco import pattern_table

    return pattern_table(find(resolve(data, mod), MODISCO, key))
