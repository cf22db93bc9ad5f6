"""Carry labels from a reference to new cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._log import info
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_name, check_number, check_one_of, check_positive_int

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from mudata import MuData

D = TypeVar("D")


@doc_params
def annotate(
    query: D,
    reference: AnnData | MuData,
    *,
    label_key: str,
    use_rep: str = "X_scbasset",
    reference_rep: str | None = None,
    k: int = 10,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    weights: Literal["distance", "uniform"] = "distance",
    threshold: float = 0.5,
    unknown: str = "Unknown",
    cluster_key: str | None = None,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Label cells by the vote of the nearest labelled cells of a reference.

    Query and reference must have vectors in one space, as after :func:`scbasset_tl.tl.map_cells` of both.

    Parameters
    ----------
    query
        AnnData of cells × peaks, or a MuData that holds one: the cells to label.
    reference
        AnnData or MuData with labelled cells. Those without a label have no vote.
    label_key
        Column of the reference's ``.obs`` with the labels.
    use_rep
        Entry of ``.obsm`` with the vectors.
    reference_rep
        The reference's entry, if it has another name.
    k
        Number of neighbours that vote.
    metric
        ``"euclidean"`` or ``"cosine"`` distance.
    weights
        ``"distance"``: a neighbour's vote counts by the inverse of its distance; ``"uniform"``: all count alike.
    threshold
        Share of the votes below which a cell's label is ``unknown``. A cell whose vector is zero
        is always ``unknown``, and its shares are 0.
    unknown
        What such cells are called.
    cluster_key
        Column of the query's ``.obs``: each cell then has the label of most cells of its cluster, ``unknown`` included.
        Confidence and shares stay the cell's own.
    rng
        Used for references of more than 32,768 cells only: up to there the neighbours are exact.
    mod
        Modality of MuData to work on; ignored for an AnnData.
    key_added
        Name for the slots instead of ``cell_type``.
    copy
        Return a changed copy of the query instead of writing in place.

    Returns
    -------
    ``None``, or the changed copy of the query. Writes

    `query.obs['cell_type' | key_added]` : :class:`pandas.Series` (dtype `category`)
        The label with most votes, or ``unknown``.
    `query.obs['cell_type_confidence' | f'{{key_added}}_confidence']` : :class:`pandas.Series` (dtype `float32`)
        Its share of the votes, also where it is below the threshold.
    `query.obsm['cell_type_proba' | f'{{key_added}}_proba']` : :class:`numpy.ndarray` (dtype `float32`)
        Shares of all labels (n_obs, n_labels).
    `query.uns['cell_type' | key_added]` : :class:`dict`
        The labels in the order of these columns (``categories``), the call, and the names of the other slots.

    Raises
    ------
    KeyError
        If a representation or the reference's labels are missing.
    ValueError
        If representations differ in width, labelled cells are fewer than ``k``, or slots of these names are there that
        this function did not write.

    Examples
    --------
    >>> import anndata
    >>> import numpy as np
    >>> import scbasset_tl as sb
    >>> reference = anndata.AnnData(np.zeros((4, 1)), obsm={{"X_scbasset": np.array([[0.0], [1.0], [8.0], [9.0]])}})
    >>> reference.obs["kind"] = ["B", "B", "T", "T"]
    >>> query = anndata.AnnData(np.zeros((2, 1)), obsm={{"X_scbasset": np.array([[0.5], [7.0]])}})
    >>> sb.tl.annotate(query, reference, label_key="kind", k=2)
    >>> query.obs["cell_type"].tolist()
    ['B', 'T']
    """
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.cells import METRICS, directions
    from scbasset_tl._adata.compare.annotate import cluster_majority, query_vectors, voters
    from scbasset_tl._adata.kinds import CELL_TYPE
    from scbasset_tl._adata.resolve import resolve, target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl.stats.neighbors import nearest_among
    from scbasset_tl.stats.vote import vote

    source, labelled, generator = writable(query, mod, copy=copy), resolve(reference, mod), as_generator(rng)
    slots = claim(source, CELL_TYPE, key_added)
    k, threshold = check_positive_int("k", k), check_number("threshold", threshold, low=0, high=1)
    check_one_of("metric", metric, METRICS)
    check_one_of("weights", weights, ("distance", "uniform"))
    check_name("unknown", unknown)
    voting = voters(labelled, label_key, use_rep if reference_rep is None else reference_rep, k)
    vectors = [voting.vectors, query_vectors(source, use_rep, voting.vectors.shape[1])]
    known = vectors[1].any(axis=1)
    if metric == "cosine":
        vectors = directions(*vectors)

    neighbors, distances = nearest_among(vectors[0], k, vectors[1], rng=generator)
    if metric == "cosine":
        distances = distances**2 / 2
    shares = vote(neighbors, distances, voting.codes, len(voting.categories), weights=weights)
    shares[~known] = 0  # cells of which nothing is known
    best = shares.max(axis=1)
    names = np.where(
        (best < threshold) | (best == 0), unknown, np.array(voting.categories, dtype=object)[shares.argmax(axis=1)]
    )
    if cluster_key is not None:
        names = cluster_majority(names, source, cluster_key)
    info(f"{source.n_obs:,} cells labelled, {int((names == unknown).sum()):,} of them {unknown!r}")

    call = {
        "label_key": label_key,
        "use_rep": use_rep,
        "reference_rep": reference_rep,
        "k": k,
        "metric": metric,
        "weights": weights,
        "threshold": threshold,
        "unknown": unknown,
        "seed": recorded_seed(rng),
        "cluster_key": cluster_key,
    }
    container, adata = target(query, mod, copy=copy)
    write_slots(
        adata,
        obs={
            slots["obs"]: pd.Categorical(names, categories=list(dict.fromkeys([*voting.categories, unknown]))),
            slots["confidence"]: best.astype(np.float32),
        },
        obsm={slots["obsm"]: shares.astype(np.float32)},
        uns={slots["uns"]: {"categories": voting.categories, **entry(CELL_TYPE, call, slots)}},
    )
    return container if copy else None
