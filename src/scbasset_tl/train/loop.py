"""The training loop of scBasset, readable from top to bottom."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scbasset_tl._log import progress
from scbasset_tl._settings import settings
from scbasset_tl.nn.codes import augment, one_hot
from scbasset_tl.nn.embed import embed
from scbasset_tl.nn.loss import fused_linear_bce
from scbasset_tl.train.batches import PeakBatches, ahead, to_device
from scbasset_tl.train.checkpoint import Saver, check_same_run, say_threads
from scbasset_tl.train.distributed import Ranks
from scbasset_tl.train.draws import draw_cells, epoch_steps, step_sizes
from scbasset_tl.train.monitor import AucSample
from scbasset_tl.train.pace import Pace
from scbasset_tl.train.start import start_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning_fabric import Fabric

    from scbasset_tl.nn.head import Head
    from scbasset_tl.nn.loss import Positives
    from scbasset_tl.nn.trunk import Trunk, TrunkConfig
    from scbasset_tl.train.checkpoint import Checkpoint
    from scbasset_tl.train.draws import Step
    from scbasset_tl.train.problem import Problem
    from scbasset_tl.train.recipe import Recipe
    from scbasset_tl.train.state import RunState


@dataclass(frozen=True)
class Fit:
    """A trained model and how it came about."""

    trunk: Trunk
    head: Head
    history: dict[str, list[float]]
    best_epoch: int
    stopped: str  # "schedule", "patience" or "max_epochs"


@dataclass(frozen=True)
class _Run:
    """What stays the same from the first step to the last."""

    problem: Problem
    recipe: Recipe
    fabric: Fabric
    ranks: Ranks
    cells: slice  # this rank's
    n_drawn: int | None  # cells of this rank in each step; None: all
    peaks: PeakBatches
    train_auroc: AucSample
    val_auroc: AucSample | None
    checkpoint: Path | None


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
    cells_per_step: int | None = None,
    start: Trunk | None = None,
) -> Fit:
    """Train; the weights returned are those of the epoch with the best training auROC.

    Every rank that ``fabric`` launched calls this alike and gets the same.

    Parameters
    ----------
    problem, trunk_config, recipe
        Data, network and training recipe; ``recipe.batch_size`` is a rank's.
    fabric
        Decides device, precision and ranks.
    seed
        Seed of every random draw.
    checkpoint
        Where rank 0 writes the state after each epoch, or less often where that would take a twentieth of the time.
    saved
        The state to start from.
    run
        What identifies the run in the checkpoint besides the above.
    on_epoch
        Called with the state after each epoch, on each rank: the head has the rank's cells only. It must not change the
        state.
    cells_per_step
        Take so many random cells in each step, of all ranks together; ``None`` takes all.
    start
        Trunk weights to start from.
    """
    identity = {**(run or {}), "recipe": recipe.to_dict(), "trunk": trunk_config.to_dict(), "seed": seed}
    identity["cells_per_step"] = cells_per_step
    if saved is not None:
        check_same_run(saved.meta["identity"], identity)
        say_threads(saved.meta)
    this_run = _prepare(problem, recipe, fabric, cells_per_step, seed, checkpoint)
    some_cells = cells_per_step is not None
    state = start_state(
        problem,
        trunk_config,
        recipe,
        fabric.device,
        seed=seed,
        cells=this_run.cells,
        some_cells=some_cells,
        start=start,
    )
    if saved is not None:
        state.from_checkpoint(saved.tensors, saved.meta["state"], this_run.cells)

    saver = Saver(checkpoint, identity, this_run.ranks, problem.open_entries.n_cells)
    quiet = this_run.ranks.rank > 0 or settings.verbosity < 2
    n_steps = len(step_sizes(len(problem.train), recipe.batch_size, this_run.ranks.size))
    total, done = n_steps * recipe.max_epochs, n_steps * state.epoch
    bar = progress(total, description=f"scBasset, {recipe.max_epochs} epochs", unit="step", initial=done, disable=quiet)
    pace = Pace(bar, recipe.max_epochs - state.epoch, n_steps)
    with bar:
        while (stopped := _stopped(state, recipe)) is None:
            saver.save(state)  # also before the first epoch, so that a path that cannot be written fails at once
            started = time.perf_counter()
            loss = _epoch(state, this_run, pace)
            (auroc, auprc), (val_auroc, val_auprc) = (
                _mean_areas(this_run.train_auroc, this_run),
                _validate(state, this_run),
            )
            lr = state.optimizer.param_groups[0]["lr"]
            row = this_run.ranks.agree(
                [loss, auroc, val_auroc, auprc, val_auprc, lr, time.perf_counter() - started], fabric.device
            )
            for name, value in zip(state.history, row, strict=True):
                state.history[name].append(value)
            # if no cell of the sample has both open and closed peaks, the loss decides
            state.keep_best(row[1] if np.isfinite(row[1]) else -row[0], recipe.min_delta)
            if on_epoch is not None:
                on_epoch(state)
            bar.set_postfix(epoch=state.epoch, loss=f"{row[0]:.4f}", auROC=f"{row[1]:.3f}", val=f"{row[2]:.3f}")
    saver.save(state, always=True)
    state.restore_best()
    state.trunk.eval()
    _whole_head(state.head, this_run)
    return Fit(state.trunk, state.head, state.history, state.best_epoch, stopped)


def _prepare(
    problem: Problem, recipe: Recipe, fabric: Fabric, cells_per_step: int | None, seed: int, checkpoint: Path | None
) -> _Run:
    ranks, entries, device = Ranks.of(fabric), problem.open_entries, fabric.device
    parts = [ranks.part(entries.n_cells, rank) for rank in range(ranks.size)]
    n_taken = entries.n_cells if cells_per_step is None else cells_per_step
    taken = [n_taken * part.stop // entries.n_cells - n_taken * part.start // entries.n_cells for part in parts]
    if min(taken) < 1 or min(step_sizes(len(problem.train), recipe.batch_size, ranks.size), default=0) < 2:
        message = (
            f"{ranks.size} devices are too many for {n_taken} cells a step and {len(problem.train)} training peaks: each "
            "needs a cell and 2 peaks at least."
        )
        raise ValueError(message)
    cells, n_drawn = parts[ranks.rank], None if cells_per_step is None else taken[ranks.rank]
    peaks = PeakBatches(problem.codes, entries, problem.train, device, cells=cells, subset=n_drawn is not None)
    rng = np.random.default_rng(seed)
    train_auroc = AucSample(entries, problem.train, cells, rng, device)
    val_auroc = AucSample(entries, problem.val, cells, rng, device) if len(problem.val) > 1 else None
    return _Run(problem, recipe, fabric, ranks, cells, n_drawn, peaks, train_auroc, val_auroc, checkpoint)


def _stopped(state: RunState, recipe: Recipe) -> str | None:
    if state.epoch >= recipe.max_epochs:
        return "schedule" if recipe.schedule == "one_cycle" else "max_epochs"
    if state.epoch - state.reference_epoch >= recipe.patience and state.epoch:
        return "patience"
    return None


def _epoch(state: RunState, run: _Run, pace: Pace) -> float:
    """One pass over the training peaks; the mean loss without penalties."""
    state.trunk.train()
    device, config = run.fabric.device, state.trunk.config
    n_peaks, recipe, ranks = len(run.problem.train), run.recipe, run.ranks
    losses, sizes = [], []
    n_steps = len(step_sizes(n_peaks, recipe.batch_size, ranks.size))
    steps = epoch_steps(
        n_peaks, recipe, state.generator, ranks, device, n_latent=config.n_latent, dropout=config.dropout
    )
    first = state.epoch * n_steps
    with_positives = ahead(partial(_positives, run), steps, run.peaks.n_ahead, device)
    for number, (step, (cells, positives)) in enumerate(with_positives):
        lr = recipe.lr_at(first + number, n_steps * recipe.max_epochs)
        losses.append(_step(state, run, step, cells, positives, lr))  # kept on its device: reading it would synchronise
        sizes.append(len(step.rows))
        pace.step()
    own = float(torch.stack(losses).cpu().double() @ torch.tensor(sizes).double()) / sum(sizes)
    (mean,) = ranks.total([own], device)
    if not np.isfinite(mean):
        other = "" if run.checkpoint is None else ", and name another checkpoint: this one stays with that lr"
        message = f"the loss became {mean} in epoch {state.epoch + 1}: lower lr (now {recipe.lr}){other}."
        raise FloatingPointError(message)
    ranks.average_(buffer for buffer in state.trunk.buffers() if buffer.is_floating_point())
    return mean


def _positives(run: _Run, step: Step) -> tuple[torch.Tensor | None, Positives]:
    """The cells that a step draws, if it does not take all, and the open pairs of its peaks in them."""
    if run.n_drawn is None:
        return None, run.peaks.positives(step.rows)
    drawn = draw_cells(run.cells.stop - run.cells.start, run.n_drawn, step.seed)
    return to_device(drawn, run.fabric.device), run.peaks.positives(step.rows, drawn)


def _step(
    state: RunState, run: _Run, step: Step, cells: torch.Tensor | None, positives: Positives, lr: float
) -> torch.Tensor:
    """Move all weights once; this rank's part of the loss, that of its cells."""
    recipe, ranks, peaks, head = run.recipe, run.ranks, run.peaks, state.head
    n_cells = run.cells.stop - run.cells.start
    own: list[torch.Tensor] = [head.weight, head.bias]
    if cells is not None and state.cell_optimizer is not None:
        own = state.cell_optimizer.take(cells)
    weight, bias = head.with_batches(own[0], own[1], cells)

    codes = augment(peaks.codes[peaks.ids[step.own]], step.flip, step.by)
    with run.fabric.autocast():
        h = state.trunk(one_hot(codes), step.keep / (1 - state.trunk.config.dropout))
    h = ranks.gather(h.to(weight.dtype))
    # the mean over all cells is the mean over each rank's, weighted by how many they are
    share = n_cells / run.problem.open_entries.n_cells
    loss = fused_linear_bce(h, weight, bias, positives) * share
    run.train_auroc.update(step.rows, h.detach(), head)
    objective = loss
    if recipe.l2_cell:  # scaled up from the cells drawn to all cells
        objective = objective + recipe.l2_cell * n_cells / len(weight) * own[0].square().sum()
    if recipe.l2_batch:  # every rank has all batches
        objective = objective + recipe.l2_batch / ranks.size * head.batch_weight.square().sum()
    for optimizer in (state.optimizer, state.muon):
        if optimizer is not None:
            optimizer.zero_grad()
    objective.backward()
    ranks.sum_gradients([*state.trunk.parameters(), head.batch_weight, head.batch_bias])
    _optimizer_step(state, run, lr)
    if state.cell_optimizer is not None and cells is not None:
        state.cell_optimizer.step(cells, own, lr, state.optimizer.param_groups[1]["base_eps"])
    return loss.detach()


