"""Is a motif's site used more by the cells of one group than by those of another?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.compare.peak_ranks import Grouping


@dataclass(frozen=True, repr=False)
class MotifMatch:
    """Match of motif and mutagenesis in single cells: cells × hits, the hits, and the comparison of groups."""

    per_cell: pd.DataFrame
    hits: pd.DataFrame
    table: pd.DataFrame

    def __repr__(self) -> str:
        shown = ["motif", "region", "group", "reference", "median", "median_reference", "p_value"]
        return f"{len(self.hits)} hits in {len(self.per_cell)} cells\n{self.table[shown].round(4)}"


@doc_params
def motif_match(
    data: AnnData | MuData,
    *,
    groupby: str,
    motifs: str | Sequence[str] | None = None,
    regions: str | Sequence[str] | None = None,
    groups: str | Sequence[str] | None = None,
    reference: str = "rest",
    alternative: Literal["greater", "less", "two-sided"] = "greater",
    key: str = "motif_hits",
    mod: str = "atac",
) -> MotifMatch:
    """Match of motif and mutagenesis in each cell, compared between groups by a rank-sum test :cite:p:`Yuan2022`.

    As in the paper's figure 5g: the dot product of a motif's probabilities with the model's importance of each base under
    one of its sites, in every cell. Changes of the peak vector are stored by :func:`scbasset_tl.tl.motif_hits`, so that
    neither the network nor the DNA is needed.

    The test assumes independent cells. The vectors of a group's cells are alike because the model made them so: a small
    p-value means "clearly apart", and is no evidence from so many replicates.

    Parameters
    ----------
    {data}
    groupby
        Column of ``.obs``; cells without a value are left out of the test.
    motifs
        Names or ids of motifs whose hits to take; ``None`` is all.
    regions
        Regions, as ``tl.motif_hits`` was given them by name, whose hits to take; ``None`` is all.
    groups
        Categories to compare; ``None`` is all.
    reference
        Category to compare with; ``"rest"``: all other cells.
    alternative
        ``"greater"``: matches are larger in the group than in the reference; ``"less"`` and ``"two-sided"``.
    key
        Entry of ``.uns`` that :func:`scbasset_tl.tl.motif_hits` wrote.
    {mod}

    Returns
    -------
    ``per_cell``: the dot product (dtype `float32`), cells × hits, numbered as the rows of ``hits``. ``hits``: ``region``,
    ``chrom``, ``start``, ``end``, ``strand``, ``motif``, ``motif_id``, ``score`` and ``p_value`` of each hit. ``table``: a
    row for each hit and group with ``hit``, ``motif``, ``region``, ``group``, ``reference``, ``n``, ``n_reference``,
    ``median``, ``median_reference``, ``z``, ``p_value`` of the Wilcoxon rank-sum test (normal approximation, corrected for
    ties) and ``fdr`` (Benjamini and Hochberg, over the table).

    Raises
    ------
    KeyError
        If there are no such hits, motif, region, column or group.
    ValueError
        If no hit is left, or there is nothing to compare.
    MemoryError
        If cells × hits would not fit into memory: name some motifs or regions.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> toy = adata.uns["toy"]["motifs"]
    >>> motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"])]
    >>> sb.tl.motif_hits(adata, [0, 1], motifs)
    >>> match = sb.metrics.motif_match(adata, groupby="cell_type", reference="type_1")
    >>> match.per_cell.shape == (60, len(match.hits)), sorted(set(match.table["group"]))
    (True, ['type_2', 'type_3', 'type_4', 'type_5'])
    """
    import pandas as pd

    from scbasset_tl._adata.compare.peak_ranks import grouping
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.sequence.motif_hits import read_vectors
    from scbasset_tl._space import check_memory

    check_one_of("alternative", alternative, ("greater", "less", "two-sided"))
    adata = resolve(data, mod)
    hits, vectors, model_key = read_vectors(adata, key)
    chosen = grouping(adata.obs, groupby, groups, reference)
    keep = _named(hits, ("motif", "motif_id"), "motifs", motifs) & _named(hits, ("region",), "regions", regions)
    if not keep.any():
        message = f"uns[{key!r}] has {len(hits)} hits, and none of these motifs in these regions: there is nothing to compare."
        raise ValueError(message)
    hits, vectors = hits[keep].reset_index(drop=True), vectors[keep]
    what = f"the match of {len(hits):,} hits in {adata.n_obs:,} cells"
    check_memory(12 * len(hits) * adata.n_obs, what, advice="name motifs= or regions=.")
    per_cell = read_model(adata, model_key).cell_embedding @ vectors.T
    table = _compare(per_cell, hits, chosen, reference, alternative)
    return MotifMatch(pd.DataFrame(per_cell, index=adata.obs_names), hits, table)


def _named(hits: pd.DataFrame, columns: Sequence[str], argument: str, wanted: str | Sequence[str] | None) -> np.ndarray:
    """Which hits have one of the names, bool (n_hits,)."""
    import numpy as np

    if wanted is None:
        return np.ones(len(hits), dtype=bool)
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    names_of_hits = {str(name) for column in columns for name in hits[column]}
    if absent := [name for name in names if name not in names_of_hits]:
        message = f"{argument}: {len(absent)} of {len(names)} have no hit, {absent[:3]}; there are {sorted(names_of_hits)[:5]} …"
        raise KeyError(message)
    return np.any([hits[column].isin(names) for column in columns], axis=0)


def _compare(
    per_cell: np.ndarray, hits: pd.DataFrame, chosen: Grouping, reference: str, alternative: str
) -> pd.DataFrame:
    import numpy as np
    import pandas as pd
    from scipy.stats import false_discovery_control, norm

    from scbasset_tl.stats.rank_sum import rank_sum_z, rank_sums

    tails = {"greater": norm.sf, "less": norm.cdf, "two-sided": lambda z: 2 * norm.sf(np.abs(z))}
    parts = []
    for groups, cells in chosen.pairs():
        code, values = chosen.code[cells], np.ascontiguousarray(per_cell[cells].T)
        sums, ties = rank_sums(values, code, len(chosen.names))
        for group in groups:
            members = code == group
            n, median = int(members.sum()), [np.median(values[:, columns], axis=1) for columns in (members, ~members)]
            z = rank_sum_z(sums[:, group], ties, n, len(cells))
            part = hits[["motif", "region"]].rename_axis(index="hit").reset_index()
            part["group"], part["reference"] = chosen.names[group], str(reference)
            part["n"], part["n_reference"] = n, len(cells) - n
            part["median"], part["median_reference"] = median
            parts.append(part.assign(z=z, p_value=tails[alternative](z)))
    table = pd.concat(parts, ignore_index=True)
    table["fdr"] = false_discovery_control(table["p_value"])
    return table
