"""The training loop of ATAC-Diff: code and mixture first, then everything together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import torch

from scbasset_tl.train.checkpoint import Checkpoint, RunFile, check_same_run, load_checkpoint, say_threads
from scbasset_tl.train.diffusion_loss import Cells, HeldOutCells, Terms, objective, reconstruction_loss
from scbasset_tl.train.diffusion_state import DiffusionState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from scbasset_tl.nn.denoiser import DiffusionConfig
    from scbasset_tl.nn.latent_diffusion import LatentDiffusion
    from scbasset_tl.train.diffusion_recipe import DiffusionProblem, DiffusionRecipe

_MAX_MIXTURE_CELLS = 10_000  # from which the mixture is started


class DiffusionFit(NamedTuple):
    """The kept average of the weights, on the CPU, and how it came about."""

    model: LatentDiffusion
    history: dict[str, np.ndarray]  # a value for each check; NaN for what was not learned yet
    n_steps: int
    stopped: str  # "max_steps" or "patience"
    train: np.ndarray  # int64 positions of the cells learned from


def fit(
    problem: DiffusionProblem,
    config: DiffusionConfig,
    recipe: DiffusionRecipe,
    *,
    device: torch.device | str = "cpu",
    seed: int,
    checkpoint: Path | None = None,
    resume: bool = False,
    on_step: Callable[[int, Mapping[str, list[float]]], object] | None = None,
) -> DiffusionFit:
    """Train, and return the average of the weights at the check with the lowest loss of held-out cells.

    That loss is the sum of their diffusion losses with and without codes; without held-out cells the last check counts.

    Parameters
    ----------
    problem, config, recipe
        Cells, networks and how they are trained.
    device
        Where; draws are the same everywhere.
    seed
        Seed of every random draw.
    checkpoint
        Where the state is written at each check.
    resume
        Go on from ``checkpoint``.
    on_step
        Called after each step with the number of steps done and the history so far.
    """
    problem.check(config)
    identity: dict[str, Any] = {"config": config.to_dict(), "recipe": recipe.to_dict(), "seed": seed}
    if checkpoint is not None:
        identity["data"] = problem.checksum()
    state = DiffusionState.start(config, recipe.lr, device, seed)
    cells = Cells.of(problem, device, state.generator)
    train, held_out = split_cells(len(problem.x), recipe.val_fraction, seed)
    _check_enough(len(train), config, recipe)
    rows = torch.as_tensor(train, device=device)
    state.model.standardise_by(cells.x[rows], cells.depth[rows])
    judge = HeldOutCells(cells, held_out, config.n_steps, seed) if len(held_out) else None
    file = RunFile(checkpoint)
    if resume:
        _load(state, checkpoint, identity)

    order, since = _Order(rows, recipe.batch_size, seed), _Means(device)
    while (stopped := _stopped(state, recipe)) is None:
        if state.step == 0:
            _save(state, file, identity)  # a path that cannot be written fails at once
        if state.step == recipe.n_warm:
            _start_mixture(state, cells, rows, recipe, seed)
            since.clear()
        since.add(_step(state, cells, order.at(state.step), recipe))
        if state.step % recipe.check_every == 0 or state.step == recipe.max_steps:
            _check(state, since.take(), judge, recipe)
            _save(state, file, identity)
        if on_step is not None:
            on_step(state.step, state.history)
    state.average.load_state_dict(state.best)
    # a resumed run has steps that a file gave back as floats
    history = {name: np.array(values, int if name == "step" else float) for name, values in state.history.items()}
    return DiffusionFit(state.average.cpu(), history, state.step, stopped, train)


def split_cells(n_cells: int, val_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the cells to learn from, ascending, and of those held out, in random order."""
    n_held_out = max(1, round(val_fraction * n_cells)) if val_fraction else 0
    order = np.random.default_rng(seed).permutation(n_cells)
    return np.sort(order[n_held_out:]), order[:n_held_out]


def _check_enough(n_train: int, config: DiffusionConfig, recipe: DiffusionRecipe) -> None:
    if n_train < max(2, config.n_components):
        message = (
            f"n_components={config.n_components} is too many for the {n_train} cells that are learned from: lower it, or "
            f"val_fraction (now {recipe.val_fraction})."
        )
        raise ValueError(message)


