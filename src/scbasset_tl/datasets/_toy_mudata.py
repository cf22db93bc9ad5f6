"""The toy cells with their gene expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, draw_seed, recorded_seed
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    import numpy as np
    from mudata import MuData


@doc_params
def toy_mudata(*, n_genes: int = 200, rng: int | np.random.Generator | None = 0, **toy_arguments: Any) -> MuData:
    """The data of :func:`scbasset_tl.datasets.toy` as modality ``atac``, with gene counts of the same cells as ``rna``.

    Each motif has the gene of its transcription factor, of the same name: its expression is sixfold in the cell types
    where the motif acts, be it as activator or as repressor. Genes of decoys and the other genes are alike in all types.

    Parameters
    ----------
    n_genes
        Genes beside those of the transcription factors.
    {rng}
    **toy_arguments
        Further arguments of :func:`scbasset_tl.datasets.toy`.

    Returns
    -------
    MuData with ``atac``, equal to what :func:`scbasset_tl.datasets.toy` returns for the same seed, and ``rna``: Poisson
    counts in `X` (CSR), `obs['cell_type']`, and `var['kind']`, the motif's kind or ``other``.

    Raises
    ------
    ValueError
        If a size or factor is out of range.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> mdata = sb.datasets.toy_mudata(n_obs=50, n_vars=100, n_genes=20)
    >>> mdata["rna"].var_names[:3].tolist(), mdata["rna"].n_vars
    (['TF1', 'TF2', 'TF3'], 32)
    """
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData, set_options

    from scbasset_tl.datasets._simulate_cells import draw_expression
    from scbasset_tl.datasets._toy import toy

    check_positive_int("n_genes", n_genes, minimum=0)
    generator = as_generator(rng)
    atac = toy(rng=generator, **toy_arguments)
    if (seed := recorded_seed(rng)) is not None:
        atac.uns["toy"]["params"]["rng"] = seed
    motifs, cell_type = atac.uns["toy"]["motifs"], atac.obs["cell_type"]
    draws = np.random.default_rng(draw_seed(generator))
    counts = draw_expression(cell_type.cat.codes.to_numpy(), motifs["effect"], n_genes, draws)
    names = [*motifs["name"], *(f"gene_{i + 1}" for i in range(n_genes))]
    kinds = pd.Categorical([*motifs["kind"], *["other"] * n_genes])
    rna = AnnData(counts, obs=atac.obs[["cell_type"]].copy(), var=pd.DataFrame({"kind": kinds}, index=names))
    # columns are pulled below, so that mudata 0.3 does not announce that 0.4 will not do it
    with set_options(pull_on_update=False):
        mdata = MuData({"atac": atac, "rna": rna})
    mdata.pull_obs()
    mdata.pull_var()
    return mdata
