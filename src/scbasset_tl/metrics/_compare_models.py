"""Which strength of batch correction?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scbasset_tl._docs import doc_params
from scbasset_tl._random import as_generator, draw_seed
from scbasset_tl._validate import check_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from mudata import MuData


@doc_params
def compare_models(
    data: AnnData | MuData,
    keys: Sequence[str],
    *,
    batch_key: str,
    label_key: str,
    max_loss: float = 0.02,
    k: int = 50,
    k_mixing: int = 90,
    mod: str = "atac",
    rng: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Batch mixing against label score of several models, and which one to take :cite:p:`Yuan2022`.

    A larger ``l2_cell`` leaves more of the accessibility to the batches: mixing rises, and at some point cell types are
    lost. The right strength differs between data sets, so train several models and compare them::

        for l2 in (0, 1e-8, 1e-7, 1e-6):
            sb.tl.scbasset(adata, batch_key="batch", l2_cell=l2, key_added=f"l2_{{l2:g}}")

    Recommended is the model that mixes best (iLISI) among those whose label score is within ``max_loss`` of the best one.

    Parameters
    ----------
    {data}
    keys
        Models, by their ``key_added``; one that knows no batches may be among them. Other entries of ``.obsm``, as that of
        Harmony, are scored as they are.
    batch_key, label_key
        Columns of ``.obs`` with batches and with labels that should stay apart: cell types or, where none are known,
        clusters found within one batch. Cells without either are left out.
    max_loss
        Label score that may be given up for mixing.
    k, k_mixing
        Neighbours for the label score and for mixing; see :func:`scbasset_tl.metrics.label_score` and
        :func:`scbasset_tl.metrics.batch_mixing`.
    {mod}
    {rng}

    Returns
    -------
    A row for each key: ``l2_cell`` and ``l2_batch`` (NaN where the model knows no batches), ``label_score``, the scores of
    :func:`scbasset_tl.metrics.batch_mixing`, and ``recommended``, true for one of them. ``.attrs["max_loss"]`` is what was
    allowed.

    Raises
    ------
    KeyError
        If a key is neither a model nor in ``.obsm``, or a column is missing.
    ValueError
        If ``keys`` is empty or names one twice, or for what the two scores refuse.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200, n_batches=2)
    >>> for l2 in (0, 1e-4):
    ...     sb.tl.scbasset(adata, batch_key="batch", l2_cell=l2, key_added=f"l2_{{l2:g}}", trunk=8, max_epochs=1)
    >>> table = sb.metrics.compare_models(
    ...     adata, ["l2_0", "l2_0.0001"], batch_key="batch", label_key="cell_type", k=10, k_mixing=20
    ... )
    >>> table["l2_cell"].tolist(), int(table["recommended"].sum())
    ([0.0, 0.0001], 1)
    """
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scbasset_tl._adata.resolve import resolve
    from scbasset_tl.metrics._batch_mixing import batch_mixing, check_columns
    from scbasset_tl.metrics._label_score import label_score

    check_columns(batch_key=batch_key, label_key=label_key)
    adata, seed = resolve(data, mod), draw_seed(as_generator(rng))
    loss = check_number("max_loss", max_loss, low=0, high=1)
    places = {key: _place(adata, key) for key in _check_keys(keys)}
    keep = adata.obs[[name for name in (batch_key, label_key) if name in adata.obs]].notna().all(axis=1).to_numpy()
    vectors = {rep: np.asarray(adata.obsm[rep])[keep] for rep, _ in places.values() if rep in adata.obsm}
    labelled = AnnData(obs=adata.obs[keep], obsm=vectors)  # part of a file has no parts
    rows = []
    for use_rep, strengths in places.values():
        score = label_score(labelled, label_key=label_key, use_rep=use_rep, k=k, rng=seed)
        mixing = batch_mixing(labelled, batch_key=batch_key, label_key=label_key, use_rep=use_rep, k=k_mixing, rng=seed)
        rows.append({**strengths, "label_score": score, **mixing})
    table = pd.DataFrame(rows, index=pd.Index(list(places), name="key"))
    near = table["label_score"] >= table["label_score"].max() - loss
    table["recommended"] = table.index == table.loc[near, "ilisi"].idxmax()
    table.attrs["max_loss"] = loss
    return table


def _check_keys(keys: Sequence[str]) -> list[str]:
    names = list(keys) if isinstance(keys, list | tuple) else []
    if not names or len(set(names)) < len(names):
        message = f"keys must be a list of different models (their key_added), got {keys!r}."
        raise ValueError(message)
    return names


def _place(adata: AnnData, key: str) -> tuple[str, dict[str, float]]:
    """Entry of ``.obsm`` behind ``key``, and the strengths it was trained with."""
    from scbasset_tl._adata.model.store import read_network

    strengths = {"l2_cell": float("nan"), "l2_batch": float("nan")}
    if key not in adata.uns and key in adata.obsm:
        return key, strengths
    entry = read_network(adata, key).entry
    if entry.get("batch"):
        recipe = entry["params"].get("recipe", {})
        strengths |= {name: float(recipe[name]) for name in strengths if name in recipe}
    return str(entry["slots"]["obsm"]), strengths
