import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import scbasset_tl as sb


def test_report_has_four_panels_and_the_verdict_on_top(trained, assert_nothing_cut):
    found = sb.get.report(trained)
    figure = sb.pl.report(found, return_fig=True)
    assert found.verdict in figure.get_suptitle()
    assert found.sentences["verdict"] in figure.get_suptitle()
    assert_nothing_cut(figure)
    axes = sb.pl.report(trained, show=False)
    assert axes.shape == (2, 2)
    scatter = axes[1, 0].collections[0]
    assert scatter.get_rasterized()
    np.testing.assert_allclose(scatter.get_offsets(), found.cells[["log10_depth", "intercept"]])
    assert sum(bar.get_height() for bar in axes[0, 0].patches) == found.cells["auroc"].notna().sum()
    texts = [text.get_text() for text in axes[0, 0].get_legend().get_texts()]
    assert f"peaks' own means {found.numbers['peak_mean_per_cell']:.3f}" in texts


def test_report_without_history_says_so(trained):
    trained.uns["scbasset"]["history"] = {}
    axes = sb.pl.report(trained, show=False)
    assert [text.get_text() for text in axes[1, 1].texts] == ["weights from a file: no history"]
    with pytest.raises(KeyError, match="has no history"):
        sb.pl.history(trained, show=False)


@pytest.mark.parametrize("plot", [sb.pl.history, sb.pl.report])
def test_shows_only_when_asked_and_keeps_no_returned_figure(trained, shown, plot):
    import matplotlib.pyplot as plt

    assert isinstance(plot(trained, return_fig=True), Figure)
    assert plt.get_fignums() == []
    plot(trained)  # agg has no screen
    assert shown == []
    plt.close("all")
    assert plot(trained, show=True) is None
    assert len(shown) == 1
    assert len(shown[0]) == 1


@pytest.mark.parametrize("plot", [sb.pl.history, sb.pl.report])
def test_no_model(tiny, plot):
    with pytest.raises(KeyError, match="holds no trained model"):
        plot(tiny, show=False)


def test_cells_are_drawn_beside_it(trained):
    axes = sb.pl.report(trained, color="kind", show=False)
    assert axes.shape == (5,)
    drawn = {points.get_label(): points.get_offsets() for points in axes[0].collections}
    vectors = trained.obsm["X_scbasset"] - trained.obsm["X_scbasset"].mean(0)
    axis = np.linalg.svd(vectors, full_matrices=False)
    expected = (axis[0] * axis[1])[:, :2]
    for name, offsets in drawn.items():
        np.testing.assert_allclose(offsets, expected[(trained.obs["kind"] == name).to_numpy()], atol=1e-5)
    assert set(drawn) == set(trained.obs["kind"].astype(str))
    data = trained.copy()
    data.obsm["X_umap"] = np.random.default_rng(0).normal(size=(data.n_obs, 2))
    data.obs["kind"] = data.obs["kind"].astype("category")
    data.uns["kind_colors"] = ["#123456"] * 20
    ax = sb.pl.report(data, color="kind", show=False)[0]
    assert ax.get_xlabel() == "UMAP1"
    assert to_hex(ax.collections[0].get_facecolor()[0]) == "#123456"


def test_what_cannot_be_drawn_beside_it(trained):
    with pytest.raises(KeyError, match="color: obs has no column 'louvain'"):
        sb.pl.report(trained, color="louvain")
    with pytest.raises(ValueError, match="pass the AnnData or MuData itself"):
        sb.pl.report(sb.get.report(trained), color="kind")
    sb.tl.scbasset(trained, trunk=4, n_latent=1, max_epochs=1, key_added="line")
    with pytest.raises(ValueError, match=r"basis: the cells' vectors \(\d+, 1\) have no two principal components"):
        sb.pl.report(trained, color="kind", key="line")
    with pytest.raises(ValueError, match=r"basis: the cells' vectors \(1, 32\)"):
        sb.pl.report(trained[:1], color="kind")
    trained.obs["kind"] = None
    with pytest.raises(ValueError, match=r"color: no cell has a value in obs\['kind'\]"):
        sb.pl.report(trained, color="kind")
