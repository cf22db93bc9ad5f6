"""Train scEmbed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._log import info, progress, warning
from scbasset_tl._random import settled_seed
from scbasset_tl._validate import check_number, check_one_of, check_positive_int

if TYPE_CHECKING:
    import numpy as np
    from scipy import sparse

    from scbasset_tl.nn.skipgram import SkipGramConfig

D = TypeVar("D")

_LR = {"svd": 0.003, "random": 0.3}


@doc_params
def scembed(
    data: D,
    *,
    n_latent: int = 100,
    max_epochs: int = 10,
    batch_size: int = 16,
    lr: float | None = None,
    objective: Literal["skipgram", "cbow"] = "skipgram",
    start: Literal["svd", "random"] = "svd",
    min_count: int = 10,
    window_size: int = 5,
    n_negative: int = 5,
    ns_exponent: float = 0.75,
    subsample: float = 1e-3,
    axis_power: float = 1.0,
    tokens_key: str | None = None,
    accelerator: str = "auto",
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Embed cells as the mean of vectors of their open regions, learned by Word2Vec on cells (scEmbed) :cite:p:`LeRoy2024`.

    Regions that are open in the same cells get like vectors (skip-gram with negative sampling). Uses the tokens of
    :func:`scbasset_tl.pp.tokenize_regions`, or else the data's own peaks. Training starts from the closed-form solution
    of the linearised problem, a correspondence analysis; ``max_epochs=0`` keeps that. No sequence is used and no batch
    is corrected. The use of the vectors is to embed the cells of other data (:func:`scbasset_tl.tl.map_cells`).

    Parameters
    ----------
    {data}
    n_latent
        Length of region and cell vectors.
    max_epochs
        Passes in Word2Vec's sense: each makes ``window_size + 1`` pairs for every region of every cell. 0: the closed
        form.
    batch_size
        Blocks a step; a block is 64 random regions of one cell, with all their pairs. For cbow, as many regions in
        smaller blocks.
    lr
        First step size of the row-wise Adagrad, which falls linearly to nothing; ``None`` is 0.003, or 0.3 from a random
        start.
    objective
        ``"skipgram"``: a region predicts each other region of its cell. ``"cbow"``: the mean of ``window_size + 1``
        others predicts a region.
    start
        ``"svd"`` or ``"random"``. From a random start too few epochs leave vectors without any structure.
    min_count
        Regions open in fewer cells are not trained: their vector is zero and cells ignore them. With a few hundred cells
        a smaller number is better.
    window_size
        Only sets the number of pairs: cells have no order, so a window is a random set.
    n_negative
        Random regions that each pair must be told from.
    ns_exponent
        These are drawn in proportion to the regions' frequency to this power.
    subsample
        Regions that are more frequent than this share of all tokens are left out at random; 0 keeps all.
    axis_power
        1 leaves the vectors of Word2Vec as they are: a few axes outweigh the others. With another number they are turned
        to their principal axes, and each axis gets its singular value to this power :cite:p:`Levy2015`. 0.5 gave better
        clusters of the leukaemia cells of the benchmarks and a slightly lower label score; 0 gives all axes one length.
    tokens_key
        Entry of ``.uns`` by :func:`scbasset_tl.pp.tokenize_regions`; ``None`` is ``'tokens'`` if it is there, else the
        data's own peaks.
    accelerator
        ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"cuda"``.
    {rng}
        On a GPU to rounding only.
    {mod}
    key_added
        Name for all slots instead of those below (``obs`` gets ``f'{{key_added}}_empty'``).
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['X_scembed' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cell vectors (n_obs, n_latent).
    `adata.obs['scembed_empty' | f'{{key_added}}_empty']` : :class:`pandas.Series` (dtype `bool`)
        Cells without a trained region; their vectors are zero.
    `adata.varm['scembed' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Region vectors (n_vars, n_latent), if the regions are the data's own peaks. Their mean over all open entries is
        zero.
    `adata.uns['scembed' | key_added]` : :class:`dict`
        The call, the loss per pair of each epoch beside that of independent regions (``history``), how much of the data
        the universe covers, the names of the other slots; for another universe also its region vectors (``weights``)
        and the ``universe``.

    Raises
    ------
    KeyError
        If ``tokens_key`` names no tokens.
    ValueError
        If no region is frequent enough, no cell has two such regions, or an argument cannot be used.
    FloatingPointError
        If the loss or the vectors become infinite or NaN.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scembed(adata, n_latent=8, max_epochs=2)
    >>> adata.obsm["X_scembed"].shape
    (60, 8)
    """
    from scbasset_tl._adata.kinds import SCEMBED
    from scbasset_tl._adata.resolve import target, writable_peaks
    from scbasset_tl._adata.results import claim
    from scbasset_tl._adata.scembed.store import encode, write_embedding
    from scbasset_tl._adata.scembed.tokens import read_tokens
    from scbasset_tl.nn.skipgram import SkipGramConfig
    from scbasset_tl.train.device import single_device

    source = writable_peaks(data, mod, copy=copy)
    claim(source, SCEMBED, key_added)
    check_one_of("start", start, ("svd", "random"))
    config = SkipGramConfig(
        n_latent=check_positive_int("n_latent", n_latent, minimum=2),
        max_epochs=check_positive_int("max_epochs", max_epochs, minimum=0),
        batch_size=check_positive_int("batch_size", batch_size),
        lr=_LR[start] if lr is None else check_number("lr", lr, low=0, open_low=True),
        objective=check_one_of("objective", objective, ("skipgram", "cbow")),  # type: ignore[arg-type]
        window_size=check_positive_int("window_size", window_size),
        n_negative=check_positive_int("n_negative", n_negative),
        ns_exponent=check_number("ns_exponent", ns_exponent, low=0),
        subsample=check_number("subsample", subsample, low=0, high=1),
    )
    check_positive_int("min_count", min_count)
    power = check_number("axis_power", axis_power, low=0)
    device = single_device(accelerator)
    tokens = read_tokens(source, tokens_key)
    seed = settled_seed(rng)
    vectors, history = _train(tokens.open, config, min_count=min_count, start=start, device=device, seed=seed)
    vectors = _weighed(tokens.open, vectors, power)
    cells, empty = encode(tokens.open, vectors)
    params = {
        **vars(config),
        "start": start,
        "min_count": min_count,
        "axis_power": power,
        "tokens_key": tokens_key,
        "region_keys": tokens.region_keys,
        "seed": seed,
    }
    container, adata = target(data, mod, copy=copy)
    write_embedding(
        adata,
        key_added,
        cells=cells,
        empty=empty,
        params=params,
        more={**tokens.report, "history": history},
        vectors=vectors,
        universe=tokens.universe,
    )
    return container if copy else None


