"""Gene scores as an AnnData."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


@doc_params
def gene_scores(data: AnnData | MuData, *, key: str = "gene_scores", mod: str = "atac") -> AnnData:
    """Gene scores as cells × genes, for scanpy's plots and everything else that takes an AnnData.

    Parameters
    ----------
    {data}
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.gene_scores` wrote: ``"gene_scores"``, ``"gene_scores_raw"``, or its
        ``key_added``.
    {mod}

    Returns
    -------
    AnnData with the scores in `X`, `var['n_peaks']`, and `obs`, embeddings and colours of the data. Nothing is shared
    with the data.

    Raises
    ------
    KeyError
        If there are no such scores.
    ValueError
        If their model was trained again since.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.gene_scores(adata, pd.DataFrame({{"gene": ["a", "b"], "chr": "chr1", "tss": [3_000, 12_000]}}))
    >>> sb.get.gene_scores(adata)[:, "a"].shape
    (60, 1)
    """
    from copy import deepcopy

    from anndata import AnnData

    from scbasset_tl._adata.kinds import GENE_SCORES
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import holds
    from scbasset_tl._adata.rna.gene_scores import read_scores

    adata = resolve(data, mod)
    stored = read_scores(adata, key)
    return AnnData(
        stored.scores.copy(),
        obs=adata.obs.copy(),
        var=stored.genes,
        obsm={name: values.copy() for name, values in adata.obsm.items() if not holds(adata, GENE_SCORES, name)},
        uns={name: deepcopy(values) for name, values in adata.uns.items() if name.endswith("_colors")},
    )
