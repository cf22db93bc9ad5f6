"""Are generated cells like real ones?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.compare.generated import Cells

_IDEAL: Final = {
    "mean_pearson": 1.0,
    "mean_spearman": 1.0,
    "classifier_auroc": 0.5,
    "ilisi": 2.0,
    "mmd": 0.0,
    "depth_ks": 0.0,
    "peak_share_ks": 0.0,
    "coaccessibility": 1.0,
    "nearest_ratio": 1.0,
    "nearest_ks": 0.0,
}


@doc_params
def compare_generated(
    real: AnnData | MuData,
    generated: AnnData | MuData,
    *,
    training: AnnData | MuData | None = None,
    label_key: str | None = None,
    n_neighbors: int = 30,
    n_components: int = 30,
    n_top_peaks: int = 200,
    max_cells: int = 3000,
    layer: str | None = None,
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Compare generated cells with real ones, each score beside that of real cells against real cells.

    The correlation of the mean profiles is the usual score of generated accessibility :cite:p:`Huang2024`, and a weak
    one: the mean of the training cells, which is no cell at all, is as good. It is the baseline of these rows. The others
    compare the cells: can a classifier tell them apart, do they mix, are depth, openness of each peak and pairs of peaks
    alike, and are they copies of the training cells?

    With ``training``, ``real`` should be cells that the model has not seen; the baseline is then the training cells
    against ``real``. Without, ``real`` is cut into two random halves; the baseline is the second against the first, and
    the generated cells are held against the first too.

    All rows but the means compare equally many cells, at most ``max_cells``, drawn at random. Cells are compared in an
    LSI fitted on both sets together, without its first component. If the labels of ``generated`` have other shares than
    those of ``real``, the scores say so too: generate as many cells of each label.

    Parameters
    ----------
    real
        AnnData of cells × peaks, or a MuData that holds one.
    generated
        What :func:`scbasset_tl.tl.generate` returned, or other draws of the same peaks in ``.X``.
    training
        The cells that the model was trained on.
    label_key
        Column of ``.obs`` of all of them, for instance cell types: the correlations of the means are given for each
        label, too.
    n_neighbors
        Neighbours that the classifier asks, and that count for the mixing.
    n_components
        Dimensions of the LSI.
    n_top_peaks
        Most accessible peaks, by the real cells, whose pairs are compared.
    max_cells
        Cells of each set that are compared; time and memory grow with the square.
    layer
        Layer of ``real`` and ``training`` with the accessibility; ``None`` is ``.X``. Values above zero count as open.
    {mod}
    {rng}

    Returns
    -------
    Table with the columns ``value``, ``baseline`` and ``ideal``, and the rows

    ``mean_pearson``, ``mean_spearman``
        Correlation of the mean profiles, over all cells; with ``label_key`` also ``mean_pearson[label]`` of each label.
    ``classifier_auroc``
        AUROC of telling generated from real cells by nearest neighbours, cross-fitted: .5 where they are alike.
    ``ilisi``
        Effective number of sets in a cell's neighbourhood, 1 (apart) to 2 (mixed).
    ``mmd``
        Unbiased squared maximum mean discrepancy (inverse multiquadratic kernels, LSI scaled to unit variance).
    ``depth_ks``, ``peak_share_ks``
        Kolmogorov-Smirnov statistic of the cells' open peaks, and of the peaks' shares of open cells.
    ``coaccessibility``
        Correlation, over pairs of the top peaks, of each pair's correlation in one set with that in the other.
    ``nearest_ratio``, ``nearest_ks``
        With ``training``: distance to the nearest training cell, in an LSI of these, of generated against ``real`` cells:
        ratio of the medians, and one-sided Kolmogorov-Smirnov statistic, which is large only where generated cells are
        nearer. A ratio far below 1 means that training cells are copied. The baseline is one half of ``real`` against
        the other.

    Raises
    ------
    KeyError
        If a layer, modality or label column is missing.
    ValueError
        If the peaks differ, there are fewer than 10 cells of a set, or 20 real ones, or ``generated`` holds probabilities.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=200, n_vars=500)
    >>> table = sb.metrics.compare_generated(adata[:100], adata[100:], n_top_peaks=50)
    >>> list(table.columns), round(table.loc["ilisi", "value"])
    (['value', 'baseline', 'ideal'], 2)
    """
    import pandas as pd

    from scbasset_tl._adata.compare.generated import read_sets

    generator = as_generator(rng)
    sizes = {"n_neighbors": n_neighbors, "n_components": n_components, "n_top_peaks": n_top_peaks}
    for name, size in sizes.items():
        check_positive_int(name, size, minimum=2)
    check_positive_int("max_cells", max_cells, minimum=10)
    sets = read_sets(real, generated, training, layer=layer, label_key=label_key, mod=mod)
    target, reference = (sets.real, sets.training) if sets.training else sets.real.halves(generator)
    n = min(max_cells, *(len(cells.labels) for cells in (target, reference, sets.generated)))
    drawn = target.draw(n, generator)
    value, baseline = (
        _means(target, cells) | _compare(drawn, cells.draw(n, generator), generator, **sizes)
        for cells in (sets.generated, reference)
    )
    if sets.training:
        one, other = target.halves(generator)
        for scores, held_out, cells in ((value, target, sets.generated), (baseline, one, other)):
            queries = held_out.draw(max_cells, generator), cells.draw(max_cells, generator)
            scores |= _nearest(sets.training, queries, generator, n_components)
    table = pd.DataFrame({"value": value, "baseline": baseline})
    return table.assign(ideal=[_IDEAL[name.partition("[")[0]] for name in table.index])


