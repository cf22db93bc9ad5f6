"""Cells by their open peaks alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, recorded_seed
from scbasset_tl._validate import check_positive_int

if TYPE_CHECKING:
    import numpy as np

D = TypeVar("D")


@doc_params
def lsi(
    data: D,
    *,
    n_latent: int = 32,
    layer: str | None = None,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Embed cells without sequences, by muon's TF-IDF: the baseline for the vectors of a sequence model.

    Latent semantic indexing: :func:`muon.atac.pp.tfidf` of the open peaks, and the singular vectors of that but the
    first, which follows the depth. Cell vectors are scaled to length one, so that Euclidean neighbours are those of the
    cosine. Scores such as :func:`scbasset_tl.metrics.label_score` take it by ``use_rep="X_lsi"``. The matrix stays
    sparse, and the data's own values are not changed.

    Parameters
    ----------
    {data}
    n_latent
        Dimensions. A matrix of few cells or peaks has fewer.
    layer
        Layer with the accessibility matrix; ``None`` is ``.X``. Stored values above zero count as open.
    {rng}
    {mod}
    key_added
        Name of both slots instead of ``X_lsi`` and ``lsi``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['X_lsi' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cells at unit length (n_obs, n_latent); zeros for a cell without open peaks.
    `adata.uns['lsi' | key_added]` : :class:`dict`
        The call in ``params``, and the names of the slots.

    Raises
    ------
    KeyError
        If there is no such layer.
    ValueError
        If an argument cannot be used, fewer than three cells or peaks are open, or slots of these names are there that
        this function did not write.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.lsi(adata, n_latent=10)
    >>> adata.obsm["X_lsi"].shape
    (60, 10)
    """
    import numpy as np

    from scbasset_tl._adata.kinds import LSI
    from scbasset_tl._adata.matrix import open_peaks, slot_name
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.tfidf import directions
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl._log import info

    source, generator = writable_peaks(data, mod, copy=copy), as_generator(rng)
    check_positive_int("n_latent", n_latent)
    slots = claim(source, LSI, key_added)
    opened = open_peaks(source, layer)
    cells, peaks = np.flatnonzero(opened.getnnz(axis=1)), np.flatnonzero(opened.getnnz(axis=0))
    if min(len(cells), len(peaks)) < 3:
        message = f"{slot_name(layer)} has {len(cells)} cells and {len(peaks)} peaks with open entries; at least 3 are needed."
        raise ValueError(message)
    if len(cells) < source.n_obs:
        info(f"{source.n_obs - len(cells):,} cells have no open peak: their vectors are zero")
    used_vectors = directions(opened[cells][:, peaks], n_latent, rng=generator)
    vectors = np.zeros((source.n_obs, used_vectors.shape[1]), dtype=np.float32)
    vectors[cells] = used_vectors
    params = {"n_latent": n_latent, "layer": layer, "seed": recorded_seed(rng)}
    container, adata = target(data, mod, copy=copy)
    write_slots(adata, obsm={slots["obsm"]: vectors}, uns={slots["uns"]: entry(LSI, params, slots)})
    return container if copy else None
