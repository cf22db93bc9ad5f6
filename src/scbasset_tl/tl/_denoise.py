"""The denoised matrix as a layer or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._validate import check_one_of

if TYPE_CHECKING:
    from os import PathLike

D = TypeVar("D")
_INSTEAD: Final = (
    "take fewer cells or peaks (data[cells, peaks]) or dtype='float16', or do without: get.accessibility gives any block, "
    "tl.denoised_pca the principal components, tl.gene_scores scores of genes."
)


@doc_params
def denoise(
    data: D,
    *,
    key: str = "scbasset",
    normalize_depth: bool = True,
    scale: Literal["logit", "sigmoid"] = "logit",
    decoder: Literal["dna", "fitted"] = "dna",
    dtype: Literal["float32", "float16"] = "float32",
    path: str | PathLike[str] | None = None,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Write the denoised accessibility of all cells and peaks, as a layer or a file :cite:p:`Yuan2022`.

    The matrix is dense, and hardly anything needs it whole: :func:`scbasset_tl.get.accessibility` computes any block,
    mean or group of it, :func:`scbasset_tl.tl.denoised_pca` its principal components, and
    :func:`scbasset_tl.tl.gene_scores` scores of genes. The first of these has a table of what the values are. The size
    is printed first, and a matrix that cannot fit is refused.

    Parameters
    ----------
    {data}
    {key}
    normalize_depth
        Leave the cells' biases (and batches) out.
    scale
        ``"logit"`` or ``"sigmoid"``.
    decoder
        ``"dna"``: the peaks' embeddings, as the model has them. ``"fitted"``: what :func:`scbasset_tl.tl.fit_decoder`
        fitted to the data's own peaks, which fills in reads better.
    dtype
        ``"float16"`` halves the size and keeps three digits.
    path
        Write an ``.h5ad`` file instead of the layer, a block of cells at a time: ``X`` is the denoised matrix, ``obs`` and
        ``var`` are those of the data. ``anndata.read_h5ad(path, backed="r")`` reads blocks of it. The data stay as they
        are. A file that exists is replaced, unless it is the one that the data are read from.
    {mod}
    key_added
        Name of the slots instead of ``scbasset`` and ``denoise``.
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Without ``path`` writes

    `adata.layers['scbasset' | key_added]` : :class:`numpy.ndarray`
        Denoised accessibility (n_obs, n_vars).
    `adata.uns['denoise' | key_added]` : :class:`dict`
        ``params``, the call; ``model``, what tells the model from another.

    Raises
    ------
    KeyError
        If there is no such model.
    ValueError
        If an argument cannot be used.
    MemoryError, OSError
        If the layer does not fit into memory, or the file onto the disk; nothing is computed then.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> sb.tl.denoise(adata)
    >>> adata.layers["scbasset"].shape
    (60, 200)
    """
    import numpy as np

    from scbasset_tl._adata.backing import is_file_of
    from scbasset_tl._adata.kinds import DENOISE
    from scbasset_tl._adata.model.denoised import file_size, own_peaks, typed_blocks, write_h5ad
    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim, entry
    from scbasset_tl._adata.write import write_slots
    from scbasset_tl._files import as_path, check_target
    from scbasset_tl._space import check_disk, check_memory

    source = writable(data, mod, copy=copy or path is not None)
    n_bytes = source.n_obs * source.n_vars * np.dtype(check_one_of("dtype", dtype, ("float32", "float16"))).itemsize
    model = read_model(source, key)
    matrix = own_peaks(source, model, normalize_depth=normalize_depth, scale=scale, decoder=decoder)
    params = {"key": key, "normalize_depth": bool(normalize_depth), "scale": scale, "decoder": decoder, "dtype": dtype}
    what = f"the denoised matrix of {source.n_obs:,} cells × {source.n_vars:,} peaks"
    if path is not None:
        if copy or key_added is not None:
            message = (
                "path= writes a file and leaves the data as they are: there is nothing for copy= or key_added= to do."
            )
            raise ValueError(message)
        file = as_path("path", path)
        if file.suffix.lower() != ".h5ad":
            message = f"path={str(file)!r}: what is written is an .h5ad file, call it so."
            raise ValueError(message)
        check_target("path", file)
        if any(is_file_of(each, file) for each in (data, source)):
            message = f"path={str(file)!r} is the file that data are read from: name another."
            raise ValueError(message)
        check_disk(file_size(source, dtype), file.parent, what, advice=_INSTEAD)
        write_h5ad(source, matrix, file, dtype, entry(DENOISE, params, {}, origin=model.origin()))
        return None
    slots = claim(source, DENOISE, key_added, key=key)
    check_memory(n_bytes, what, advice=f"write a file with path=, or {_INSTEAD}", say=True)
    values = np.empty(matrix.shape, dtype=dtype)
    for rows, block in typed_blocks(matrix, dtype):
        values[rows] = block
    container, adata = target(data, mod, copy=copy)
    made = entry(DENOISE, params, slots, origin=model.origin())
    write_slots(adata, layers={slots["layers"]: values}, uns={slots["uns"]: made})
    return container if copy else None
