"""TF activity as an AnnData."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


@doc_params
def tf_activity(data: AnnData | MuData, *, key: str = "tf_activity", mod: str = "atac") -> AnnData:
    """TF activities as cells × motifs, for scanpy's plots and everything else that takes an AnnData.

    Parameters
    ----------
    {data}
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.tf_activity` wrote (its ``key_added``).
    {mod}

    Returns
    -------
    AnnData with z-scores in `X`, raw activities in `layers['raw']`, and `obs`, embeddings and colours of the data. `var`
    has ``id``, ``mean`` and ``sd`` of the raw activity, ``statistic``, ``p_value``, ``fdr``, and for each group ``g``
    ``effect_g`` (its mean logit minus that of all other cells), ``p_value_g`` and ``fdr_g``. A slash in a group's name
    becomes ``|``, as no file could hold it. Nothing is shared with the data.

    Raises
    ------
    KeyError
        If there are no such activities.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> motif = sb.genome.Motif("M1", "TF1", adata.uns["toy"]["motifs"]["pwm"][0])
    >>> sb.tl.tf_activity(adata, motif, n_background=50, n_null=0)
    >>> sb.get.tf_activity(adata)[:, "TF1"].shape
    (60, 1)
    """
    from copy import deepcopy

    from anndata import AnnData

    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.sequence.tf_activity import read_activity

    adata = resolve(data, mod)
    stored = read_activity(adata, key)
    return AnnData(
        stored.z.copy(),
        obs=adata.obs.copy(),
        var=stored.motifs,
        layers={"raw": stored.raw()},
        obsm={name: values.copy() for name, values in adata.obsm.items() if name != stored.slot},
        uns={name: deepcopy(values) for name, values in adata.uns.items() if name.endswith("_colors")},
    )
