"""What every plot takes and gives: files as scanpy's users write them, axes, sizes, colours."""

from inspect import signature

import anndata as ad
import matplotlib as mpl
import mudata as md
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import scbasset_tl as sb
from scbasset_tl.genome import Motif

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def scored(trained, rng):
    motifs = [Motif(f"MA{n}", f"TF{n}", rng.dirichlet(np.full(4, 0.3), 8)) for n in range(6)]
    sb.tl.tf_activity(trained, motifs, n_background=10, n_null=0, groupby="kind")
    trained.obsm["X_umap"] = rng.normal(size=(trained.n_obs, 2))
    return trained


@pytest.fixture
def path_table():
    columns = {"l2_cell": [0, 1e-6], "label_score": [0.9, 0.89], "ilisi": [1.3, 1.7], "ilisi_by_chance": 1.9}
    return pd.DataFrame({**columns, "recommended": [False, True]}, index=["l2_0", "l2_1e-06"])


@pytest.fixture
def plots(scored, path_table):
    """Every plot that is quick to make, by name."""
    return {
        "history": lambda **how: sb.pl.history(scored, **how),
        "report": lambda **how: sb.pl.report(scored, **how),
        "motif": lambda **how: sb.pl.motif(Motif("MA1", "TF1", np.eye(4)), **how),
        "compare_models": lambda **how: sb.pl.compare_models(path_table, **how),
        "heatmap": lambda **how: sb.pl.tf_activity(scored, **how),
        "violin": lambda **how: sb.pl.tf_activity(scored, "MA1", kind="violin", **how),
        "embedding": lambda **how: sb.pl.tf_activity(scored, "MA1", kind="embedding", **how),
        "ism": lambda **how: sb.pl.ism(scored, 0, window=20, **how),
        "generation": lambda **how: sb.pl.compare_generated(scored[:30], scored[30:], basis="lsi", **how),
    }


ALL = ["history", "report", "motif", "compare_models", "heatmap", "violin", "embedding", "ism", "generation"]
ONE_PANEL = ["history", "motif", "compare_models", "heatmap", "violin", "embedding", "ism"]


def ink(path):
    """Share of the pixels of a PNG that are not white."""
    return (plt.imread(path)[..., :3] < 0.99).any(axis=-1).mean()


@pytest.mark.parametrize("show", [False, None])
@pytest.mark.parametrize("name", ALL)
def test_pyplot_saves_what_was_drawn(plots, name, show, tmp_path):
    plots[name](show=show)
    assert len(plt.get_fignums()) == 1
    plt.savefig(tmp_path / "figure.png")
    assert ink(tmp_path / "figure.png") > 0.005


@pytest.mark.parametrize("name", ONE_PANEL)
def test_a_plot_of_one_panel_draws_into_the_axes_given(plots, name, tmp_path):
    figure, axes = plt.subplots(1, 2, figsize=(12, 4))
    assert plots[name](ax=axes[1]) is axes[1]
    assert plt.get_fignums() == [figure.number]
    assert len(axes[0].lines) + len(axes[0].collections) == 0
    assert len(axes[1].lines) + len(axes[1].collections) > 0
    figure.savefig(tmp_path / "figure.png")


def test_axes_given_are_not_shown_before_the_rest_is_drawn(plots, shown, monkeypatch):
    monkeypatch.setattr(mpl, "get_backend", lambda: "qtagg")
    assert plots["history"]() is None
    assert len(shown) == 1
    ax = plt.figure().add_subplot()
    assert plots["history"](ax=ax) is ax
    assert len(shown) == 1


@pytest.mark.parametrize("name", ALL)
def test_figsize_is_the_size(plots, name):
    assert plots[name](figsize=(9, 7), return_fig=True).get_size_inches().tolist() == [9, 7]


@pytest.mark.parametrize(
    ("name", "size"), [("history", [3, 2]), ("compare_models", [3, 2]), ("report", [6, 4]), ("embedding", [3, 2])]
)
def test_the_size_set_in_matplotlib_is_that_of_a_panel(plots, name, size):
    with mpl.rc_context({"figure.figsize": (3, 2)}):
        assert plots[name](return_fig=True).get_size_inches().tolist() == size


