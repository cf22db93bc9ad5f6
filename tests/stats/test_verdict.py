import numpy as np
import pytest

from scbasset_tl.stats.signal import Signal
from scbasset_tl.stats.verdict import Course, decide, late_rise, why_not_over

NONE = Signal(0.51, 0.5, 0.01)
CELLS = Signal(0.70, 0.5, 0.01)
PEAKS, NO_PEAKS = Signal(0.68, 0.60, 0.005), Signal(0.605, 0.60, 0.005)
UNKNOWN = Signal(np.nan, np.nan, np.nan)
WHOLE = Course(epochs=60, best_epoch=55, steps=540, late_rise=0.3)
RISING = WHOLE._replace(late_rise=1.4)
ONE = Course(epochs=1, best_epoch=1, steps=700, late_rise=np.nan)
FEW_STEPS = Course(epochs=10, best_epoch=10, steps=90, late_rise=0.1)
EARLY_BEST = WHOLE._replace(best_epoch=2)


@pytest.mark.parametrize(
    ("per_cell", "per_peak", "training", "course", "expected"),
    [
        (CELLS, PEAKS, CELLS, WHOLE, "usable"),
        (CELLS, PEAKS, CELLS, None, "usable"),
        (CELLS, PEAKS, UNKNOWN, WHOLE, "usable"),
        (CELLS, PEAKS, CELLS, ONE, "undertrained"),
        (CELLS, PEAKS, CELLS, FEW_STEPS, "undertrained"),
        (CELLS, PEAKS, CELLS, RISING, "undertrained"),
        (CELLS, PEAKS, CELLS, EARLY_BEST, "undertrained"),
        (NONE, NO_PEAKS, NONE, ONE, "undertrained"),
        (NONE, NO_PEAKS, CELLS, ONE, "undertrained"),
        (NONE, NO_PEAKS, NONE, RISING, "undertrained"),
        (NONE, NO_PEAKS, NONE, None, "undertrained"),
        (CELLS, NO_PEAKS, CELLS, RISING, "undertrained"),
        (NONE, NO_PEAKS, CELLS, WHOLE, "no sequence signal"),
        (NONE, NO_PEAKS, CELLS, RISING, "no sequence signal"),
        (NONE, NO_PEAKS, CELLS, EARLY_BEST, "no sequence signal"),
        (NONE, NO_PEAKS, CELLS, None, "no sequence signal"),
        (NONE, NO_PEAKS, NONE, WHOLE, "no sequence signal"),
        (CELLS, NO_PEAKS, CELLS, WHOLE, "no sequence signal"),
        (CELLS, NO_PEAKS, CELLS, None, "no sequence signal"),
        (NONE, PEAKS, CELLS, WHOLE, "no sequence signal"),
        # a gap of three standard deviations is learning by heart, one of one is not
        (NONE, NO_PEAKS, Signal(0.545, 0.5, 0.003), RISING, "no sequence signal"),
        (Signal(0.52, 0.5, 0.01), NO_PEAKS, Signal(0.53, 0.5, 0.003), RISING, "undertrained"),
    ],
)
def test_decide(per_cell, per_peak, training, course, expected):
    verdict, reason = decide(per_cell, per_peak, training, course)
    assert verdict == expected
    assert reason.endswith(".")
    if course is not None:  # usable means that the training is over, undertrained that it is not
        lacks = why_not_over(per_cell, course)
        assert verdict == "no sequence signal" or (lacks is None) == (verdict == "usable")
        if verdict == "undertrained":
            assert lacks in reason


def test_the_reason_names_the_remedy():
    assert "raise max_epochs" in decide(CELLS, PEAKS, CELLS, ONE)[1]
    assert "lower lr" in decide(CELLS, PEAKS, CELLS, EARLY_BEST)[1]


@pytest.mark.parametrize(
    "weak",
    [
        Signal(0.70, 0.5, 0.1),  # two standard deviations: few held-out peaks
        Signal(0.525, 0.5, 0.001),  # beyond doubt, but next to nothing
    ],
)
def test_never_usable_below_either_threshold(weak):
    assert decide(weak, PEAKS, CELLS, WHOLE)[0] == "no sequence signal"


def test_late_rise_of_known_courses():
    epochs = np.linspace(0, 1, 41)
    assert late_rise(0.5 + 0.3 * epochs) == pytest.approx(1)
    assert late_rise(0.8 - 0.3 * np.exp(-5 * epochs)) < 0.2
    assert late_rise(0.5 + 0.3 * epochs**3) > 2
    assert late_rise(np.array([0.5, 0.7])) == pytest.approx(1)
    assert late_rise(0.7 + 0.004 * epochs) == 0
    assert np.isnan(late_rise(np.array([0.5])))
