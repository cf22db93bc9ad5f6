import numpy as np
import pandas as pd

import scbasset_tl as sb
from scbasset_tl.metrics import LearningCurve


def test_points_and_curves(assert_nothing_cut):
    n = np.array([100, 200, 400])
    table = pd.DataFrame(
        {"axis": ["cells"] * 3 + ["reads"] * 2, "n_cells": [*n, 400, 400], "depth": [90, 90, 90, 45, 90]}
    )
    table["auroc_per_cell"] = [0.6, 0.65, 0.7, 0.6, 0.7]
    fits = pd.DataFrame([{"axis": "cells", "score": "auroc_per_cell", "limit": 0.8, "gain": 2.0, "exponent": 0.5}])
    figure = sb.pl.learning_curve(LearningCurve(table, fits, []), return_fig=True)
    cells, reads = figure.axes
    np.testing.assert_array_equal(cells.lines[0].get_xdata(), n)
    np.testing.assert_allclose(cells.lines[1].get_ydata()[[0, -1]], [0.6, 0.7])
    assert cells.lines[2].get_linestyle() == ":"
    assert cells.lines[2].get_xdata()[-1] == 800
    np.testing.assert_array_equal(reads.lines[0].get_xdata(), [45, 90])
    assert reads.get_xlabel() == "open peaks per cell"
    for ax, sizes in ((cells, [100, 200, 400, 800]), (reads, [45, 90, 180])):
        figure.draw_without_rendering()
        assert [tick.get_text() for tick in ax.get_xticklabels() if tick.get_text()] == [str(size) for size in sizes]
        assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))
    assert_nothing_cut(figure)