def _means(target: Cells, cells: Cells) -> dict[str, float]:
    """Correlations of the mean profiles, over all cells and for each label of ``target``; NaN if no cell has the label."""
    import numpy as np

    from scbasset_tl.stats.two_sample import correlations

    correlated: dict[str, float] = {}
    for label in ["", *sorted(set(target.labels) - {""})]:
        parts = [side.opened[side.labels == label] if label else side.opened for side in (target, cells)]
        pair = (np.nan, np.nan)
        if all(part.shape[0] for part in parts):
            pair = correlations(*(part.getnnz(axis=0) / part.shape[0] for part in parts))
        name = f"[{label}]" if label else ""
        correlated |= {f"mean_pearson{name}": pair[0], f"mean_spearman{name}": pair[1]}
    return correlated


def _compare(
    target: Cells,
    cells: Cells,
    rng: np.random.Generator,
    *,
    n_neighbors: int,
    n_components: int,
    n_top_peaks: int,
) -> dict[str, float]:
    """The scores of equally many cells."""
    import numpy as np
    import torch
    from scipy import sparse

    from scbasset_tl.nn.divergence import mmd
    from scbasset_tl.stats.lsi import Lsi
    from scbasset_tl.stats.two_sample import classifier_auroc, coaccessibility_agreement, ks, mixing

    x, other = target.opened, cells.opened
    lsi = Lsi.fit(sparse.vstack([x, other], format="csr"), n_components, rng=rng)
    points = lsi.transform(x), lsi.transform(other)
    scale = np.sqrt(np.concatenate(points).var(axis=0).mean()) or 1.0
    shares = [opened.getnnz(axis=0) / opened.shape[0] for opened in (x, other)]
    top = np.argsort(-shares[0], kind="stable")[:n_top_peaks]
    return {
        "classifier_auroc": classifier_auroc(*points, n_neighbors, rng=rng),
        "ilisi": mixing(*points, n_neighbors, rng=rng),
        "mmd": float(mmd(*(torch.from_numpy(part / scale) for part in points))),
        "depth_ks": ks(*(np.diff(opened.indptr) for opened in (x, other))),
        "peak_share_ks": ks(*shares),
        "coaccessibility": coaccessibility_agreement(x, other, top),
    }


def _nearest(
    training: Cells, queries: tuple[Cells, Cells], rng: np.random.Generator, n_components: int
) -> dict[str, float]:
    """How much nearer to the training cells are the second ``queries`` than the first, the held-out cells?"""
    from scbasset_tl.stats.two_sample import ks, median_ratio, nearest_distances

    real, generated = nearest_distances(
        training.opened, *(cells.opened for cells in queries), n_components=n_components, rng=rng
    )
    return {
        "nearest_ratio": median_ratio(generated, real),
        "nearest_ks": ks(generated, real, side="greater"),
    }
