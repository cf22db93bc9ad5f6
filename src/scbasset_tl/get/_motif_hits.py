"""Motif hits as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def motif_hits(data: AnnData | MuData, *, key: str = "motif_hits", mod: str = "atac") -> pd.DataFrame:
    """Sites where motifs fit the DNA, and how well they match the model's importances there.

    Parameters
    ----------
    {data}
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.motif_hits` wrote.
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame`, a row for each hit and group: ``region``, ``chrom``, ``start``, ``end`` (0-based,
    half-open), ``strand``, ``motif``, ``motif_id``, ``score`` (bits) and ``p_value`` of the match of motif and DNA;
    ``group``, ``dot``, ``pearson``, ``p_dot`` and ``p_pearson`` of the match of motif and importances.

    Raises
    ------
    KeyError
        If there is no such entry.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> toy = adata.uns["toy"]["motifs"]
    >>> motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"])]
    >>> sb.tl.motif_hits(adata, [0, 1], motifs)
    >>> list(sb.get.motif_hits(adata))[-4:]
    ['dot', 'pearson', 'p_dot', 'p_pearson']
    """
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.sequence.motif_hits import read_hits

    return read_hits(resolve(data, mod), key)