class _Order:
    """Minibatches of one epoch after the other, each in an order of its own; the last few cells of an epoch wait."""

    def __init__(self, rows: torch.Tensor, batch_size: int, seed: int) -> None:
        self._rows, self._size, self._seed = rows, min(batch_size, len(rows)), seed
        self._epoch, self._order = -1, rows

    def at(self, step: int) -> torch.Tensor:
        """Cells of a step."""
        epoch, number = divmod(step, len(self._rows) // self._size)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self._seed + epoch)
            self._epoch = epoch
            self._order = self._rows[torch.randperm(len(self._rows), generator=generator).to(self._rows.device)]
        return self._order[number * self._size : (number + 1) * self._size]


class _Means:
    """Means of the objective's parts since the last check, kept on their device: reading them would synchronise."""

    def __init__(self, device: torch.device | str) -> None:
        self._sum, self._n = torch.zeros(len(Terms._fields), device=device), 0

    def add(self, parts: torch.Tensor) -> None:
        self._sum += parts
        self._n += 1

    def take(self) -> list[float]:
        means = (self._sum / self._n).tolist()
        self.clear()
        return means

    def clear(self) -> None:
        self._sum.zero_()
        self._n = 0


def _stopped(state: DiffusionState, recipe: DiffusionRecipe) -> str | None:
    if state.step >= recipe.max_steps:
        return "max_steps"
    waited = len(state.history["step"]) - state.best_check
    return "patience" if state.best_check >= 0 and waited >= recipe.patience else None


def _step(state: DiffusionState, cells: Cells, rows: torch.Tensor, recipe: DiffusionRecipe) -> torch.Tensor:
    """Move all weights, or in the warm-up those of encoder and decoder, once; the parts of the objective."""
    if state.step < recipe.n_warm:
        total = reconstruction_loss(state.model, cells, rows, state.generator)[0]
        unknown = torch.full_like(total, torch.nan)
        terms = Terms(unknown, total, unknown, unknown)
    else:
        try:
            terms = objective(state.model, cells, rows, recipe, state.generator)
        except RuntimeError:  # torch draws from no distribution that is NaN
            if all(torch.isfinite(weight).all() for weight in state.model.parameters()):
                raise
            _diverged(state, recipe)
        total = terms.total(recipe)
    state.optimizer.zero_grad()
    total.backward()
    state.optimizer.param_groups[0]["lr"] = recipe.lr * (1 - state.step / recipe.max_steps)
    state.optimizer.step()
    if state.step >= recipe.n_warm:
        since_start = state.step - recipe.n_warm
        state.update_average(min(recipe.decay, (1 + since_start) / (10 + since_start)))  # young averages forget faster
    state.step += 1
    return torch.stack(terms).detach()


@torch.no_grad()
def _start_mixture(state: DiffusionState, cells: Cells, rows: torch.Tensor, recipe: DiffusionRecipe, seed: int) -> None:
    """Fit the prior to the codes of some cells; the average of the weights starts here."""
    some = rows[torch.randperm(len(rows), generator=state.generator)[:_MAX_MIXTURE_CELLS].to(rows.device)]
    codes, _ = state.model.encode(cells.x[some], cells.depth[some])
    if not torch.isfinite(codes).all():
        _diverged(state, recipe)
    state.model.mixture.start_from(codes.cpu().numpy(), seed)
    state.restart_average()


def _check(state: DiffusionState, means: list[float], judge: HeldOutCells | None, recipe: DiffusionRecipe) -> None:
    """A row of the history; keep the average of the weights if it is the best."""
    warm = state.step <= recipe.n_warm
    if not np.isfinite(means[1:2] if warm else means).all():
        _diverged(state, recipe)
    val = (np.nan, np.nan) if warm or judge is None else judge.losses(state.average)
    row = [state.step, *means, *val, state.optimizer.param_groups[0]["lr"]]
    for name, value in zip(state.history, row, strict=True):
        state.history[name].append(value)
    if not warm:  # without held-out cells the last weights are the best
        state.keep_best(-state.step if judge is None else sum(val))


def _diverged(state: DiffusionState, recipe: DiffusionRecipe) -> NoReturn:
    message = f"the loss is no longer finite at step {state.step}: lower lr (now {recipe.lr})."
    raise FloatingPointError(message)


def _save(state: DiffusionState, file: RunFile, identity: Mapping[str, Any]) -> None:
    if file.path is not None:
        tensors, numbers = state.to_checkpoint()
        file.save(Checkpoint(tensors, {"identity": identity, "state": numbers}))


def _load(state: DiffusionState, checkpoint: Path | None, identity: Mapping[str, Any]) -> None:
    if checkpoint is None:
        message = "resume=True needs checkpoint=, the file to go on from."
        raise ValueError(message)
    saved = load_checkpoint(checkpoint)
    check_same_run(saved.meta["identity"], identity)
    say_threads(saved.meta)
    state.from_checkpoint(saved.tensors, saved.meta["state"])
