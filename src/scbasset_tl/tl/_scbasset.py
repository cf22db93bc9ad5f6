"""Train scBasset."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scbasset_tl._docs import doc_params
from scbasset_tl._random import recorded_seed, settled_seed
from scbasset_tl._settings import settings
from scbasset_tl._validate import check_one_of, check_positive_int
from scbasset_tl.tl._arguments import cells_a_step, recipe_changes, training_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    import torch
    from anndata import AnnData
    from mudata import MuData

    from scbasset_tl._adata.model.problem import TrainingData
    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.train.checkpoint import Checkpoint
    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.loop import Fit

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
    warm_start: AnnData | MuData | str | Path | None = None,
    cells_per_step: int | None = None,
    average: Literal["none", "strands", "strands_shifts"] | None = None,
    index_file: str | Path | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
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
        ``"fast"``: cell vectors start at an SVD of the training peaks and biases at each cell's density; Muon
        :cite:p:`Jordan2024` trains the filters; the learning rate rises and falls once; each cell's vector is solved
        exactly at the end. Few peaks get small minibatches, since they need many steps.
        ``"paper"``: the original's constant rate, zero biases and one augmentation per minibatch, up to 1,000 epochs.
    max_epochs
        Passes over the training peaks; ``None``: 1,000 for ``"paper"``; for ``"fast"`` as many as make 45,000
        sequences, at least 6 and at most 60, or more where fewer than 400 optimizer steps would come of it.
    batch_size
        Peaks a minibatch of each device; ``None``: 128 for ``"paper"``; for ``"fast"`` a power of two from 32 to 128
        that makes about 700 minibatches of the training peaks. A last minibatch of one peak joins the one before it.
    lr
        Learning rate of Adam, at the peak of the cycle for ``"fast"``, where that of Muon is 2.5 times as high;
        ``None`` is 0.02 for ``"fast"`` and 0.01 for ``"paper"``.
    l2_cell, l2_batch
        Weights of the sums of squares of the cells' and the batches' vectors (the original's units; its
        batch-corrected models used 1e-8 to 1e-6 for the cells).
    patience
        Stop after so many epochs in which the training auROC did not rise by 1e-6. The best epoch's weights are kept.
        If no cell has both open and closed training peaks, the loss replaces the auROC.
    trunk
        ``None`` is the paper's network of 4.5 million parameters; an int is the number of stem filters of a
        smaller or larger one (288 in the paper); or a :class:`scbasset_tl.nn.trunk.TrunkConfig`.
    warm_start
        Start from the trunk of another model: an AnnData or MuData with ``uns['scbasset']``, or a file of
        :func:`scbasset_tl.io.write_trunk`. Its shape is taken if ``trunk`` is ``None``. Cells start anew.
    cells_per_step
        Cells drawn at random for each step, for data far beyond a million cells; ``None`` takes all of them.
    average
        How the trained network reads each peak for its stored vector: ``"none"`` as it is; ``"strands"`` the mean over
        both strands; ``"strands_shifts"`` over both strands, each moved by -3 to 3 bases as in training, 14 readings.
        ``None``: ``"strands"`` for ``"fast"``, ``"none"`` for ``"paper"``, as the original.
        :func:`scbasset_tl.get.accessibility` and :func:`scbasset_tl.tl.map_cells` read other DNA alike.
    index_file
        Read which cells are open at which peak from this file instead of from memory: it is built from the matrix
        if there is none, and refused if it belongs to another matrix. It takes 4 bytes an open entry.
    checkpoint
        File that holds the state of training after every epoch, or less often where writing it would take more than a
        twentieth of the time.
    resume
        Go on from ``checkpoint``; the result is that of an uninterrupted run: on CPUs bit for bit, on GPUs up to
        rounding, on another number of devices close to it. ``"paper"`` may be given more ``max_epochs`` than before.
    accelerator
        ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"cuda"``.
    devices, num_nodes
        Devices on each node, and nodes. More than one in all need a process each, started by ``torchrun`` or ``srun``:
        see :doc:`/scale`. Each gets the same slots.
    precision
        ``"32-true"`` or ``"bf16-mixed"``; ``None`` is the latter on CUDA, and on a CPU with AMX or AVX-512 instructions for
        bf16 (``amx_bf16`` or ``avx512_bf16`` among its flags in ``/proc/cpuinfo``), the former elsewhere. Resumed training
        keeps its own.
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
    `adata.obs['scbasset_se' | f'{{key_added}}_se']` : :class:`pandas.Series` (dtype `float32`)
        Standard error of a cell's vector, the mean over its numbers; with ``recipe="fast"``.
    `adata.varm['scbasset' | key_added]` : :class:`numpy.ndarray` (dtype `float32`)
        Peak vectors (n_vars, n_latent).
    `adata.uns['scbasset' | key_added]` : :class:`dict`
        The trunk's weights, the call, the history and the names of the other slots. ``['history']['auroc']`` has the mean
        auROC and auPR over held-out peaks; beyond 200 million peaks × cells that of a sample, of ``n_cells`` cells.
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
        If ``checkpoint`` or ``index_file`` cannot be written.
    RuntimeError
        If another process of the same training was lost.

    Examples
    --------
    >>> import scbasset_tl as sb
    >>> adata = sb.datasets.toy(n_obs=60, n_vars=200)
    >>> sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    >>> adata.obsm["X_scbasset"].shape
    (60, 32)
    """
    from scbasset_tl._adata.codes import sequence_codes
    from scbasset_tl._adata.kinds import MODEL
    from scbasset_tl._adata.model.network import trunk_config, trunk_digest, warm_trunk
    from scbasset_tl._adata.model.peak_vectors import read_vectors
    from scbasset_tl._adata.model.problem import training_data
    from scbasset_tl._adata.resolve import target, writable
    from scbasset_tl._adata.results import claim
    from scbasset_tl.train.checkpoint import load_checkpoint
    from scbasset_tl.train.device import make_fabric, settled_precision
    from scbasset_tl.train.distributed import Ranks
    from scbasset_tl.train.exact import exact_cells
    from scbasset_tl.train.held_out import score_held_out
    from scbasset_tl.train.loop import fit
    from scbasset_tl.train.recipe import RECIPE_NAMES, make_recipe, peak_average

    source = writable(data, mod, copy=copy)
    check_one_of("recipe", recipe, RECIPE_NAMES)
    average = peak_average(recipe, average)
    claim(source, MODEL, key_added)
    changes = recipe_changes(max_epochs, batch_size, lr, l2_cell, l2_batch, patience)
    cells_per_step = cells_a_step(cells_per_step, source.n_obs)
    path, index_path = training_files(checkpoint, index_file, resume=resume)
    start = warm_trunk(warm_start, mod)
    codes = sequence_codes(source)
    check_positive_int("n_latent", n_latent)
    config = trunk_config(trunk, start, seq_len=codes.shape[1], n_latent=n_latent)
    saved = load_checkpoint(path) if path is not None and resume else None
    if precision is None and saved is not None:  # independent of what this machine would choose
        precision = saved.meta["identity"].get("precision")
    fabric = make_fabric(accelerator, precision, devices=devices, num_nodes=num_nodes)
    precision = settled_precision(accelerator, precision)
    ranks = Ranks.of(fabric)
    origin = None if start is None else trunk_digest(start)
    with settings.override(verbosity=min(settings.verbosity, 1)) if ranks.rank else nullcontext():
        seed = _seed(rng, saved, ranks, fabric.device)
        with ranks.first() if index_path is not None else nullcontext():  # it writes the index file
            once = fabric.local_rank == 0  # on each node
            training = training_data(
                source, codes, layer=layer, batch_key=batch_key, seed=seed, index_file=index_path, verify=once
            )
        plan = make_recipe(recipe, len(training.peaks("train")), **changes)
        run = {"precision": precision, "warm_start": origin}
        result = fit(
            training.problem(),
            config,
            plan,
            fabric,
            seed=seed,
            checkpoint=path,
            saved=saved,
            run=run if path is None else {"data": training.fingerprint(), **run},
            cells_per_step=cells_per_step,
            start=start,
        )
        vectors, errors = read_vectors(result.trunk, codes, average), None
        if plan.exact_cells:
            train = training.peaks("train")
            errors = exact_cells(result, vectors, training.open_entries, train, ranks, l2_cell=plan.l2_cell)
        auroc = score_held_out(result, vectors, training.open_entries, training.peaks, ranks, seed=seed)

    container, adata = target(data, mod, copy=copy)
    call = {"name": recipe, "layer": layer, "n_latent": n_latent, "seed": seed, "precision": precision}
    call |= {
        "average": average,
        "warm_start": origin,
        "cells_per_step": cells_per_step,
        "devices": devices,
        "num_nodes": num_nodes,
    }
    call["index_file"] = None if index_path is None else str(index_path)
    # the model needs its batches: columns of a MuData's own obs are kept beside it
    batch_of = {name: source.obs[name] for name in training.batch_columns if name not in adata.obs}
    _write(adata, key_added, training, result, vectors, errors, auroc, {**call, "recipe": plan.to_dict()}, batch_of)
    return container if copy else None


