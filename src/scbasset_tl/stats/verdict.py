"""The rule from a trained model's numbers to "usable", "undertrained" or "no sequence signal"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from scbasset_tl.stats.signal import Signal

Verdict = Literal["usable", "undertrained", "no sequence signal"]

MIN_Z: Final = 3.0
"""Standard deviations above the permutation null: one model in 700 without signal gets there."""
MIN_PER_CELL: Final = 0.53
"""Held-out auROC per cell: half of the way from chance to the .56 that a linear model of 6-mers reaches on cells as
shallow as real ones get. Below it a significant signal is too weak to shape an embedding."""
MIN_SPECIFIC: Final = 0.01
"""Held-out auROC per peak above its null. With thousands of held-out peaks a trace is significant too."""
MIN_EPOCHS: Final = 5
"""A shorter course cannot show whether it has levelled off; recipe="fast" never runs fewer than 6."""
MIN_STEPS: Final = 400
"""Optimizer steps of the whole run: on toy data, models stopped earlier had begun to learn training peaks by heart before
held-out peaks rose, as models without signal do; recipe="fast" takes no fewer, however few the peaks."""
MAX_LATE_RISE: Final = 1.0
"""Speed of the training auROC in the last tenth of the epochs over that of the whole run; 1 is a straight line."""
_FLAT: Final = 0.01  # a gain below it is noise, e.g. after a warm start


class Course(NamedTuple):
    """How long a model was trained, and how fast its training auROC rose at the end."""

    epochs: int
    best_epoch: int  # whose weights were kept
    steps: int
    late_rise: float


def late_rise(train_auroc: np.ndarray) -> float:
    """How many times faster the training auROC rose in the last tenth of the epochs than over all of them.

    NaN for a single epoch, 0 where there was no gain to speak of.
    """
    n = len(train_auroc)
    if n < 2:
        return float("nan")
    gain = train_auroc.max() - train_auroc[0]
    if not gain > _FLAT:
        return 0.0
    tenth = max(1, round(n / 10))
    # means of two windows: single epochs are noisy
    slope = (train_auroc[-tenth:].mean() - train_auroc[-2 * tenth : -tenth].mean()) / tenth
    return float(slope / (gain / (n - 1)))


def decide(per_cell: Signal, per_peak: Signal, training: Signal, course: Course | None) -> tuple[Verdict, str]:
    """The verdict and its reason, a sentence.

    Parameters
    ----------
    per_cell, per_peak
        Held-out peaks.
    training
        Per cell on training peaks in evaluation mode; NaN where there are none.
    course
        ``None`` for weights from elsewhere.
    """
    works = _above(per_cell, MIN_PER_CELL)
    specific = _above(per_peak, per_peak.null + MIN_SPECIFIC)
    short, rising = _missing(per_cell, course)

    if works and specific:
        if short or rising:
            return "undertrained", f"Sequences predict held-out peaks, but {short or rising}."
        return "usable", "Sequences predict which held-out peaks are open and in which cells."
    if short:
        return "undertrained", f"Too early to tell: {short}."
    if not works and _by_heart(training, per_cell):  # more of it will not help
        return "no sequence signal", "What was learned from the training peaks does not hold for held-out peaks."
    if rising:
        return "undertrained", f"Too early to tell: {rising}."
    if works:
        return "no sequence signal", "Sequences tell how open a held-out peak is, but not in which cells."
    if course is None:
        return "undertrained", "Neither held-out peaks nor those trained on are predicted."
    return "no sequence signal", "A whole training run found nothing in the sequences."


def why_not_over(per_cell: Signal, course: Course) -> str | None:
    """Half a sentence on what the training lacks by the rules of :func:`decide`; ``None`` if it is over."""
    short, rising = _missing(per_cell, course)
    return short or rising


def _missing(per_cell: Signal, course: Course | None) -> tuple[str | None, str | None]:
    """Half sentences: why a course is too short, and that it still rises."""
    if course is None:
        return None, None
    # judge a model without signal by the whole run: its best epoch means nothing
    works = _above(per_cell, MIN_PER_CELL)
    return _short(course, course.best_epoch if works else course.epochs), _rising(course)


def _above(signal: Signal, threshold: float) -> bool:
    return signal.z >= MIN_Z and signal.auroc >= threshold  # NaN is not above


def _by_heart(training: Signal, held_out: Signal) -> bool:
    """Whether training peaks are fitted, and beyond doubt better than held-out ones."""
    sd = (training.null_sd**2 + held_out.null_sd**2) ** 0.5
    return training.z >= MIN_Z and training.auroc - held_out.auroc >= MIN_Z * sd


def _short(course: Course, epochs: int) -> str | None:
    if epochs < MIN_EPOCHS <= course.epochs:
        return f"the training auROC was best in epoch {epochs} of {course.epochs} (lower lr)"
    if epochs < MIN_EPOCHS:
        return f"its weights have seen {epochs} epoch{'s' * (epochs > 1)}, fewer than {MIN_EPOCHS} (raise max_epochs)"
    if course.steps < MIN_STEPS:
        return f"training took {course.steps} optimizer steps, fewer than {MIN_STEPS} (raise max_epochs)"
    return None


def _rising(course: Course) -> str | None:
    if not course.late_rise >= MAX_LATE_RISE:
        return None
    return (
        f"the training auROC was still rising {course.late_rise:.1f} times as fast as over the whole run "
        "(raise max_epochs)"
    )
