"""A trained model to draw, and what every plot must keep."""

import matplotlib as mpl
import pytest

import scbasset_tl as sb


@pytest.fixture(autouse=True)
def _no_screen():
    mpl.use("agg")


@pytest.fixture(scope="package")
def _trained(_tiny):
    tiny = _tiny.copy()
    with sb.settings.override(verbosity=0):
        sb.pp.split_peaks(tiny, fractions=(0.6, 0.2, 0.2))
        sb.tl.scbasset(tiny, trunk=4, max_epochs=3)
    return tiny


@pytest.fixture
def trained(_trained):
    return _trained.copy()


@pytest.fixture
def shown(monkeypatch):
    """The numbers of the open figures at each call of ``plt.show``."""
    import matplotlib.pyplot as plt

    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(plt.get_fignums()))
    yield calls
    plt.close("all")


@pytest.fixture
def assert_nothing_cut():
    def check(figure):
        """Everything drawn, legends and titles too, lies within the figure."""
        figure.draw_without_rendering()
        inner, outer = figure.get_tightbbox(), figure.bbox_inches
        assert inner.x0 >= outer.x0
        assert inner.y0 >= outer.y0
        assert inner.x1 <= outer.x1
        assert inner.y1 <= outer.y1

    return check
