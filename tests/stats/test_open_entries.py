from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from scbasset_tl.stats import open_entries as module
from scbasset_tl.stats.open_entries import OpenEntries, blocks_of_rows
from scbasset_tl.stats.transpose import transpose

booleans = st_numpy.arrays(bool, st_numpy.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def entries_of(dense):
    matrix = sparse.csr_matrix(dense)
    return OpenEntries(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), dense.shape[1])


@settings(max_examples=50, deadline=None)
@given(booleans, st.data())
def test_dense_counts_and_rows(dense, data):
    entries = entries_of(dense)
    np.testing.assert_array_equal(entries.dense(), dense)
    np.testing.assert_array_equal(entries.peak_counts(), dense.sum(axis=1))
    np.testing.assert_array_equal(entries.cell_counts(), dense.sum(axis=0))
    peaks = np.array(data.draw(st.lists(st.integers(0, len(dense) - 1), max_size=8)), dtype=int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_ENTRIES", 3)
        np.testing.assert_array_equal(entries.rows(peaks).dense(), dense[peaks])
        np.testing.assert_array_equal(entries.cell_counts(peaks), dense[peaks].sum(axis=0))


@settings(max_examples=50, deadline=None)
@given(booleans, st.data())
def test_spans_and_matrices(dense, data):
    entries = entries_of(dense)
    first, last = sorted(data.draw(st.lists(st.integers(0, len(dense)), min_size=2, max_size=2)))
    part = entries.span(first, last)
    assert part.indptr[0] == 0
    np.testing.assert_array_equal(part.csr(np.float32).toarray(), dense[first:last])
    assert part.csr(np.float32).dtype == np.float32
    again = OpenEntries.from_csr(entries.csr())
    assert again.checksum() == entries.checksum()
    assert (again.indptr.dtype, again.indices.dtype, again.n_cells) == (np.int64, np.int32, dense.shape[1])


@settings(max_examples=50, deadline=None)
@given(booleans)
def test_transpose(dense):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_ENTRIES", 3)
        transposed = transpose(entries_of(dense))
    expected = entries_of(dense.T)
    assert transposed.n_cells == expected.n_cells
    assert transposed.indices.dtype == np.int32
    np.testing.assert_array_equal(transposed.indptr, expected.indptr)
    np.testing.assert_array_equal(transposed.indices, expected.indices)


def test_the_checksum_is_that_of_the_entries(rng, monkeypatch):
    entries = entries_of(rng.random((9, 7)) < 0.5)
    monkeypatch.setattr(module, "BLOCK_ENTRIES", 4)
    assert (
        entries.checksum() == blake2b(entries.indptr.tobytes() + entries.indices.tobytes(), digest_size=16).hexdigest()
    )


def test_blocks_cover_all_rows_and_stay_near_the_bound(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ENTRIES", 10)
    lengths = np.array([3, 0, 4, 25, 1, 1, 0, 9, 9, 0])
    blocks = blocks_of_rows(np.concatenate([[0], np.cumsum(lengths)]))
    assert [row for start, stop in blocks for row in range(start, stop)] == list(range(10))
    for start, stop in blocks:
        assert lengths[start : stop - 1].sum() < 10
    assert blocks_of_rows(np.zeros(4, dtype=int)) == [(0, 3)]
