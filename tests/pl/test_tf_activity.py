import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list

import scbasset_tl as sb
from scbasset_tl.genome import Motif
from scbasset_tl.pl._tf_panels import likeness

KINDS = ["heatmap", "violin", "embedding"]


@pytest.fixture
def scored(trained, rng):
    """Activities of 60 motifs with long names; the first five are all but the same."""
    first = rng.dirichlet(np.full(4, 0.3), 8)
    pwms = [first] * 5 + [rng.dirichlet(np.full(4, 0.3), 8) for _ in range(55)]
    motifs = [
        Motif(f"MA{number:04}.1", f"NR1H{number}::RXRA(var.{number % 3})", pwm) for number, pwm in enumerate(pwms)
    ]
    sb.tl.tf_activity(trained, motifs, n_background=10, n_null=0, groupby="kind")
    trained.obs["long"] = [f"{'a T cell, memory (activated)' * (kind == 'a')}b" for kind in trained.obs["kind"]]
    return trained


def overlapping(figure):
    """Pairs of texts that cover each other."""
    figure.draw_without_rendering()
    # ticks that lie outside the range of their axis are not drawn, but there
    drawn = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    outside = {
        tick.label1
        for ax in drawn
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in figure.texts + [text for ax in drawn for text in ax.findobj(mpl.text.Text)]
        if text.get_visible() and text.get_text() and text.get_window_extent().width and text not in outside
    ]
    return [
        (one, other)
        for place, (one, box) in enumerate(boxes)
        for other, another in boxes[place + 1 :]
        if box.shrunk(0.9, 0.8).overlaps(another.shrunk(0.9, 0.8)) and one != other
    ]


@pytest.mark.parametrize(
    ("kind", "n_top", "groupby"),
    [
        *(("heatmap", n_top, groupby) for n_top in (1, 5, 60) for groupby in ("kind", "long")),
        *(("violin", n_top, groupby) for n_top in (1, 5) for groupby in ("kind", "long")),
        *(("embedding", n_top, None) for n_top in (1, 5)),
    ],
)
def test_nothing_is_cut_and_no_text_covers_another(scored, assert_nothing_cut, kind, n_top, groupby):
    figure = sb.pl.tf_activity(scored, kind=kind, n_top=n_top, groupby=groupby, return_fig=True)
    assert_nothing_cut(figure)
    assert overlapping(figure) == []


def test_heatmap_has_the_means_of_the_groups_in_the_order_of_the_tree(scored):
    ax = sb.pl.tf_activity(scored, n_top=60, show=False)
    assert isinstance(ax, Axes)
    found = sb.get.tf_activity(scored).to_df()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(names) == sorted(found.columns)
    means = found.groupby(scored.obs["kind"]).mean()[names].T
    np.testing.assert_allclose(ax.collections[0].get_array().reshape(60, 2), means, rtol=1e-5)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    # the five that are alike lie together, with a bar beside them
    places = sorted(names.index(name) for name in found.columns[:5])
    assert places == list(range(places[0], places[0] + 5))
    bars = [sorted(line.get_ydata()) for line in ax.figure.axes[0].lines]
    assert any(low <= 10 * places[0] + 5 and high >= 10 * places[-1] + 5 for low, high in bars)


def test_likeness_is_correlation_whatever_the_scale(rng):
    z = rng.normal(size=(30, 6))
    z[:, 5] = 3 * z[:, 2] + 7
    order = leaves_list(likeness(z)).tolist()
    assert abs(order.index(5) - order.index(2)) == 1
    assert likeness(z)[0, 2] == pytest.approx(0, abs=1e-12)
    z[:, 0] = 4
    assert np.isfinite(likeness(z)).all()


