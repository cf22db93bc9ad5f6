"""Variant effects as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def variant_effect(
    data: AnnData | MuData,
    *,
    groupby: str | None = None,
    groups: str | Sequence[str] | None = None,
    contrast: tuple[str, str] | None = None,
    obs: Any = None,
    skipped: bool = False,
    key: str = "variant_effect",
    mod: str = "atac",
) -> pd.DataFrame:
    """Change of the logit that each variant makes, for cells, groups of cells, or the contrast of two groups.

    Parameters
    ----------
    {data}
    groupby
        Column of ``.obs``: a column for each of its categories, the mean over their cells.
    groups
        Categories of ``groupby`` to return; ``None`` is all.
    contrast
        Two categories of ``groupby``: one column, the effect in the first minus that in the second.
    obs
        Without ``groupby``, the cells to return: names, positions, a mask or a slice; ``None`` is all.
    skipped
        Return the variants that were not scored instead, with the reason.
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.variant_effect` wrote.
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame`, a row for each variant and window: ``chrom``, ``pos`` (1-based), ``ref``, ``alt``, ``id``,
    ``peak``, ``offset``, and the changes (dtype `float32`): alternative minus reference, without the cells' biases.
    After a table of associations also ``effect_allele``: where it is ``ref``, the change is that of the other allele.

    Raises
    ------
    KeyError
        If there is no such entry, column, group or cell.
    ValueError
        If the model was trained anew since the variants were scored, or a group has the name of another column.

    Examples
    --------
    >>> import pandas as pd
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> fasta = sb.datasets.toy_genome("toy.fa", n_vars=200)
    >>> with sb.genome.Fasta(fasta) as genome:
    ...     ref = sb.genome.decode(genome.codes("chr1", 100, 102))
    >>> deletion = pd.DataFrame({{"chr": ["chr1"], "pos": [101], "ref": [ref], "alt": [ref[0]]}})
    >>> sb.tl.variant_effect(adata, deletion, fasta)
    >>> list(sb.get.variant_effect(adata, groupby="cell_type", contrast=("type_1", "type_2")))[-2:]
    ['offset', 'type_1 - type_2']
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.kinds import VARIANT_EFFECT
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.readout import output_vectors
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import find
    from scbasset_tl._adata.sequence.variant_effect import table

    adata = resolve(data, mod)
    entry = find(adata, VARIANT_EFFECT, key)
    if skipped:
        return table(entry, skipped=True)
    model = read_model(adata, str(entry["model"]["key"]))
    vectors = output_vectors(adata, model, groupby=groupby, groups=groups, contrast=contrast, obs=obs)
    rows = table(entry)
    if taken := [name for name in vectors.index if name in rows]:
        source = "obs_names has cells" if groupby is None else f"groupby: obs[{groupby!r}] has groups"
        message = f"{source} with the names of the table's own columns, {taken}: rename them."
        raise ValueError(message)
    effect = np.asarray(entry["delta"], dtype=np.float32) @ vectors.to_numpy(dtype=np.float32).T
    return pd.concat([rows, pd.DataFrame(effect, columns=vectors.index)], axis=1)
