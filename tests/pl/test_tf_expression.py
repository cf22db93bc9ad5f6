"""pl.tf_expression draws the values of the cells that both modalities have."""

import mudata as md
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex

import scbasset_tl as sb
from scbasset_tl._adata.kinds import TF_ACTIVITY
from scbasset_tl.metrics import TFExpression

STORED = {
    **dict.fromkeys(TF_ACTIVITY.keys.split(), ()),
    **{"written_by": "tl.tf_activity", "slots": {"obsm": "tf_activity"}, "params": {}, "schema_version": 1},
}


@pytest.fixture
def multiome(rng):
    cells = [f"c{number}" for number in range(40)]
    atac = AnnData(np.ones((40, 2), dtype=np.float32), obs=pd.DataFrame({"kind": ["a", "b"] * 20}, index=cells))
    atac.obsm["tf_activity"] = rng.normal(size=(40, 3))
    atac.obsm["X_umap"] = rng.normal(size=(40, 2))
    atac.uns["tf_activity"] = {**STORED, "names": np.array(["GATA1", "SPI1", "NOGENE"], dtype=object)}
    order = rng.permutation(38)
    rna = AnnData(rng.random((38, 2)), obs=pd.DataFrame(index=[cells[i] for i in order]))
    rna.var_names = ["SPI1", "GATA1"]
    rna.X[:, 1] += atac.obsm["tf_activity"][order, 0]
    return md.MuData({"atac": atac, "rna": rna})


def drawn(ax):
    return np.concatenate([np.asarray(dots.get_offsets()) for dots in ax.collections])


def test_scatter_has_both_values_of_each_cell(multiome):
    axes = sb.pl.tf_expression(multiome, ["SPI1", "GATA1"], show=False)
    cells = [cell for cell in multiome["atac"].obs_names if cell in multiome["rna"].obs_names]
    for ax, name, number in zip(axes, ("SPI1", "GATA1"), (1, 0), strict=True):
        x = np.asarray(multiome["rna"][cells, name].X).ravel()
        y = multiome["atac"][cells].obsm["tf_activity"][:, number]
        np.testing.assert_allclose(drawn(ax), np.column_stack([x, y]))
        assert ax.get_title() == f"{name} (r = {np.corrcoef(x, y)[0, 1]:.2f})"
        assert ax.get_xlabel() == f"expression of {name}"


def test_the_largest_correlations_come_first(multiome):
    assert sb.pl.tf_expression(multiome, n_top=1, show=False)[0].get_title().startswith("GATA1")


def test_groups_have_their_colours(multiome, assert_nothing_cut):
    figure = sb.pl.tf_expression(multiome, "GATA1", groupby="kind", palette=["red", "blue"], return_fig=True)
    colors = [to_hex(dots.get_facecolor()[0]) for dots in figure.axes[0].collections]
    assert colors == ["#ff0000", "#0000ff"]
    assert len(drawn(figure.axes[0])) == 38
    assert_nothing_cut(figure)


def test_embedding_has_expression_beside_activity(multiome, assert_nothing_cut):
    axes = sb.pl.tf_expression(multiome, kind="embedding", show=False)
    assert axes.shape == (2, 2)
    cells = [cell for cell in multiome["atac"].obs_names if cell in multiome["rna"].obs_names]
    points = multiome["atac"][cells].obsm["X_umap"]
    values = (np.asarray(multiome["rna"][cells, "GATA1"].X).ravel(), multiome["atac"][cells].obsm["tf_activity"][:, 0])
    for ax, of_cells in zip(axes[0], values, strict=True):
        (dots,) = ax.collections
        order = np.argsort(np.abs(of_cells), kind="stable")
        np.testing.assert_allclose(np.asarray(dots.get_offsets()), points[order])
        np.testing.assert_allclose(np.asarray(dots.get_array()), of_cells[order])
    assert_nothing_cut(axes[0, 0].figure)


@pytest.mark.parametrize("compared", [True, False])
def test_a_result_is_drawn_at_once(compared, assert_nothing_cut):
    table = pd.DataFrame({"motif": ["A", "B", "C"], "gene": ["A", "B", "C"], "r": [0.5, -0.4, 0.1]})
    if compared:
        table["r_baseline"] = [0.3, -0.1, -0.1]
    table["kind"] = ["activator", "repressor", "mixed"]
    figure = sb.pl.tf_expression(TFExpression(table, pd.DataFrame(), []), ["A"], return_fig=True)
    (ax,) = figure.axes
    points = [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in ax.lines[:3]]
    assert points == ([(0.3, 0.5), (-0.1, -0.4), (-0.1, 0.1)] if compared else [(2, 0.5), (0, -0.4), (1, 0.1)])
    assert [text.get_text() for text in ax.texts] == ["A"]
    assert_nothing_cut(figure)


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"motifs": "NOGENE"}, KeyError, "NOGENE"),
        ({"motifs": []}, KeyError, "no activity"),
        ({"kind": "violin"}, ValueError, "kind must be one of"),
        ({"groupby": "x"}, KeyError, "no column 'x'"),
        ({"n_top": 0}, ValueError, "n_top"),
        ({"rna": "gex"}, KeyError, "no modality 'gex'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(multiome, how, error, words):
    with pytest.raises(error, match=words):
        sb.pl.tf_expression(multiome, **how)
