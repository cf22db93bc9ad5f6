import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import scbasset_tl as sb


@pytest.fixture
def cells():
    """150 cells of two types and 120 peaks."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 150)
    x = rng.random((150, 120)) < rng.uniform(0.05, 0.6, (2, 120))[kind]
    obs = pd.DataFrame({"kind": np.array(["B", "T"])[kind]}, index=[f"cell{number}" for number in range(150)])
    return ad.AnnData(sparse.csr_matrix(x, dtype=np.float32), obs=obs)


def test_panels_show_what_the_metrics_say(cells, assert_nothing_cut):
    real, generated, training = cells[:50], cells[50:100], cells[100:]
    figure = sb.pl.compare_generated(real, generated, training=training, label_key="kind", basis="lsi", return_fig=True)
    assert_nothing_cut(figure)
    table = sb.metrics.compare_generated(real, generated, training=training)
    means, own, made, depth, pairs, copies = figure.axes
    value = table["value"].round(3)
    assert f"Pearson {value['mean_pearson']:.3f}, Spearman {value['mean_spearman']:.3f}" in means.get_title()
    assert f"{value['depth_ks']:.3f}" in depth.get_title()
    assert f"{value['coaccessibility']:.3f}" in pairs.get_title()
    assert f"{table.loc['nearest_ratio', 'value']:.2f} times" in copies.get_title()
    assert copies.get_xlabel() == "distance to the nearest training cell"
    kinds = real.obs["kind"].value_counts()
    assert [len(dots.get_offsets()) for dots in own.collections] == [50, 0, kinds["B"], kinds["T"]]
    # the grey dots of one panel are the coloured ones of the other
    coloured = np.concatenate([dots.get_offsets() for dots in made.collections[1:]])
    assert {*map(tuple, own.collections[0].get_offsets())} == {*map(tuple, coloured)}
    assert [text.get_text() for text in made.get_legend().get_texts()] == ["B", "T"]


def test_without_training_cells_and_labels_by_umap(cells, shown, monkeypatch):
    def umap(adata, random_state):
        """As scanpy's, without the half minute that it takes to compile."""
        assert adata.uns["neighbors"]["params"]["use_rep"] == "lsi"
        adata.obsm["X_umap"] = adata.obsm["lsi"][:, 2:4]

    monkeypatch.setattr(
        "scanpy.pp.neighbors", lambda adata, use_rep, **_: adata.uns.update(neighbors={"params": {"use_rep": use_rep}})
    )
    monkeypatch.setattr("scanpy.tl.umap", umap)
    axes = sb.pl.compare_generated(cells[:90], cells[90:], show=False)
    assert axes.shape == (2, 3)
    assert axes[1, 2].get_xlabel() == "distance to the nearest real cell"
    assert axes[0, 1].get_xlabel() == "UMAP 1"
    assert axes[0, 2].get_legend() is None
    assert [len(dots.get_offsets()) for dots in axes[0, 1].collections] == [45, 45]
    assert shown == []


def test_peaks_that_do_not_vary_have_no_correlations(cells):
    cells.X = sparse.csr_matrix(np.ones(cells.shape, dtype=np.float32))
    axes = sb.pl.compare_generated(cells[:90], cells[90:], basis="lsi", show=False)
    assert "Pearson nan" in axes[1, 1].get_title()


def test_another_basis(cells):
    with pytest.raises(ValueError, match=r"basis must be one of \['umap', 'lsi'\], got 'tsne'"):
        sb.pl.compare_generated(cells, cells, basis="tsne")
