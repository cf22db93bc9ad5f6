"""Open entries through an index file: those of the matrix, whatever its form, and of no other matrix."""

import re

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

from scbasset_tl._adata import index
from scbasset_tl._adata.matrix import lines_from
from scbasset_tl._adata.model import problem
from scbasset_tl.stats import open_entries

FORMS = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(open_entries, "BLOCK_ENTRIES", 200)
    monkeypatch.setattr(index, "SAMPLE_ENTRIES", 64)


def training(adata, path=None, layer=None, **arguments):
    codes = adata.varm["dna_code"]
    return problem.training_data(adata, codes, layer=layer, batch_key=None, seed=0, index_file=path, **arguments)


def agree(found, expected):
    np.testing.assert_array_equal(found.open_entries.indptr, expected.open_entries.indptr)
    np.testing.assert_array_equal(found.open_entries.indices, expected.open_entries.indices)
    assert found.open_entries.n_cells == expected.open_entries.n_cells
    assert found.fingerprint() == expected.fingerprint()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kept", ["memory", "h5ad", "zarr"])
@pytest.mark.filterwarnings("ignore:zarr v3 autosharding")
def test_the_entries_are_those_in_memory(tiny, tmp_path, form, kept):
    expected = training(tiny)
    data, path = tiny.copy(), tmp_path / "cells.index"
    data.X = FORMS[form](tiny.X.toarray())
    if kept == "h5ad":
        data.write_h5ad(tmp_path / "cells.h5ad")
        data = ad.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    elif kept == "zarr":
        zarr = pytest.importorskip("zarr")
        group = zarr.open_group(tmp_path / "cells.zarr", mode="w")
        ad.io.write_elem(group, "X", data.X)
        data.X = group["X"] if form == "dense" else ad.io.sparse_dataset(group["X"])
    for _ in ("built", "reused"):
        found = training(data, path)
        assert isinstance(found.open_entries.indices, np.memmap)
        agree(found, expected)
    assert sorted(file.name for file in tmp_path.iterdir() if file.name.startswith("cells.index")) == ["cells.index"]


def test_a_problem_shares_its_entries(tiny, tmp_path):
    data = training(tiny, tmp_path / "cells.index")
    given = data.problem()
    assert given.open_entries is data.open_entries
    assert given.codes is data.codes
    np.testing.assert_array_equal(given.train, np.flatnonzero(data.split == "train"))
    np.testing.assert_array_equal(given.val, np.flatnonzero(data.split == "val"))
    np.testing.assert_array_equal(given.open_peaks, (tiny.X[:, given.train] > 0).sum(axis=1).A1)


def test_a_layer(tiny, tmp_path):
    tiny.layers["counts"] = tiny.X.copy()
    tiny.X = tiny.X[::-1].copy()
    agree(training(tiny, tmp_path / "cells.index", "counts"), training(tiny, layer="counts"))
    with pytest.raises(ValueError, match=re.escape("another matrix than adata.X")):
        training(tiny, tmp_path / "cells.index")


def moved(matrix):
    """The same numbers of entries in every cell, one of them elsewhere."""
    dense = matrix.toarray()
    cell = len(dense) // 2
    dense[cell] = np.roll(dense[cell], 1)
    return sparse.csr_matrix(dense)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda data: data[:50].copy(), "60 × 90 cells × peaks there, 50 × 90 here"),
        (lambda data: data[:, ::-1].copy(), "other open entries"),
        (lambda data: data[::-1].copy(), "another indptr"),
        (lambda data: ad.AnnData(data.X.tocsc(), data.obs, data.var, varm=data.varm), "CSR there, CSC here"),
        (lambda data: ad.AnnData(data.X.toarray(), data.obs, data.var, varm=data.varm), "CSR there, dense here"),
        (lambda data: ad.AnnData(moved(data.X), data.obs, data.var, varm=data.varm), "other open entries"),
    ],
)
def test_another_matrix_is_refused(tiny, tmp_path, change, difference):
    path = tmp_path / "cells.index"
    training(tiny, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"{difference}.*Delete it, or name another file"):
        training(change(tiny), path)
    assert path.read_bytes() == before


def test_other_values_of_the_same_entries_are_the_same_matrix(tiny, tmp_path):
    path = tmp_path / "cells.index"
    expected = training(tiny, path)
    tiny.X = 2 * tiny.X
    agree(training(tiny, path), expected)


def test_a_damaged_file_is_not_reused(tiny, tmp_path):
    path = tmp_path / "cells.index"
    training(tiny, path)
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(ValueError, match="checksum is wrong"):
        training(tiny, path)


def test_only_a_call_that_verifies_reads_the_file_whole(tiny, tmp_path, monkeypatch):
    path = tmp_path / "cells.index"
    expected = training(tiny, path)
    monkeypatch.setattr(open_entries.OpenEntries, "checksum", lambda self: "of all that was read")
    agree(training(tiny, path, verify=False), expected)
    with pytest.raises(ValueError, match="checksum is wrong"):
        training(tiny, path)


def test_a_damaged_number_of_cells_is_seen(tiny, tmp_path):
    path = tmp_path / "cells.index"
    training(tiny, path)
    path.write_bytes(path.read_bytes().replace(b'"n_cells": 60', b'"n_cells": 20'))
    with pytest.raises(ValueError, match="20 × 90 cells × peaks there, 60 × 90 here.*Delete it"):
        training(tiny, path)


def test_sizes_are_checked_before_the_split(tiny):
    with pytest.raises(ValueError, match="60 cells and 0 peaks"):
        training(tiny[:, :0].copy())


def test_the_places_compared_are_spread_over_the_matrix(tiny, monkeypatch):
    """A change is seen in the places that are read; with every line read, everywhere."""
    monkeypatch.setattr(index, "SAMPLE_ENTRIES", 1)
    seen = []
    lines = lines_from(tiny)

    def blocks(first, last):
        seen.extend(range(first, last))
        return lines.blocks(first, last)

    index._sample(lines._replace(blocks=blocks))
    assert len(seen) == index.N_SAMPLES
    assert {seen[0], seen[-1]} == {0, tiny.n_obs - 1}
    assert np.diff(seen).max() <= 2
