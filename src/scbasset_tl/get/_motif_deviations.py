"""chromVAR's scores as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def motif_deviations(data: AnnData | MuData, *, key: str = "motif_deviations", mod: str = "atac") -> pd.DataFrame:
    """Read the motif deviations of :func:`scbasset_tl.tl.motif_deviations` as cells × motifs.

    Parameters
    ----------
    {data}
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.motif_deviations` wrote (its ``key_added``).
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame` (dtype `float32`), cells × motifs; NaN for a motif that no peak has.

    Raises
    ------
    KeyError
        If there are no such scores.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    >>> sb.tl.motif_deviations(adata, motif)
    >>> list(sb.get.motif_deviations(adata))
    ['TF1']
    """
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.sequence.motif_deviations import read_deviations

    return read_deviations(resolve(data, mod), key)
