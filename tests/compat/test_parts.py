"""Parts of data in a file, and of every second peak: what takes a part of a part gives what it gives in memory."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb

FORMS = ["file", "every second peak", "backwards"]


@pytest.fixture(scope="module")
def whole():
    adata = sb.datasets.toy(n_obs=80, n_vars=160, n_batches=2)
    sb.tl.scbasset(adata, trunk=8, max_epochs=1)
    return adata


@pytest.fixture(params=FORMS)
def pair(request, whole, tmp_path):
    """A part of the data, and the same in memory."""
    if request.param == "file":
        whole.write_h5ad(tmp_path / "a.h5ad")
        return ad.read_h5ad(tmp_path / "a.h5ad", backed="r")[:60], whole[:60].copy()
    part = whole[:, ::2] if request.param == "every second peak" else whole[::-1, ::-1]
    return part, part.copy()


def test_reference_of_new_cells(whole, pair):
    part, expected = pair
    query = whole[60:, expected.var_names].copy()
    query = query[np.asarray(query.X.sum(axis=1)).ravel() > 0].copy()
    found, wanted = (sb.tl.map_cells(query, reference, copy=True) for reference in (part, expected))
    pd.testing.assert_frame_equal(found.obs, wanted.obs)
    assert "scbasset_ood" in found.obs


def test_picture(pair):
    part, expected = pair
    pictures = [sb.pl.accessibility(data, "cell_type", n_cells=20, return_fig=True) for data in (part, expected)]
    shown = [[image.get_array() for ax in figure.axes for image in ax.images] for figure in pictures]
    for found, wanted in zip(*shown, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_compared_models(pair):
    arguments = {"keys": ["scbasset"], "batch_key": "batch", "label_key": "cell_type", "k": 5, "k_mixing": 9}
    tables = [sb.metrics.compare_models(data, **arguments) for data in pair]
    pd.testing.assert_frame_equal(*tables)
