"""The training loop of scBasset, readable from top to bottom."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scbasset_tl._log import progress
from scbasset_tl.nn.codes import augment, one_hot
from scbasset_tl.nn.embed import embed
from scbasset_tl.nn.head import Head
from scbasset_tl.nn.loss import fused_linear_bce
from scbasset_tl.nn.trunk import Trunk
from scbasset_tl.train.batches import PeakBatches, minibatches, n_minibatches
from scbasset_tl.train.checkpoint import Checkpoint, check_same_run, save_checkpoint
from scbasset_tl.train.monitor import AucSample
from scbasset_tl.train.state import RunState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning_fabric import Fabric

    from scbasset_tl.nn.trunk import TrunkConfig
    from scbasset_tl.stats.labels import Labels
    from scbasset_tl.train.recipe import Recipe


@dataclass(frozen=True)
class Problem:
    """What is learned: codes (P, L) and labels of the training and the validation peaks, and the cells' batches."""

    codes: np.ndarray
    labels: Labels
    val_codes: np.ndarray
    val_labels: Labels
    design: np.ndarray | None = None  # int64 (n_cells, n_columns): rows of the batch vectors
    n_batches: int = 0


@dataclass(frozen=True)
class Fit:
    """A trained model and how it came about."""

    trunk: Trunk
    head: Head
    history: dict[str, list[float]]
    best_epoch: int
    stopped: str  # "schedule", "patience" or "max_epochs"


def fit(
    problem: Problem,
    trunk_config: TrunkConfig,
    recipe: Recipe,
    fabric: Fabric,
    *,
    seed: int,
    checkpoint: Path | None = None,
    saved: Checkpoint | None = None,
    run: dict[str, Any] | None = None,
    on_epoch: Callable[[RunState], None] | None = None,
) -> Fit:
    """Train; the weights returned are those of the epoch with the best training auROC.

    Parameters
    ----------
    problem, trunk_config, recipe
        Data, network and training recipe.
    fabric
        Decides device and precision.
    seed
        Of every random draw.
    checkpoint
        Where the state is written after each epoch.
    saved
        The state to start from.
    run
        What identifies the run in the checkpoint besides the above.
    on_epoch
        Called with the state after each epoch; must leave it as it is.
    """
    identity = {**(run or {}), "recipe": recipe.to_dict(), "trunk": trunk_config.to_dict(), "seed": seed}
    if saved is not None:
        check_same_run(saved.meta["identity"], identity)
    state = _start(problem, trunk_config, recipe, fabric.device, seed)
    if saved is not None:
        state.from_checkpoint(saved.tensors, saved.meta["state"])
    peaks = PeakBatches(problem.codes, problem.labels, fabric.device)
    sample_rng = np.random.default_rng(seed)
    train_auroc = AucSample(problem.labels, sample_rng, fabric.device)
    val_auroc = AucSample(problem.val_labels, sample_rng, fabric.device) if problem.val_labels.n_peaks > 1 else None

    n_steps = recipe.max_epochs * n_minibatches(len(problem.codes), recipe.batch_size)
    forward = fabric.setup_module(state.trunk)
    with progress(recipe.max_epochs, description="scBasset", unit="epoch", initial=state.epoch) as bar:
        while (stopped := _stopped(state, recipe)) is None:
            if checkpoint is not None:  # before the first epoch too: a path that cannot be written fails at once
                _save(checkpoint, state, identity)
            started = time.perf_counter()
            loss = _epoch(state, forward, peaks, recipe, fabric, train_auroc, n_steps)
            scores = train_auroc.score(), _validate(state, problem, val_auroc, fabric.device)
            lr = recipe.lr_at(state.step - 1, n_steps)
            for name, value in zip(state.history, (loss, *scores, lr, time.perf_counter() - started), strict=True):
                state.history[name].append(value)
            state.keep_best(scores[0], recipe.min_delta)
            if on_epoch is not None:
                on_epoch(state)
            bar.set_postfix(loss=f"{loss:.4f}", auROC=f"{scores[0]:.3f}", val=f"{scores[1]:.3f}")
            bar.update()
    if checkpoint is not None:
        _save(checkpoint, state, identity)
    state.restore_best()
    state.trunk.eval()
    return Fit(state.trunk, state.head, state.history, state.best_epoch, stopped)