def test_every_plot_takes_figsize_and_those_of_one_panel_ax():
    for name in sb.pl.__all__:
        assert "figsize" in signature(getattr(sb.pl, name)).parameters
    with_ax = {name for name in sb.pl.__all__ if "ax" in signature(getattr(sb.pl, name)).parameters}
    assert with_ax == {"compare_models", "history", "ism", "modisco", "motif", "tf_activity"}


def test_violins_have_the_colours_of_scanpy_or_of_the_palette(scored):
    def colors(**how):
        (ax,) = sb.pl.tf_activity(scored, "MA1", kind="violin", groupby="kind", show=False, **how)
        return [to_hex(body.get_facecolor()[0]) for body in ax.collections[:2]]

    assert colors() == [to_hex("lightsteelblue")] * 2
    assert colors(palette=["red", "blue"]) == ["#ff0000", "#0000ff"]
    assert colors(palette={"b": "red", "a": "blue"}) == ["#0000ff", "#ff0000"]
    assert colors(palette="tab10") == [to_hex("tab:blue"), to_hex("tab:orange")]
    scored.obs["kind"] = scored.obs["kind"].astype("category")
    scored.uns["kind_colors"] = ["#112233", "#445566"]
    assert colors() == ["#112233", "#445566"]


def test_generated_cells_have_the_colours_of_scanpy_or_of_the_palette(scored):
    scored.obs["kind"] = scored.obs["kind"].astype("category")
    scored.uns["kind_colors"] = ["#112233", "#445566"]

    def colors(**how):
        axes = sb.pl.compare_generated(scored[:30], scored[30:], label_key="kind", basis="lsi", show=False, **how)
        return [to_hex(dots.get_facecolor()[0]) for dots in axes[0, 1].collections[-2:]]

    assert colors() == ["#112233", "#445566"]
    assert colors(palette=["red", "blue"]) == ["#ff0000", "#0000ff"]


def test_cmap_is_used(scored):
    (ax,) = sb.pl.tf_activity(scored, "MA1", kind="embedding", cmap="viridis", show=False)
    assert ax.collections[0].get_cmap().name == "viridis"
    assert sb.pl.tf_activity(scored, cmap=mpl.colormaps["magma"], show=False).collections[0].get_cmap().name == "magma"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"figsize": 3}, r"figsize must be \(width, height\)"),
        ({"figsize": (3, -1)}, "figsize must be a finite number above 0, got -1"),
        ({"ax": [1]}, "ax must be one matplotlib Axes, got list"),
        ({"kind": "violin", "n_top": 2, "ax": "new"}, "ax= holds one panel, not 2 motifs"),
        ({"figsize": (3, 3), "ax": "new"}, "pass one of the two"),
        ({"cmap": "viridid"}, "no colormap 'viridid'"),
        ({"kind": "violin", "palette": {"a": "red"}}, r"palette has no colour for \['b'\]"),
        ({"kind": "violin", "palette": ["redd"]}, "'redd' is no colour"),
        ({"kind": "violin", "palette": []}, "palette is empty"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_no_figure_left(scored, how, message):
    if how.get("ax") == "new":
        how = {**how, "ax": mpl.figure.Figure().add_subplot()}
    with pytest.raises((ValueError, TypeError), match=message):
        sb.pl.tf_activity(scored, **how)
    assert plt.get_fignums() == []


def test_a_mudata_has_its_umap_at_the_top(scored):
    mdata = md.MuData({"atac": scored, "rna": ad.AnnData(np.ones((60, 3)), obs=scored.obs[[]])})
    scored = mdata["atac"]
    umap = scored.obsm.pop("X_umap")
    mdata.obsm["X_umap"] = umap[::-1]
    (ax,) = sb.pl.tf_activity(mdata, "MA1", kind="embedding", show=False)
    assert isinstance(ax, Axes)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), umap[::-1])
