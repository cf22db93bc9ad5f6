import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.metrics import GeneExpression


@pytest.fixture
def result(rng):
    tables = [pd.DataFrame({"r": rng.random(n), "r_baseline": rng.random(n) - 0.5}) for n in (40, 30)]
    return GeneExpression(*tables, pd.DataFrame(), [])


def test_points_are_cells_and_genes(result):
    axes = sb.pl.gene_expression(result, show=False)
    for ax, table in zip(axes, (result.per_cell, result.per_gene), strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), table["r_baseline"])
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), table["r"])
        assert f"median r {table['r'].median():.2f}" in ax.get_title()
    assert (
        f"{(result.per_cell['r'] > result.per_cell['r_baseline']).mean():.0%} above the line"
        == axes[0].texts[0].get_text()
    )


def test_histograms_without_a_baseline(result):
    tables = (result.per_cell[["r"]], result.per_gene[["r"]])
    figure = sb.pl.gene_expression(GeneExpression(*tables, pd.DataFrame(), []), return_fig=True)
    for ax, table in zip(figure.axes, tables, strict=True):
        assert sum(bar.get_height() for bar in ax.patches) == len(table)
