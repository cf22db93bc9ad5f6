"""pl.ism: the heights it draws, one scale, marks that do not overlap, and nothing cut at any size."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import scbasset_tl as sb
from scbasset_tl.get import ISMScores
from scbasset_tl.pl._ism_tracks import draw_tracks, marks_of
from scbasset_tl.pl._show import canvas


def heights(ax):
    """Height of the letter at each position, downwards below zero."""
    found = {}
    for path in ax.collections[0].get_paths():
        y = path.vertices[:, 1]
        found[round(path.vertices[:, 0].mean())] = y.max() if y.max() > -y.min() else y.min()
    return found


def boxes(figure, artists):
    figure.draw_without_rendering()
    return [artist.get_window_extent() for artist in artists]


def made(n_out, n_regions, width, start=105_296_438, names=None):
    """Scores of any size, without a model."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (n_regions, width), dtype=np.uint8)
    raw = rng.normal(0, 0.02, (n_out, n_regions, width, 4)).astype(np.float32)
    starts = start + 10_000 * np.arange(n_regions)
    regions = [f"chr11:{one}-{one + width}" for one in starts]
    names = names or [f"group {number}" for number in range(n_out)]
    return ISMScores(names, regions, np.array(["chr11"] * n_regions, dtype=object), starts, codes, raw)


def test_letters_are_the_importances_on_one_scale(trained):
    axes = sb.pl.ism(trained, [4, 7], groupby="kind", window=30, show=False)
    assert axes.shape == (2, 2)
    scores = sb.get.ism(trained, regions=[4, 7], groupby="kind", window=30)
    for (row, column), ax in np.ndenumerate(axes):
        expected = scores.importance[row, column]
        start = scores.start[column]
        assert heights(ax) == pytest.approx(
            {start + i: value for i, value in enumerate(expected) if value}, rel=1e-4, abs=1e-9
        )
        assert ax.get_xlim() == (start - 0.5, start + 29.5)
        assert ax.get_ylim() == axes[0, 0].get_ylim()
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["a", "b"]
    assert [ax.get_title() for ax in axes[0]] == scores.regions
    assert axes[1, 0].get_xlabel() == "position on chr1 (bp)"


def test_without_groups_the_mean_of_all_cells(trained):
    ((ax,),) = sb.pl.ism(trained, 4, window=30, show=False)
    mean = sb.get.ism(trained, regions=[4], window=30).importance.mean(axis=0)[0]
    found = heights(ax)
    np.testing.assert_allclose([found[138 + 4000 - 3 + i] for i in range(30)], mean, rtol=1e-3, atol=1e-6)
    assert ax.get_ylabel() == "all cells"
    axes = sb.pl.ism(trained, 4, window=30, obs=["cell3", "cell5"], show=False)
    assert [ax.get_ylabel() for (ax,) in axes] == ["cell3", "cell5"]


def test_long_windows_have_heights_instead_of_letters():
    scores = made(2, 1, 1344)
    _, axes = draw_tracks(scores, marks_of(None, scores), canvas(show=False, return_fig=True))
    for row in range(2):
        up, down = axes[row, 0].collections
        assert up.get_datalim(axes[row, 0].transData).y1 == pytest.approx(scores.importance[row].max(), rel=1e-4)
        assert down.get_datalim(axes[row, 0].transData).y0 == pytest.approx(scores.importance[row].min(), rel=1e-4)


LONG = [f"CD4 positive naive T cell, cluster number {number}, donors 1 to 5" for number in range(12)]


@pytest.mark.parametrize(
    ("n_regions", "width", "names"),
    [
        (1, 30, ["b"]), (1, 30, LONG), (1, 200, ["a", "b"]), (1, 1344, ["b"]), (1, 1344, LONG), (2, 60, LONG[:5]),
        (6, 100, ["a", "b"]),
    ],
)  # fmt: skip
def test_nothing_is_cut_or_overlaps(n_regions, width, names, assert_nothing_cut):
    scores = made(len(names), n_regions, width, names=names)
    first = scores.start[0]
    marks = [(first - 5 + 3 * i, first + 4 + 3 * i, f"MOTIF{i}::OTHER") for i in range(10)]
    figure, axes = draw_tracks(scores, marks_of(marks, scores), canvas(show=False, return_fig=True))
    assert_nothing_cut(figure)
    labels = boxes(figure, [*axes[0, 0].texts, *(ax.title for ax in axes[0])])
    rows = boxes(figure, [ax.yaxis.label for ax in axes[:, 0]])
    drawn = [(ax, tick) for ax in axes[-1] for tick in ax.xaxis.get_major_ticks()]
    drawn = [tick.label1 for ax, tick in drawn if ax.get_xlim()[0] <= tick.get_loc() <= ax.get_xlim()[1]]
    ticks = boxes(figure, drawn)
    for group in (labels, rows, ticks):
        assert not any(one.overlaps(other) for i, one in enumerate(group) for other in group[:i])
    inside = axes[0, 0].get_window_extent()
    assert all(box.x0 > inside.x0 - 1 and box.x1 < inside.x1 + 1 for box in labels[:10])
    assert len(ticks) >= 2 * n_regions


def test_marks_are_those_over_the_region():
    scores = made(1, 2, 30, start=1000)
    table = pd.DataFrame({"start": [1005, 1005, 11_003, 990], "end": [1010, 1010, 11_009, 1001]})
    table["motif"], table["group"] = ["TF1", "TF1", "TF2", "TF3"], ["a", "b", "a", "a"]
    assert [[mark.label for mark in region] for region in marks_of(table, scores)] == [["TF1", "TF3"], ["TF2"]]
    table["region"] = [scores.regions[1]] * 3 + [scores.regions[0]]
    assert [[mark.label for mark in region] for region in marks_of(table, scores)] == [["TF3"], ["TF2"]]
    table = table.drop(columns="region").assign(chrom=["chr11", "chr11", "chr2", "chr2"])
    assert [[mark.label for mark in region] for region in marks_of(table, scores)] == [["TF1"], []]


def test_marks_outside_are_said(capsys):
    scores = made(1, 1, 30, start=1000)
    with sb.settings.override(verbosity=2):
        marks_of([(1005, 1010, "TF1"), (10, 20, "TF2")], scores)
    assert "annotate: 1 of 2 stretches lie outside" in capsys.readouterr().err
    with pytest.raises(ValueError, match="1 of 1 stretches lie outside what is drawn, chr11:1000-1030"):
        marks_of([(10, 20, "TF2")], scores)


def test_axes_of_the_user(trained, shown):
    figure = Figure(figsize=(8, 3), layout="constrained")
    ax = figure.add_subplot()
    assert sb.pl.ism(trained, 4, groupby="kind", groups="b", window=20, ax=ax, annotate=[(4145, 4150, "x")]) is ax
    assert ax.get_title() == "chr1:4000-4300, b"
    assert sb.pl.ism(trained, 4, window=20, ax=figure.add_subplot(), return_fig=True) is figure
    assert isinstance(sb.pl.ism(trained, 4, window=20)[0, 0], Axes)
    assert shown == []
    assert sb.pl.ism(trained, 4, window=20, show=True) is None
    assert len(shown) == 1


def test_stored_changes_are_drawn_without_the_network(trained, monkeypatch):
    sb.tl.ism(trained, [4])
    monkeypatch.setattr("scbasset_tl._adata.model.store.unpack_trunk", lambda *_: pytest.fail("computed again"))
    assert sb.pl.ism(trained, 4, groupby="kind", window=20, show=False).shape == (2, 1)
