"""Designed sequences as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def design(data: AnnData | MuData, *, course: bool = False, key: str = "design", mod: str = "atac") -> pd.DataFrame:
    """The sequences that :func:`scbasset_tl.tl.design` made, with their scores; or how they came about.

    Parameters
    ----------
    {data}
    course
        A row for each sequence and round instead, the start being round 0: what was edited, and the values after it.
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.design` wrote.
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame`, a row for each sequence: ``sequence`` (DNA), ``start`` (what it was made from), ``rounds``
    (edits made), ``gc``, ``start_score``, ``score``, and ``logit_`` with the name of each group. With ``course``:
    ``name``, ``round``, the edit (``start``, the first position, -1 in round 0; ``old`` and ``new`` DNA; ``motif`` and its
    ``strand``, empty for a substitution), ``score`` and the logits.

    Raises
    ------
    KeyError
        If there is no such entry.
    ValueError
        If the model was trained again since.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.design(adata, groupby="cell_type", group="type_1", n_sequences=3, n_rounds=2)
    >>> list(sb.get.design(adata).columns)[:6]
    ['sequence', 'start', 'rounds', 'gc', 'start_score', 'score']
    """
    from scbasset_tl._adata.kinds import DESIGN
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.results import find
    from scbasset_tl._adata.sequence.design import course_table, table

    entry = find(resolve(data, mod), DESIGN, key)
    return course_table(entry) if course else table(entry)
