"""Write a scEmbed model as geniml exports one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path

if TYPE_CHECKING:
    from os import PathLike

    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.scembed.store import RegionEmbedding

_N_SPECIAL = 7  # unknown, padding, mask, class, end, begin and separator: gtars numbers them after the regions


@doc_params
def write_geniml(
    data: AnnData | MuData | RegionEmbedding, path: str | PathLike[str], *, key: str = "scembed", mod: str = "atac"
) -> None:
    """Write a scEmbed model as the folder that geniml's ``ScEmbed.from_pretrained`` loads.

    The folder has ``checkpoint.pt``, ``config.yaml`` and ``universe.bed``. It holds the trained regions only, since
    geniml takes the mean over all regions of its universe, while cells here ignore those without a vector. Vectors of
    special tokens are zero. A cell has the same vector in both, unless two of its peaks fall on one region, which
    geniml counts twice.

    Parameters
    ----------
    data
        Data with a model of :func:`scbasset_tl.tl.scembed`, or a :class:`scbasset_tl.io.RegionEmbedding`.
    path
        Folder to write; it is made if it is not there.
    key
        Entry of ``.uns`` with the model.
    {mod}

    Raises
    ------
    KeyError
        If there is no model under ``key``.
    ValueError
        If a region stands in the universe twice, which geniml cannot tell apart, or a vector is NaN or infinite.
    NotADirectoryError, FileExistsError
        If ``path`` is a file, or a folder with other things.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scembed(adata, n_latent=8, max_epochs=2)
    >>> sb.io.write_geniml(adata, "for_geniml")
    >>> sb.io.read_geniml("for_geniml").vectors.shape[1]
    8
    """
    from io import BytesIO

    import numpy as np
    import pandas as pd
    import torch

    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl._adata.scembed.store import RegionEmbedding, check_finite, model_folder, read_embedding
    from scbasset_tl.genome.regions import Regions
    from scbasset_tl.genome.universe import write_bed

    model = data if isinstance(data, RegionEmbedding) else read_embedding(resolve(data, mod), key)
    check_finite(model)
    trained = np.asarray(model.vectors.any(axis=1))
    whole = model.universe
    universe = Regions(whole.chrom[trained], whole.start[trained], whole.end[trained], whole.name[trained])
    table = pd.DataFrame({"chrom": universe.chrom.astype(str), "start": universe.start, "end": universe.end})
    repeated = table.duplicated().to_numpy()
    if twice := int(repeated.sum()):
        message = (
            f"{twice} of {len(table)} regions stand in the universe more than once, first {universe.name[repeated][0]!r}, "
            "and geniml numbers a region once: train on a universe without them, or write the model with io.write_scembed."
        )
        raise ValueError(message)
    vectors = np.zeros((len(table) + _N_SPECIAL, model.vectors.shape[1]), dtype=np.float32)
    vectors[: len(table)] = model.vectors[trained]
    config = {"embedding_dim": vectors.shape[1], "pooling_method": model.pooling, "vocab_size": len(vectors)}
    with model_folder(as_path("path", path), ("checkpoint.pt", "config.yaml", "universe.bed")) as folder:
        write_bed(folder / "universe.bed", universe)
        checkpoint = BytesIO()  # torch says of a full disk neither that it is full nor where
        torch.save({"projection.weight": torch.from_numpy(vectors)}, checkpoint)  # geniml's own format
        (folder / "checkpoint.pt").write_bytes(checkpoint.getbuffer())
        (folder / "config.yaml").write_text("".join(f"{name}: {value}\n" for name, value in config.items()))
