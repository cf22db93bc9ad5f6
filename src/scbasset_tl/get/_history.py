"""The course of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def history(data: AnnData | MuData, *, key: str = "scbasset", mod: str = "atac") -> pd.DataFrame:
    """Loss, auROC, auPR, learning rate and seconds of each epoch.

    Parameters
    ----------
    {data}
    {key}
    {mod}

    Returns
    -------
    :class:`pandas.DataFrame` with a row for each epoch (from 1): ``loss`` (mean binary cross-entropy), ``train_auroc``
    and ``val_auroc``, ``train_auprc`` and ``val_auprc`` (per cell, on a fixed sample of peaks and cells), ``lr`` and
    ``seconds``. Models of earlier versions have no auPR.

    Raises
    ------
    KeyError
        If there is no such model, or it was not trained here.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=2)
    >>> list(sb.get.history(adata).index)
    [1, 2]
    """
    import pandas as pd

    from scbasset_tl._adata.model.store import read_network
    from scbasset_tl._adata.resolve import resolve

    stored = read_network(resolve(data, mod), key).entry.get("history", {})
    columns = ("loss", "train_auroc", "val_auroc", "train_auprc", "val_auprc", "lr", "seconds")
    if not {"loss", "train_auroc", "val_auroc"} <= {*stored.get("epochs", {})}:
        message = (
            f"uns[{key!r}] has no history: its weights were read from a file, or joining data dropped what differed."
        )
        raise KeyError(message)
    table = pd.DataFrame({name: stored["epochs"][name] for name in columns if name in stored["epochs"]})
    table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
    return table