def _write(
    adata: AnnData,
    key_added: str | None,
    training: TrainingData,
    result: Fit,
    vectors: np.ndarray,
    errors: np.ndarray | None,
    auroc: dict[str, dict[str, float]],
    params: dict[str, Any],
    batch_of: dict[str, pd.Series],
) -> None:
    import numpy as np
    import pandas as pd

    from scbasset_tl._adata.kinds import MODEL
    from scbasset_tl._adata.model.batches import Batches
    from scbasset_tl._adata.model.store import write_model
    from scbasset_tl._adata.results import names
    from scbasset_tl._keys import SPLIT, SPLIT_LEVELS

    head = {name: value.detach().cpu().numpy() for name, value in result.head.named_parameters()}
    epochs = {name: np.array(values, dtype=np.float64) for name, values in result.history.items()}
    history = {"epochs": epochs, "best_epoch": result.best_epoch, "stopped": result.stopped, "auroc": auroc}
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
        peak_embedding=vectors,
        params={**params, "trunk": result.trunk.config.to_dict()},
        history=history,
        batches=batches,
        obs=batch_of if errors is None else {**batch_of, names(MODEL, key_added)["se"]: errors},
        var=split,
    )


def _seed(rng: int | np.random.Generator | None, saved: Checkpoint | None, ranks: Ranks, device: torch.device) -> int:
    """``rng`` itself if it is a seed, else that of the state to go on from, else drawn, on one rank for all."""
    resumed = None if recorded_seed(rng) is not None else saved
    seed = settled_seed(rng) if resumed is None else resumed.meta["identity"]["seed"]
    return int(ranks.agree([seed], device)[0])