def _optimizer_step(state: RunState, run: _Run, lr: float) -> None:
    """Muon for the filters if the recipe has it. Keras' Adam for the rest: its eps is not bias-corrected, torch's is, hence the division."""
    recipe = run.recipe
    correction = (1 - recipe.betas[1] ** (state.step + 1)) ** 0.5
    for group in state.optimizer.param_groups:
        group["lr"], group["eps"] = lr, group["base_eps"] / correction
    state.optimizer.step()
    if state.muon is not None:
        with run.fabric.autocast():
            state.muon.step(lr * recipe.muon)
    state.step += 1


def _validate(state: RunState, run: _Run) -> tuple[float, float]:
    if run.val_auroc is None:
        return float("nan"), float("nan")
    val = run.problem.val
    run.val_auroc.update(torch.arange(len(val)), embed(state.trunk, run.problem.codes[val]), state.head)
    return _mean_areas(run.val_auroc, run)


def _mean_areas(sample: AucSample, run: _Run) -> tuple[float, float]:
    """Mean auROC and auPR per cell."""
    roc, pr, n_cells = run.ranks.total(sample.score(), run.fabric.device)
    return (roc / n_cells, pr / n_cells) if n_cells else (float("nan"), float("nan"))


def _whole_head(head: Head, run: _Run) -> None:
    """Give every rank the cells of all, in memory: a device may hold its part only."""
    if run.ranks.size > 1:
        n_cells, design = run.problem.open_entries.n_cells, run.problem.design
        weight, bias = (run.ranks.collect(part.detach(), n_cells, everywhere=True) for part in (head.weight, head.bias))
        columns = torch.empty(n_cells, 0, dtype=torch.int64) if design is None else torch.as_tensor(design)
        head.to("cpu").replace_cells(weight, bias, columns)
