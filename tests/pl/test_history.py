import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import scbasset_tl as sb


def test_history_draws_the_stored_course(trained, assert_nothing_cut):
    ax = sb.pl.history(trained, show=False)
    assert isinstance(ax, Axes)
    table = sb.get.history(trained)
    curves = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(curves["auROC, training peaks"].get_ydata(), table["train_auroc"])
    np.testing.assert_array_equal(curves["auROC, validation peaks"].get_ydata(), table["val_auroc"])
    best = trained.uns["scbasset"]["history"]["best_epoch"]
    np.testing.assert_array_equal(curves[f"best epoch ({best})"].get_xdata(), [best, best])
    (loss_ax,) = (other for other in ax.figure.axes if other is not ax)
    np.testing.assert_array_equal(loss_ax.lines[0].get_ydata(), table["loss"])
    assert_nothing_cut(ax.figure)


def test_history_of_a_single_epoch_has_a_point(trained_tiny):
    ax = sb.pl.history(trained_tiny, show=False)
    assert ax.lines[0].get_marker() == "o"
    assert [tick for tick in ax.get_xticks() if 0.5 <= tick <= 1.5] == [1]


def test_history_uses_the_axes_given(trained):
    figure = Figure()
    ax = figure.add_subplot()
    assert sb.pl.history(trained, ax=ax, show=False) is ax
    assert sb.pl.history(trained, ax=figure.add_subplot(), return_fig=True) is figure