def test_motifs_are_chosen_by_name_or_id_or_by_significance(scored):
    def drawn(*arguments, **more):
        axes = sb.pl.tf_activity(scored, *arguments, kind="violin", show=False, **more)
        return [ax.get_title() for ax in axes]

    table = sb.get.tf_activity(scored).var
    assert drawn(["MA0007.1", table.index[2]]) == [table.index[7], table.index[2]]
    assert drawn(["NR1H9", "NR1H5"]) == [table.index[9], table.index[5]]
    assert drawn(n_top=3) == list(table["sd"].nlargest(3).index)
    entry = scored.uns["tf_activity"]
    entry["p_value"] = np.linspace(0.5, 0.001, 60)
    entry["fdr"] = np.where(np.arange(60) >= 56, 0.01, 0.9)
    assert drawn(n_top=10) == list(table.index[:55:-1])


def test_embedding_falls_back_to_principal_components(scored, rng):
    (ax,) = sb.pl.tf_activity(scored, "MA0000.1", kind="embedding", show=False)
    vectors = scored.obsm["X_scbasset"] - scored.obsm["X_scbasset"].mean(0)
    points = ax.collections[0].get_offsets()
    variance = np.linalg.eigvalsh(np.cov(vectors, rowvar=False, ddof=0))[::-1][:2]
    np.testing.assert_allclose(np.var(points, axis=0), variance, rtol=1e-3)
    assert ax.get_xlabel() == "PC 1"
    np.testing.assert_array_equal(ax.collections[0].get_array(), scored.obsm["tf_activity"][:, 0])
    scored.obsm["X_umap"] = rng.normal(size=(60, 2))
    (ax,) = sb.pl.tf_activity(scored, "MA0000.1", kind="embedding", show=False)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), scored.obsm["X_umap"])
    assert ax.get_ylabel() == "UMAP 2"
    (ax,) = sb.pl.tf_activity(scored, "MA0000.1", kind="embedding", basis="scbasset", show=False)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), scored.obsm["X_scbasset"][:, :2])


@pytest.mark.parametrize("kind", KINDS)
def test_shows_only_when_asked_and_keeps_no_returned_figure(scored, shown, kind):
    import matplotlib.pyplot as plt

    assert isinstance(sb.pl.tf_activity(scored, kind=kind, n_top=2, return_fig=True), Figure)
    assert shown == []
    assert plt.get_fignums() == []
    assert sb.pl.tf_activity(scored, kind=kind, n_top=2, show=True) is None
    assert len(shown) == 1


def test_scanpy_draws_what_get_returns(scored):
    import scanpy as sc

    found = sb.get.tf_activity(scored)
    axes = sc.pl.heatmap(found, list(found.var_names[:3]), groupby="kind", show=False)
    assert axes["heatmap_ax"].images[0].get_array().shape == (60, 3)
    mpl.pyplot.close("all")


@pytest.mark.filterwarnings("ignore:Observation names are not unique:UserWarning")
def test_violins_of_cells_with_repeated_names(scored):
    scored.obs_names = ["cell"] * scored.n_obs
    found = sb.get.tf_activity(scored)
    axes = np.ravel(sb.pl.tf_activity(scored, kind="violin", n_top=1, groupby="kind", show=False))
    values = found.to_df()[axes[0].get_title()].to_numpy()
    medians = [segment[0, 1] for segment in axes[0].collections[-1].get_segments()]
    expected = [np.median(values[(scored.obs["kind"] == kind).to_numpy()]) for kind in "ab"]
    np.testing.assert_allclose(medians, expected, rtol=1e-5)


def test_a_plot_of_motifs_that_are_not_significant_says_so(trained, capsys):
    motif = Motif("M1", "JUN", np.eye(4)[[3, 2, 0, 1]])
    sb.tl.tf_activity(trained, motif, n_background=10, n_null=20, groupby="kind")
    said = "no motif is significant (FDR at most 0.05)"
    trained.uns["tf_activity"]["fdr"][:] = 0.4
    with sb.settings.override(verbosity=2):
        sb.pl.tf_activity(trained, show=False)
        assert said in capsys.readouterr().err
        sb.pl.tf_activity(trained, "JUN", show=False)  # asked for by name
        trained.uns["tf_activity"]["fdr"][:] = 0.04
        sb.pl.tf_activity(trained, show=False)
        assert said not in capsys.readouterr().err
