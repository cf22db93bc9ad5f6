"""How a model is trained: the original's recipe, and one that needs far fewer epochs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import ceil, cos, log2, pi
from typing import TYPE_CHECKING, Any, Literal

from scbasset_tl._validate import check_one_of
from scbasset_tl.stats.verdict import MIN_STEPS

if TYPE_CHECKING:
    from scbasset_tl.nn.embed import Average

# sequences that recipe="fast" processes by default, within the bounds on epochs
_FAST_SEQUENCES, _FAST_EPOCHS = 45_000, (6, 60)
# few peaks need many steps: minibatches an epoch that recipe="fast" makes by default, within the bounds on their size
_FAST_STEPS, _FAST_BATCH = 700, (32, 128)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides the data, the network's shape and the seed.

    Attributes
    ----------
    max_epochs, batch_size, lr, patience
        As everywhere; ``lr`` is the peak of the schedule.
    schedule
        ``constant``, or ``one_cycle``: linear warm-up, then a cosine down to nothing.
    warmup
        Share of the steps spent warming up.
    data_bias
        Start each cell's bias at the logit of its density instead of zero.
    per_sequence
        Draw the augmentation for each sequence instead of once a minibatch.
    head_eps
        Adam's eps for cell vectors and biases; ``None`` is the trunk's. The mean over n cells shrinks their gradient
        like 1 / n until 1e-7 drowns it.
    l2_cell, l2_batch
        Weights of the sums of squares of cell and batch vectors.
    muon
        Step of the convolution and dense filters under Muon, in units of ``lr``; 0 trains them with Adam.
    svd_start
        Start the cell vectors from a singular value decomposition of the training peaks instead of a random draw.
    exact_cells
        Solve for all cell vectors exactly after the last epoch, with the trunk fixed.
    """

    max_epochs: int
    schedule: Literal["constant", "one_cycle"]
    data_bias: bool
    per_sequence: bool
    head_eps: float | None
    batch_size: int = 128
    lr: float = 0.01
    warmup: float = 0.2
    betas: tuple[float, float] = (0.95, 0.9995)
    eps: float = 1e-7
    patience: int = 50
    min_delta: float = 1e-6
    l2_cell: float = 0.0
    l2_batch: float = 0.0
    muon: float = 0.0
    svd_start: bool = False
    exact_cells: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For ``uns[key]['params']`` and the checkpoint."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def lr_at(self, step: int, n_steps: int) -> float:
        """Learning rate of optimizer step ``step`` of ``n_steps``."""
        if self.schedule == "constant":
            return self.lr
        n_warm = max(1, round(self.warmup * n_steps))
        if step < n_warm:
            return self.lr * (step + 1) / n_warm
        return self.lr * 0.5 * (1 + cos(pi * (step - n_warm) / max(1, n_steps - n_warm)))


_RECIPES = {
    "paper": Recipe(max_epochs=1000, schedule="constant", data_bias=False, per_sequence=False, head_eps=None),
    # 0: decided by the number of peaks
    "fast": Recipe(
        0,
        "one_cycle",
        data_bias=True,
        per_sequence=True,
        head_eps=1e-12,
        batch_size=0,
        lr=0.02,
        muon=2.5,
        svd_start=True,
        exact_cells=True,
    ),
}
RECIPE_NAMES = tuple(_RECIPES)


def make_recipe(name: str, n_train: int, **changes: Any) -> Recipe:
    """Recipe ``name`` for ``n_train`` peaks; ``changes`` that are ``None`` keep its own values."""
    recipe = replace(_RECIPES[name], **{key: value for key, value in changes.items() if value is not None})
    # a power of two, as suits every device
    batch_size = recipe.batch_size or _between(*_FAST_BATCH, 2 ** round(log2(n_train / _FAST_STEPS)))
    epochs = recipe.max_epochs or _between(*_FAST_EPOCHS, ceil(_FAST_SEQUENCES / n_train))
    if not recipe.max_epochs:  # no fewer steps than a usable model has, however few the peaks
        epochs = max(epochs, ceil(MIN_STEPS / max(1, n_train // batch_size)))
    return replace(recipe, max_epochs=epochs, batch_size=batch_size)


def peak_average(name: str, average: Average | None) -> Average:
    """How the network that recipe ``name`` trained reads the peaks: ``average``, or what suits the recipe.

    The original reads them as they are.
    """
    from scbasset_tl.nn.embed import AVERAGES

    if average is None:
        return "none" if name == "paper" else "strands"
    check_one_of("average", average, AVERAGES)
    return average


def _between(low: int, high: int, value: int) -> int:
    return min(high, max(low, value))
