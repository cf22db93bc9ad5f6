import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import scbasset_tl as sb


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "l2_cell": [np.nan, 1e-6, 0],
            "label_score": [0.7, 0.88, 0.9],
            "ilisi": [1.2, 1.8, 1.5],
            "ilisi_by_chance": 1.9,
            "recommended": [False, True, False],
        },
        index=["none", "strong", "weak"],
    )


def test_points_path_and_recommendation(table, assert_nothing_cut):
    figure = sb.pl.compare_models(table, return_fig=True)
    assert_nothing_cut(figure)
    ax = figure.axes[0]
    points, ring = (collection.get_offsets() for collection in ax.collections)
    np.testing.assert_allclose(points, table[["label_score", "ilisi"]])
    np.testing.assert_allclose(ring, [[0.88, 1.8]])
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0.9, 1.5], [0.88, 1.8]])
    assert {text.get_text() for text in ax.texts} == set(table.index)


def test_names_of_models_at_one_point_do_not_overlap(assert_nothing_cut):
    names = ["l2_0", "l2_1e-08", "l2_1e-07", "l2_1e-06"]
    table = pd.DataFrame({"l2_cell": [0, 1e-8, 1e-7, 1e-6], "label_score": 0.9, "ilisi": 1.5, "ilisi_by_chance": 1.9})
    table = table.assign(recommended=[True, False, False, False]).set_index(pd.Index(names))
    figure = sb.pl.compare_models(table, return_fig=True)
    assert_nothing_cut(figure)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(box.overlaps(other) for number, box in enumerate(boxes) for other in boxes[:number])


def test_draws_where_it_is_told_and_shows_only_when_asked(table, shown):
    axes = Figure().subplots()
    assert sb.pl.compare_models(table, ax=axes) is axes
    assert shown == []
    assert sb.pl.compare_models(table, show=True) is None
    assert len(shown) == 1


def test_another_table(table):
    with pytest.raises(KeyError, match=r"lacks the columns \['ilisi'\].*metrics.compare_models"):
        sb.pl.compare_models(table.drop(columns="ilisi"), show=False)


def test_models_that_lose_too_much_lie_in_the_grey_part(table):
    table.attrs["max_loss"] = 0.1
    axes = sb.pl.compare_models(table, show=False)
    (grey,) = axes.patches
    corners = grey.get_extents().transformed(axes.transData.inverted())
    assert corners.x1 == pytest.approx(0.8)
    assert axes.get_xlim()[0] == pytest.approx(corners.x0)
