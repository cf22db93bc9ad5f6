"""Principal components of the denoised matrix, without the matrix."""

from __future__ import annotations

from typing import TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_positive_int

D = TypeVar("D")


@doc_params
def denoised_pca(
    data: D,
    *,
    key: str = "scbasset",
    n_comps: int | None = None,
    normalize_depth: bool = True,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Principal components of the denoised cells × peaks matrix (logits), exactly and without forming it.

    The matrix is a product of vectors of 32 dimensions, and so has no more components than that: with all of them the
    Euclidean distance between two cells is that between their rows of the denoised matrix, and neighbours found in the
    components are those of the matrix. The model's own ``obsm["X_scbasset"]`` weighs all its dimensions alike; here a
    dimension counts by how much it moves the peaks. The paper takes 50 components of the matrix to score a denoising
    :cite:p:`Yuan2022`.

    Parameters
    ----------
    {data}
    {key}
    n_comps
        Components to keep; all that have any variance by default. There are no more than the model has
        dimensions (and one more with ``normalize_depth=False``): a larger number gives all of them.
    normalize_depth
        Leave the cells' biases (and batches) out. With them there is one more component.
    {mod}
    key_added
        Name of both slots instead of ``X_scbasset_denoised`` and ``denoised_pca``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['X_scbasset_denoised' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Principal components (n_obs, n_comps), centred over the cells.
    `adata.uns['denoised_pca' | key_added]` : :class:`dict`
        ``variance`` along the components and ``variance_ratio``, its share of that of the matrix; ``params``, the call; ``model``,
        what tells the model from another.

    Raises
    ------
    KeyError
        If there is no such model.
    ValueError
        If an argument cannot be used, there are fewer than two cells, or they do not differ.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.denoised_pca(adata, n_comps=10)
    >>> adata.obsm["X_scbasset_denoised"].shape
    (60, 10)
    """
    import numpy as np

    from scbasset_tl._adata.kinds import DENOISED_PCA
    from scbasset_tl._adata.model.denoised import low_rank
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl._log import info

    source = writable(data, mod, copy=copy)
    if n_comps is not None:
        check_positive_int("n_comps", n_comps)
    slots = claim(source, DENOISED_PCA, key_added, key=key)
    model = read_model(source, key)
    matrix = low_rank(source, model, normalize_depth=normalize_depth, scale="logit")
    if source.n_obs < 2:
        message = f"data has {source.n_obs} cell; principal components need at least 2."
        raise ValueError(message)
    components, variance = matrix.principal_components()
    if not len(variance):
        message = f"the {source.n_obs} cells do not differ in the denoised matrix: there are no principal components."
        raise ValueError(message)
    if n_comps is not None and n_comps > len(variance):
        info(f"the denoised matrix has {len(variance)} principal components, not {n_comps}: all of them are kept")
    params = {"key": key, "n_comps": n_comps, "normalize_depth": bool(normalize_depth)}
    container, adata = target(data, mod, copy=copy)
    kept = slice(n_comps)
    made = {
        **entry(DENOISED_PCA, params, slots, origin=model.origin()),
        "variance": variance[kept],
        "variance_ratio": (variance / variance.sum())[kept],
    }
    write_slots(adata, obsm={slots["obsm"]: components[:, kept].astype(np.float32)}, uns={slots["uns"]: made})
    return container if copy else None