def _start(problem: Problem, config: TrunkConfig, recipe: Recipe, device: torch.device, seed: int) -> RunState:
    generator = torch.Generator().manual_seed(seed)
    trunk = Trunk(config, generator)
    labels = problem.labels
    design = None if problem.design is None else torch.as_tensor(problem.design)
    head = Head(labels.n_cells, config.n_latent, n_batches=problem.n_batches, design=design, generator=generator)
    if recipe.data_bias:
        with torch.no_grad():
            head.bias.copy_(torch.from_numpy(_density_logit(labels)))
    trunk.to(device)
    head.to(device)
    groups = [
        {"params": list(trunk.parameters()), "base_eps": recipe.eps},
        {"params": list(head.parameters()), "base_eps": recipe.eps if recipe.head_eps is None else recipe.head_eps},
    ]
    optimizer = torch.optim.Adam(groups, lr=recipe.lr, betas=recipe.betas, fused=True)
    return RunState(trunk, head, optimizer, generator)


def _density_logit(labels: Labels) -> np.ndarray:
    """Each cell's share of open peaks on the logit scale; half a peak added so that empty and full cells stay finite."""
    open_peaks = labels.cell_counts()
    return np.log((open_peaks + 0.5) / (labels.n_peaks - open_peaks + 0.5)).astype(np.float32)


def _stopped(state: RunState, recipe: Recipe) -> str | None:
    if state.epoch >= recipe.max_epochs:
        return "schedule" if recipe.schedule == "one_cycle" else "max_epochs"
    if state.epoch - state.reference_epoch >= recipe.patience and state.epoch:
        return "patience"
    return None


def _epoch(
    state: RunState,
    forward: torch.nn.Module,
    peaks: PeakBatches,
    recipe: Recipe,
    fabric: Fabric,
    auroc: AucSample,
    n_steps: int,
) -> float:
    """One pass over the training peaks; the mean loss without penalties."""
    state.trunk.train()
    total = torch.zeros((), dtype=torch.float64)
    n_peaks = len(peaks.codes)
    for batch in minibatches(n_peaks, recipe.batch_size, state.generator):
        ids = batch.to(fabric.device)
        codes = augment(peaks.codes[ids], state.generator, per_sequence=recipe.per_sequence)
        h = forward(one_hot(codes)).float()
        weight, bias = state.head()
        loss = fused_linear_bce(h, weight, bias, peaks.positives(ids))
        auroc.update(ids, h.detach(), weight.detach(), bias.detach())
        objective = loss
        if recipe.l2_cell or recipe.l2_batch:
            objective = loss + state.head.penalty(recipe.l2_cell, recipe.l2_batch)
        state.optimizer.zero_grad()
        fabric.backward(objective)
        _adam_step(state, recipe, n_steps)
        total += loss.detach().cpu().double() * len(ids)
    if not torch.isfinite(total):
        message = f"the loss became {float(total)} in epoch {state.epoch + 1}: lower lr (now {recipe.lr})."
        raise FloatingPointError(message)
    return float(total) / n_peaks


def _adam_step(state: RunState, recipe: Recipe, n_steps: int) -> None:
    """Keras' Adam: its eps is not bias-corrected, torch's is, hence the division."""
    correction = (1 - recipe.betas[1] ** (state.step + 1)) ** 0.5
    for group in state.optimizer.param_groups:
        group["lr"], group["eps"] = recipe.lr_at(state.step, n_steps), group["base_eps"] / correction
    state.optimizer.step()
    state.step += 1


def _validate(state: RunState, problem: Problem, auroc: AucSample | None, device: torch.device) -> float:
    if auroc is None:
        return float("nan")
    with torch.no_grad():
        weight, bias = state.head()
        auroc.update(
            torch.arange(len(problem.val_codes), device=device), embed(state.trunk, problem.val_codes), weight, bias
        )
    return auroc.score()


def _save(path: Path, state: RunState, identity: dict[str, Any]) -> None:
    tensors, numbers = state.to_checkpoint()
    save_checkpoint(path, Checkpoint(tensors, {"identity": identity, "state": numbers}))
