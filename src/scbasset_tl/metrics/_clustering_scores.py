"""Does clustering find the cell types again?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, draw_seed
from scbasset_tl._threads import same_threads

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData

_N_NEIGHBORS, _MAX_RESOLUTION, _MAX_STEPS = 15, 3.0, 20


@doc_params
def clustering_scores(
    data: AnnData | MuData,
    *,
    label_key: str,
    use_rep: str = "X_scbasset",
    metric: Literal["euclidean", "cosine"] = "euclidean",
    cluster_key: str | None = None,
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> dict[str, float]:
    """ARI, AMI, NMI and homogeneity of clusters against labels, at a matched number of clusters :cite:p:`Yuan2022`.

    The cells are clustered (scanpy: 15 neighbours, Leiden) with a resolution found by bisection in [0, 3], at most 20
    steps, so that there are as many clusters as labels. The original used Louvain in its place.

    Parameters
    ----------
    {data}
    label_key
        Column of ``.obs`` with the labels, for instance cell types. Cells without one are left out, before clustering.
    use_rep
        Entry of ``.obsm`` that is clustered.
    metric
        Distance between two cells. ``"cosine"`` ignores the length of the vectors, which in scBasset's embedding grows with a
        cell's number of reads; the original uses Euclidean distance.
    cluster_key
        Column of ``.obs`` with a clustering to score as it is, instead of clustering ``use_rep``. Cells without a
        cluster are left out.
    {mod}
    {rng}

    Returns
    -------
    ``ari``, ``ami``, ``nmi`` (arithmetic mean of the entropies), ``homogeneity``, ``n_clusters`` and ``n_labels``. If
    bisection does not reach the number of labels, the nearest clustering is scored, and the last two differ.

    Raises
    ------
    ImportError
        If cells are to be clustered and the extra ``cluster`` is not installed.
    KeyError
        If ``.obs`` has no ``label_key`` or ``cluster_key``, or ``.obsm`` no ``use_rep``.
    ValueError
        If there are too few labelled cells, or the representation is not finite.

    Examples
    --------
    >>> import anndata
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> adata = anndata.AnnData(np.zeros((4, 1)))
    >>> adata.obs["cell_type"] = ["B", "B", "T", "T"]
    >>> adata.obs["cluster"] = ["0", "0", "1", "2"]
    >>> scores = sb.metrics.clustering_scores(adata, label_key="cell_type", cluster_key="cluster")
    >>> round(scores["ari"], 3), scores["n_clusters"], scores["n_labels"]
    (0.571, 3, 2)
    """
    from sklearn import metrics

    from scbasset_tl._adata.cells import labelled_cells, representation
    from scbasset_tl._adata.resolve import resolve

    adata = resolve(data, mod)
    if cluster_key is not None:
        _, (labels, clusters) = labelled_cells(adata, label_key, cluster_key)
    else:
        cells, (labels,) = labelled_cells(adata, label_key)
        seed = draw_seed(as_generator(rng))
        clusters = _cluster(representation(adata, use_rep, metric)[cells], int(labels.max()) + 1, seed)
    return {
        "ari": float(metrics.adjusted_rand_score(labels, clusters)),
        "ami": float(metrics.adjusted_mutual_info_score(labels, clusters)),
        "nmi": float(metrics.normalized_mutual_info_score(labels, clusters)),
        "homogeneity": float(metrics.homogeneity_score(labels, clusters)),
        "n_clusters": int(clusters.max()) + 1,
        "n_labels": int(labels.max()) + 1,
    }


def _cluster(x: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """Leiden clusters (0, 1, …) of the rows of ``x``, as near to ``n_clusters`` as bisection comes."""
    try:
        import igraph  # noqa: F401
    except ImportError as error:
        message = "clustering needs igraph: pip install igraph leidenalg, or pass cluster_key=."
        raise ImportError(message) from error
    import anndata
    import numpy as np
    import scanpy as sc

    if len(x) <= _N_NEIGHBORS:
        message = f"there are {len(x)} labelled cells; clustering needs more than {_N_NEIGHBORS}. Pass cluster_key=."
        raise ValueError(message)
    scratch = anndata.AnnData(np.zeros((len(x), 0), dtype=np.float32), obsm={"rep": x})
    with same_threads():
        sc.pp.neighbors(scratch, n_neighbors=_N_NEIGHBORS, use_rep="rep", random_state=seed)
    low, high = 0.0, _MAX_RESOLUTION
    best, missed_by = np.zeros(len(x), dtype=int), n_clusters
    for _ in range(_MAX_STEPS):
        resolution = (low + high) / 2
        sc.tl.leiden(scratch, resolution=resolution, flavor="igraph", n_iterations=2, directed=False, random_state=seed)
        clusters = scratch.obs["leiden"].cat.codes.to_numpy()
        excess = int(clusters.max()) + 1 - n_clusters
        if abs(excess) < missed_by:
            best, missed_by = clusters, abs(excess)
        if excess == 0:
            break
        low, high = (resolution, high) if excess < 0 else (low, resolution)
    return best
