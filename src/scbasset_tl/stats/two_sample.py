"""Whether two sets of cells are alike: statistics of points, of open peaks (bool CSR, cells × peaks), and of distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scbasset_tl._random import draw_seed
from scbasset_tl.stats.agreement import column_correlations
from scbasset_tl.stats.lsi import Lsi
from scbasset_tl.stats.mixing import inverse_simpson
from scbasset_tl.stats.neighbors import nearest, nearest_among

if TYPE_CHECKING:
    from scipy import sparse

_FOLDS = 5


def correlations(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Pearson's and Spearman's correlation of two vectors, NaN where one is constant or has no two values."""
    from scipy.stats import rankdata

    if len(one) < 2:
        return float("nan"), float("nan")
    pairs = ((one, other), (rankdata(one), rankdata(other)))
    pearson, spearman = (float(column_correlations(a[:, None], b[:, None])[0]) for a, b in pairs)
    return pearson, spearman


def classifier_auroc(one: np.ndarray, other: np.ndarray, k: int, *, rng: np.random.Generator) -> float:
    """AUROC of a classifier by ``k`` nearest neighbours that tells the rows of ``other`` from those of ``one``.

    Each fifth of the points is classified by the others, and the mean over the five is given: .5 where both have the
    same law, on average exactly. Among few points, ``k`` is at most a quarter of them, since all neighbours would say
    the same of every point.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    x, is_other = np.concatenate([one, other]), np.repeat([0, 1], [len(one), len(other)])
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=draw_seed(rng)).split(x, is_other)
    scores = []
    for train, test in folds:
        neighbors, _ = nearest_among(x[train], min(k, max(1, len(train) // 4)), x[test], rng=rng)
        scores.append(roc_auc_score(is_other[test], is_other[train][neighbors].mean(axis=1)))
    return float(np.mean(scores))


def mixing(one: np.ndarray, other: np.ndarray, k: int, *, rng: np.random.Generator) -> float:
    """Median LISI: effective number of sets, 1 to 2, among the ``k`` nearest points of a point, at perplexity ``k`` / 3."""
    x, group = np.concatenate([one, other]), np.repeat([0, 1], [len(one), len(other)])
    neighbors, distances = nearest(x, min(k, len(x) - 1), rng=rng)
    return float(np.median(inverse_simpson(neighbors, distances, group, max(1, neighbors.shape[1] // 3))))


def median_ratio(one: np.ndarray, other: np.ndarray) -> float:
    """Median of ``one`` in units of that of ``other``, NaN where this is 0."""
    below = float(np.median(other))
    return float(np.median(one)) / below if below else float("nan")


def ks(one: np.ndarray, other: np.ndarray, side: str = "two-sided") -> float:
    """Kolmogorov-Smirnov statistic; with ``side="greater"`` only as far as ``one`` is the smaller."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(one, other, alternative=side, method="asymp").statistic)


def nearest_distances(
    training: sparse.csr_matrix, *queries: sparse.csr_matrix, n_components: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Distances of the cells of each of ``queries`` to their nearest one of ``training``, in an LSI of ``training``."""
    lsi = Lsi.fit(training, n_components, rng=rng)
    points = lsi.transform(training)
    return [nearest_among(points, 1, lsi.transform(cells), rng=rng)[1][:, 0] for cells in queries]


def coaccessibility(opened: sparse.csr_matrix, peaks: np.ndarray) -> np.ndarray:
    """Pearson correlation over cells of each pair of ``peaks``, float64 (m (m - 1) / 2,), NaN where one is constant."""
    chosen = opened[:, peaks].astype(np.float64)
    n = chosen.shape[0]
    together = (chosen.T @ chosen).toarray() / n
    share = together.diagonal()
    first, second = np.triu_indices(len(peaks), 1)
    spread = np.sqrt(share * (1 - share))
    scale = spread[first] * spread[second]
    covariance = together[first, second] - share[first] * share[second]
    return np.divide(covariance, scale, out=np.full(len(first), np.nan), where=scale > 0)


def coaccessibility_agreement(one: sparse.csr_matrix, other: sparse.csr_matrix, peaks: np.ndarray) -> float:
    """Pearson correlation of the pairs' correlations in both sets; pairs with a constant peak in either do not count."""
    pairs = [coaccessibility(opened, peaks) for opened in (one, other)]
    both = np.isfinite(pairs).all(axis=0)
    return correlations(*(values[both] for values in pairs))[0]
