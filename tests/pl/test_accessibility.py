"""pl.accessibility draws the values it says, in the orders it says."""

import mudata as md
import numpy as np
import pytest
from matplotlib.colors import to_hex

import scbasset_tl as sb


def test_both_panels_have_the_same_cells_and_peaks(trained):
    cells, peaks = [5, 3, 17, 40, 8], slice(10, 22)
    raw, denoised = sb.pl.accessibility(trained, "kind", obs=cells, var=peaks, standardize=False, show=False)
    values = sb.get.accessibility(trained, obs=cells, var=peaks).to_numpy()
    order = np.argsort(trained.obs["kind"].iloc[cells].to_numpy(), kind="stable")
    found = np.asarray(denoised.images[0].get_array())
    columns = np.array([np.abs(values[order].T - column).sum(axis=1).argmin() for column in found.T])
    assert sorted(columns) == list(range(12))
    np.testing.assert_allclose(found, values[order][:, columns], rtol=1e-5)
    opened = (trained.X[cells][:, peaks].toarray() > 0)[order][:, columns]
    np.testing.assert_array_equal(np.asarray(raw.images[0].get_array()), opened)
    # peaks stand under the group that has them most open
    kind = trained.obs["kind"].iloc[cells].to_numpy()
    best = (values[kind == "b"].mean(axis=0) > values[kind == "a"].mean(axis=0))[columns]
    assert (np.diff(best.astype(int)) >= 0).all()


def test_standardized_values_have_mean_0_and_sd_1(trained):
    _, ax = sb.pl.accessibility(trained, "kind", show=False)
    drawn = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(drawn.std(axis=0), 1, atol=1e-4)


def test_clusters_are_of_each_panel(trained):
    axes = sb.pl.accessibility(trained, "kind", order="cluster", n_cells=20, n_peaks=30, show=False)
    blocks = [np.asarray(ax.images[0].get_array()) for ax in axes]
    assert [block.shape for block in blocks] == [(20, 30)] * 2
    # neighbours are nearer than rows at random
    block = blocks[1]
    apart = np.linalg.norm(block[:, None] - block[None], axis=2)
    assert np.diag(apart, 1).mean() < 0.7 * apart[np.triu_indices(20, 1)].mean()


def test_stripes_have_the_colours_of_the_groups_of_the_cells(trained):
    trained.obs["kind"] = trained.obs["kind"].astype("category")
    trained.uns["kind_colors"] = ["#112233", "#445566"]
    figure = sb.pl.accessibility(trained, "kind", return_fig=True)
    stripe = figure.axes[0].images[0].get_array()
    colors = [to_hex(color) for color in np.asarray(stripe)[:, 0]]
    n = int((trained.obs["kind"] == "a").sum())
    assert colors == ["#112233"] * n + ["#445566"] * (trained.n_obs - n)


def test_nothing_is_cut_and_the_size_is_kept(trained, assert_nothing_cut):
    assert_nothing_cut(sb.pl.accessibility(trained, "kind", return_fig=True))
    assert sb.pl.accessibility(trained, "kind", figsize=(8, 4), return_fig=True).get_size_inches().tolist() == [8, 4]


def test_random_cells_are_those_of_the_seed_and_have_a_group(trained):
    trained.obs["kind"] = trained.obs["kind"].where(np.arange(trained.n_obs) < 30)
    arrays = [
        np.asarray(
            sb.pl.accessibility(trained, "kind", n_cells=9, n_peaks=7, rng=seed, show=False)[1].images[0].get_array()
        )
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(arrays[0], arrays[1])
    assert not np.array_equal(arrays[0], arrays[2])
    whole, _ = sb.pl.accessibility(trained, "kind", show=False)
    assert len(whole.images[0].get_array()) == 30


def test_mudata(trained):
    mdata = md.MuData({"atac": trained})
    assert sb.pl.accessibility(mdata, "kind", show=False).shape == (2,)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"groupby": "nothing"}, KeyError, "no column 'nothing'"),
        ({"groupby": "kind", "order": "depth"}, ValueError, "order must be one of"),
        ({"groupby": "kind", "n_cells": 0}, ValueError, "n_cells must be a whole number"),
        ({"groupby": "kind", "obs": []}, ValueError, "nothing to draw"),
        ({"groupby": "kind", "var": []}, ValueError, "no peak to draw"),
        ({"groupby": "kind", "var": ["chr9:1-2"]}, KeyError, "var: 1 of 1 names"),
    ],
)
def test_what_cannot_be_drawn_is_refused(trained, arguments, error, words):
    with pytest.raises(error, match=words):
        sb.pl.accessibility(trained, **arguments)
