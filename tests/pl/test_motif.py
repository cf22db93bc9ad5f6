import time

import logomaker
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

import scbasset_tl as sb
from scbasset_tl.genome import Motif
from scbasset_tl.pl._logo import draw_logo


@pytest.fixture
def heights(rng):
    heights = rng.normal(size=(20, 4))
    heights[3], heights[5:7, [0, 2]] = 0, 0
    return heights


@pytest.fixture
def motif(rng):
    return Motif("MA0006.1", "Ahr::Arnt", rng.dirichlet(np.full(4, 0.4), 9))


def letters(ax):
    """Outlines and colours of the letters drawn."""
    (collection,) = ax.collections
    return [path.vertices for path in collection.get_paths()], collection.get_facecolor()[:, :3]


@pytest.mark.parametrize("shade", [True, False])
def test_letters_are_those_of_logomaker(heights, shade):
    ax, other = Figure().subplots(2)
    draw_logo(ax, heights, start=7, shade_negative=shade)
    table = pd.DataFrame(heights, columns=list("ACGT"), index=range(7, 27))
    logo = logomaker.Logo(table, ax=other, color_scheme="classic", shade_below=0.4 * shade)
    glyphs = [glyph for glyph in logo.glyph_list if glyph.patch is not None]
    glyphs.sort(key=lambda glyph: (glyph.p, glyph.floor))
    outlines, colors = letters(ax)
    assert len(outlines) == len(glyphs) == np.count_nonzero(heights)
    for outline, color, glyph in zip(outlines, colors, glyphs, strict=True):
        np.testing.assert_allclose(outline, glyph.patch.get_path().vertices, atol=1e-9)
        np.testing.assert_allclose(color, glyph.patch.get_facecolor()[:3])


def test_axes_hold_the_whole_logo(heights):
    ax = Figure().add_subplot()
    draw_logo(ax, heights, start=7)
    assert ax.get_xlim() == (6.5, 26.5)
    low, high = ax.get_ylim()
    assert low < np.minimum(heights, 0).sum(axis=1).min() < np.maximum(heights, 0).sum(axis=1).max() < high
    ax = Figure().add_subplot()
    draw_logo(ax, np.abs(heights))
    assert ax.get_ylim()[0] == 0


def test_a_shared_axis_has_the_scale_of_all(heights):
    top, bottom = Figure().subplots(2, sharey=True)
    draw_logo(top, 5 * heights)
    draw_logo(bottom, heights)
    assert top.get_ylim() == bottom.get_ylim()
    assert bottom.get_ylim()[1] > 5 * np.maximum(heights, 0).sum(axis=1).max()


def test_nothing_to_draw_is_an_empty_logo():
    ax = Figure().add_subplot()
    draw_logo(ax, np.zeros((5, 4)))
    assert letters(ax)[0] == []
    ax.figure.draw_without_rendering()


def test_the_time_grows_no_faster_than_the_positions(rng, no_garbage_collection):
    seconds = []
    for n_positions in (20, 200):
        ax = Figure().add_subplot()
        started = time.process_time()
        draw_logo(ax, rng.normal(size=(n_positions, 4)))
        seconds.append(time.process_time() - started)
    assert seconds[1] < 60 * seconds[0]


@pytest.mark.parametrize("information", [True, False])
def test_motif_has_the_heights_it_says(motif, information, assert_nothing_cut):
    ax = sb.pl.motif(motif, information=information, show=False)
    tops = {}
    for outline in letters(ax)[0]:
        position = round(outline[:, 0].mean())
        tops[position] = max(tops.get(position, 0), outline[:, 1].max())
    expected = 2 - stats.entropy(motif.pwm, base=2, axis=1) if information else np.ones(9)
    np.testing.assert_allclose([tops[position] for position in range(1, 10)], expected)
    assert (ax.get_ylabel(), ax.get_ylim()) == (("bits", (0, 2)) if information else ("probability", (0, 1)))
    assert ax.get_title() == "Ahr::Arnt\nMA0006.1"
    assert_nothing_cut(ax.figure)


@pytest.mark.parametrize("width", [1, 6, 35])
def test_motifs_of_any_width_and_name_fit(width, assert_nothing_cut):
    motif = Motif("M0085_1.02", "(TFAP2E)_(Mus_musculus)_(DBD_0.99)", np.eye(4)[np.arange(width) % 4])
    figure = sb.pl.motif(motif, return_fig=True)
    assert isinstance(figure, Figure)
    assert_nothing_cut(figure)


def test_motif_uses_the_axes_given_and_shows(motif, shown):
    ax = Figure().add_subplot()
    assert sb.pl.motif(motif, ax=ax, show=False) is ax
    assert isinstance(sb.pl.motif(motif), Axes)
    assert shown == []
    assert sb.pl.motif(motif, show=True) is None
    assert len(shown) == 1
