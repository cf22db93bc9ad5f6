"""Train scBasset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._files import as_path, check_target
from scbasset_tl._keys import DNA_CODE, SCBASSET, other_results
from scbasset_tl._random import as_generator, draw_seed, recorded_seed
from scbasset_tl._validate import check_key_added, check_number, check_one_of, check_positive_int

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from anndata import AnnData

    from scbasset_tl._adata.problem import TrainingData
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.train.checkpoint import Checkpoint
    from scbasset_tl.train.loop import Fit
    from scbasset_tl.train.recipe import Recipe

D = TypeVar("D")


@doc_params
def scbasset(
    data: D,
    *,
    layer: str | None = None,
    batch_key: str | Sequence[str] | None = None,
    n_latent: int = 32,
    recipe: Literal["fast", "paper"] = "fast",
    max_epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    l2_cell: float = 0.0,
    l2_batch: float = 0.0,
    patience: int = 50,
    trunk: int | TrunkConfig | Mapping[str, Any] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    accelerator: str = "auto",
    precision: str | None = None,
    rng: int | np.random.Generator | None = 0,
    mod: str = "atac",
    key_added: str | None = None,
    copy: bool = False,
) -> D | None:
    """Learn cell embeddings by predicting accessibility from DNA :cite:p:`Yuan2022`.

    A convolutional trunk turns the sequence of each peak into a vector; the logit that the peak is open in a cell is
    the product with the cell's vector, plus the cell's bias. The cells' vectors are the embedding. Needs
    :func:`scbasset_tl.pp.add_sequences`; uses ``var['split']`` of :func:`scbasset_tl.pp.split_peaks`, or makes a
    90/5/5 split. Nothing is written unless training ends well: after Ctrl-C the data are as before.

    Parameters
    ----------
    {data}
    {layer}
    batch_key
        One or several ``.obs`` columns whose effect is modelled beside the cells' (scBasset-BC), so that the
        embedding is free of it.
    n_latent
        Length of cell and peak vectors.
    recipe
        ``"fast"``: one-cycle learning rate, biases started at each cell's density, augmentation drawn per sequence.
        ``"paper"``: the original's constant rate, zero biases and one augmentation per minibatch, up to 1,000 epochs.
    max_epochs
        Passes over the training peaks; ``None``: 1,000 for ``"paper"``; for ``"fast"`` as many as make 120,000
        sequences, at least 12 and at most 60.
    batch_size
        Peaks a minibatch; ``None`` is 128. A last minibatch of one peak joins the one before it.
    lr
        Learning rate, the peak of the cycle for ``"fast"``; ``None`` is 0.01.
    l2_cell, l2_batch
        Weights of the sums of squares of the cells' and the batches' vectors (the original's units; its
        batch-corrected models used 1e-8 to 1e-6 for the cells).
    patience
        Stop after so many epochs in which the training auROC did not rise by 1e-6. The best epoch's weights are kept.
    trunk
        ``None`` is the paper's network of 4.5 million parameters; an int is the number of stem filters of a
        smaller or larger one (288 in the paper); or a :class:`scbasset_tl.nn.trunk.TrunkConfig`.
    checkpoint
        File that holds the state of training after every epoch.
    resume
        Go on from ``checkpoint``; the result is that of an uninterrupted run.
    accelerator
        ``"auto"``, ``"cpu"``, ``"gpu"``, ``"cuda"`` or ``"mps"``.
    precision
        ``"32-true"`` or ``"bf16-mixed"``; ``None`` is the latter on CUDA and the former elsewhere.
    {rng}
    {mod}
    key_added
        Name for all slots instead of those below (``obs`` gets ``f'{{key_added}}_bias'``).
    {copy}

    Returns
    -------
    ``None``, or the changed copy. Writes

    `adata.obsm['X_scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Cell vectors (n_obs, n_latent).
    `adata.obs['scbasset_bias' | f'{{key_added}}_bias']` : :class:`pandas.Series` (dtype `float32`)
        Cell biases: depth on the logit scale.
    `adata.varm['scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Peak vectors (n_vars, n_latent).
    `adata.uns['scbasset' | key_added]` : :class:`dict`
        The trunk's weights, the call, the history and the names of the other slots.
    `adata.var['split']` : :class:`pandas.Series` (dtype `category`)
        Only if there was none.

    Raises
    ------
    KeyError
        If the sequences, the layer or a batch column is missing.
    ValueError
        If an argument or a slot holds what cannot be used; the message names it and the call that mends it.
    FileExistsError
        If ``checkpoint`` exists and ``resume`` is false.
    OSError
        If ``checkpoint`` cannot be written.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> adata.obsm["X_scbasset"].shape
    (60, 32)
    """
    from scbasset_tl._adata.problem import sequence_codes, training_data
    from scbasset_tl._adata.resolve import resolve, target
    from scbasset_tl.train.checkpoint import load_checkpoint
    from scbasset_tl.train.device import make_fabric
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.recipe import RECIPE_NAMES, make_recipe

    source = resolve(data, mod)
    check_one_of("recipe", recipe, RECIPE_NAMES)
    check_key_added(key_added, reserved=[DNA_CODE, *other_results(SCBASSET)])
    changes = _check_recipe_changes(max_epochs, batch_size, lr, l2_cell, l2_batch, patience)
    fabric = make_fabric(accelerator, precision)
    path = _check_checkpoint(checkpoint, resume=resume)
    saved = load_checkpoint(path) if path is not None and resume else None
    seed = _seed(rng, saved)
    codes = sequence_codes(source)
    config = _trunk_config(trunk, codes.shape[1], check_positive_int("n_latent", n_latent))
    training = training_data(source, codes, layer=layer, batch_key=batch_key, seed=seed)
    plan = make_recipe(recipe, len(training.peaks("train")), **changes)

    run = {"data": training.fingerprint(), "precision": precision} if path is not None else None
    result = fit(training.problem(), config, plan, fabric, seed=seed, checkpoint=path, saved=saved, run=run)

    container, adata = target(data, mod, copy=copy)
    call = {"name": recipe, "layer": layer, "n_latent": n_latent, "seed": seed, "precision": precision}
    _write(adata, key_added, training, result, plan, call)
    return container if copy else None


def _write(
    adata: AnnData, key_added: str | None, training: TrainingData, result: Fit, plan: Recipe, call: dict[str, Any]
) -> None:
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.model import Batches, write_model
    from scbasset_tl._keys import SPLIT, SPLIT_LEVELS
    from scbasset_tl.nn.embed import embed
    from scbasset_tl.stats.auc import held_out_auc

    head = {name: value.detach().cpu().numpy() for name, value in result.head.named_parameters()}
    weight, bias = (part.detach().cpu().numpy() for part in result.head())
    peak_embedding = embed(result.trunk, training.codes).cpu().numpy()
    auroc = {}
    for level in ("val", "test"):
        peaks = training.peaks(level)
        if len(peaks):
            scores = held_out_auc(peak_embedding[peaks], weight, bias, training.labels.rows(peaks))
            auroc[level] = dict(zip(("per_cell", "per_peak"), map(_mean_of_known, scores), strict=True))
    epochs = {name: np.array(values, dtype=np.float64) for name, values in result.history.items()}
    batches = None
    if training.batch_columns:
        batches = Batches(training.batch_columns, training.batch_categories, head["batch_weight"], head["batch_bias"])
    split = {} if SPLIT in adata.var else {SPLIT: pd.Categorical(training.split, categories=list(SPLIT_LEVELS))}
    write_model(
        adata,
        key_added,
        trunk=result.trunk,
        cell_embedding=head["weight"],
        cell_bias=head["bias"],
        peak_embedding=peak_embedding,
        params={**call, "recipe": plan.to_dict(), "trunk": result.trunk.config.to_dict()},
        history={"epochs": epochs, "best_epoch": result.best_epoch, "stopped": result.stopped, "auroc": auroc},
        batches=batches,
        var=split,
    )


def _mean_of_known(scores: np.ndarray) -> float:
    """Mean without NaN; NaN where there is nothing else, as in a part of one class."""
    known = scores[scores == scores]
    return float(known.mean()) if len(known) else float("nan")


def _check_recipe_changes(
    max_epochs: int | None, batch_size: int | None, lr: float | None, l2_cell: float, l2_batch: float, patience: int
) -> dict[str, Any]:
    return {
        "max_epochs": None if max_epochs is None else check_positive_int("max_epochs", max_epochs),
        "batch_size": None if batch_size is None else check_positive_int("batch_size", batch_size, minimum=2),
        "lr": None if lr is None else check_number("lr", lr, low=0, open_low=True),
        "l2_cell": check_number("l2_cell", l2_cell, low=0),
        "l2_batch": check_number("l2_batch", l2_batch, low=0),
        "patience": check_positive_int("patience", patience),
    }


def _check_checkpoint(checkpoint: str | Path | None, *, resume: bool) -> Path | None:
    if checkpoint is None:
        if resume:
            message = "resume=True needs checkpoint= with the file to go on from."
            raise ValueError(message)
        return None
    path = as_path("checkpoint", checkpoint)
    check_target("checkpoint", path)
    if path.exists() and not resume:
        message = f"checkpoint={str(path)!r} exists: pass resume=True to go on from it, or delete it to start again."
        raise FileExistsError(message)
    return path


def _seed(rng: int | np.random.Generator | None, saved: Checkpoint | None) -> int:
    """The seed of the run: ``rng`` itself if it is one, else the checkpoint's, else drawn."""
    seed = recorded_seed(rng)
    if seed is not None:
        return seed
    return draw_seed(as_generator(rng)) if saved is None else saved.meta["identity"]["seed"]


def _trunk_config(trunk: int | TrunkConfig | Mapping[str, Any] | None, seq_len: int, n_latent: int) -> TrunkConfig:
    from dataclasses import replace

    from scbasset_tl.nn.trunk import TrunkConfig

    if trunk is None:
        return TrunkConfig(seq_len=seq_len, n_latent=n_latent)
    if isinstance(trunk, TrunkConfig):
        return replace(trunk, seq_len=seq_len, n_latent=n_latent)
    if isinstance(trunk, Mapping):
        if unknown := sorted(set(trunk) - set(TrunkConfig.__dataclass_fields__)):
            message = f"trunk has {unknown}; a trunk is described by {list(TrunkConfig.__dataclass_fields__)}."
            raise ValueError(message)
        return TrunkConfig.from_dict({**trunk, "seq_len": seq_len, "n_latent": n_latent})
    return TrunkConfig.of_width(check_positive_int("trunk", trunk), seq_len=seq_len, n_latent=n_latent)
