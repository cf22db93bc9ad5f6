"""The trained model as a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import torch
    from anndata import AnnData
    from mudata import MuData


@doc_params
def model(
    data: AnnData | MuData, *, key: str = "scbasset", groupby: str | None = None, mod: str = "atac"
) -> torch.nn.Module:
    """The trained network as a torch module, for tangermeme, Captum and the like.

    It maps one-hot DNA (B, 4, L) to depth-normalised logits, one column for each cell or group, in evaluation mode on
    the CPU. Biases and batch vectors are left out, as in the paper. Each sequence is read once, as it is: outputs are the
    values of :func:`scbasset_tl.get.accessibility` with ``average="none"``.

    Parameters
    ----------
    {data}
    {key}
    groupby
        Column of ``.obs``: one output for each of its categories, from the mean of their cells' vectors.
    {mod}

    Returns
    -------
    :class:`torch.nn.Module`; outputs are in the order of ``obs_names`` or of the sorted categories.

    Raises
    ------
    KeyError
        If there is no such model or column.

    Examples
    --------
    >>> import torch
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> network = sb.get.model(adata, groupby="cell_type")
    >>> network(torch.zeros(2, 4, adata.varm["dna_code"].shape[1])).shape
    torch.Size([2, 5])
    """
    import torch

    from scbasset_tl._adata.model.store import read_model
    from scbasset_tl._adata.readout import output_vectors
    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.nn.scorer import Scorer

    adata = resolve(data, mod)
    model = read_model(adata, key)
    vectors = output_vectors(adata, model, groupby=groupby).to_numpy()
    return Scorer(model.trunk(), torch.from_numpy(vectors.copy())).eval()
