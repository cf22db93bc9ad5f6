import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.metrics import Perturbation


@pytest.fixture
def result():
    rows, curves = [], []
    for motif in ("GATA1", "GATA2"):
        for method in ("activity", "baseline"):
            rows.append({"motif": motif, "method": method, "auroc": 0.9, "auprc": 0.8, "auprc_by_chance": 0.3})
            for curve in ("roc", "pr"):
                points = {"x": np.linspace(0, 1, 5), "y": np.linspace(0, 1, 5) ** 2}
                curves.append(pd.DataFrame({"motif": motif, "method": method, "curve": curve, **points}))
    return Perturbation(pd.DataFrame(rows), pd.concat(curves))


def test_curves_are_drawn_beside_chance(result, assert_nothing_cut):
    figure = sb.pl.perturbation(result, return_fig=True)
    for ax, title in zip(figure.axes, ("auPR (chance 0.300)", "auROC"), strict=True):
        assert ax.get_title() == title
        lines = [line for line in ax.lines if not line.get_label().startswith("_")]
        assert [line.get_label()[:-6] for line in lines] == [
            "GATA1, activity", "GATA1, baseline", "GATA2, activity", "GATA2, baseline"
        ]  # fmt: skip
        np.testing.assert_allclose(lines[0].get_ydata(), np.linspace(0, 1, 5) ** 2)
        assert [line.get_linestyle() for line in lines] == ["-", "--"] * 2
    assert_nothing_cut(figure)


def test_one_motif_needs_no_method(result):
    one = Perturbation(result.summary[:1], result.curves[(result.curves["method"] == "activity")][:10])
    ax = sb.pl.perturbation(one, show=False)[0]
    assert ax.get_legend_handles_labels()[1] == ["GATA1 0.800"]