def _train(
    tokens: sparse.csr_matrix, config: SkipGramConfig, *, min_count: int, start: str, device: Any, seed: int
) -> tuple[np.ndarray, dict[str, Any]]:
    """Vectors of all regions, zero for the rare ones, and the history."""
    import numpy as np

    from scbasset_tl.nn.blocks import select
    from scbasset_tl.nn.skipgram import fit
    from scbasset_tl.stats.correspondence import region_vectors

    generator = np.random.default_rng(seed)
    counts = np.bincount(tokens.indices, minlength=tokens.shape[1])
    frequent = np.flatnonzero(counts >= min_count)
    used = select(tokens, frequent)
    info(f"{len(frequent):,} of {len(counts):,} regions are open in {min_count} cells or more and are trained.")
    if used.shape[0] < 2:
        message = (
            f"fewer than two cells have two regions that are open in min_count={min_count} cells or more (the most "
            f"frequent is open in {counts.max()}): lower min_count."
        )
        raise ValueError(message)
    n_start = config.n_latent - bool(config.max_epochs)  # training keeps one dimension for the frequencies
    first = None if start == "random" and config.max_epochs else region_vectors(used, n_start, rng=generator)
    vectors = np.zeros((tokens.shape[1], config.n_latent), dtype=np.float32)
    if not config.max_epochs:
        vectors[frequent] = first
        return vectors, {"loss": np.empty(0), "independent": float("nan"), "n_trained": len(frequent)}
    with progress(config.max_epochs, description="scEmbed", unit="epoch") as bar:
        fitted = fit(used, config, start=first, device=device, rng=generator, on_epoch=lambda loss: _show(bar, loss))
    if not fitted.has_structure:
        fix = (
            "Raise max_epochs or lr, or pass start='svd'."
            if first is None
            else "Lower lr, or keep the closed form: max_epochs=0."
        )
        warning(
            f"the loss is {fitted.loss[-1]:.4f} per pair, that of independent regions {fitted.independent:.4f}: the vectors "
            f"hold little or no structure. {fix}"
        )
    vectors[frequent] = fitted.vectors
    return vectors, {"loss": np.array(fitted.loss), "independent": fitted.independent, "n_trained": len(frequent)}


def _weighed(tokens: sparse.csr_matrix, vectors: np.ndarray, power: float) -> np.ndarray:
    """The trained vectors with their axes weighted; their mean over all open entries stays zero."""
    import numpy as np

    from scbasset_tl.stats.correspondence import weigh_axes

    counts = np.bincount(tokens.indices, minlength=len(vectors)) * vectors.any(axis=1)
    return weigh_axes(vectors, counts / counts.sum(), power)


def _show(bar: Any, loss: float) -> None:
    bar.set_postfix(loss=f"{loss:.4f}")
    bar.update()
