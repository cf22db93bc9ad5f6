import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse
from sklearn.metrics import average_precision_score, roc_auc_score

from scbasset_tl import _kernel as kernel_module
from scbasset_tl.stats import auc as auc_module
from scbasset_tl.stats.auc import areas_per_column, areas_per_row, held_out_areas
from scbasset_tl.stats.open_entries import OpenEntries


def entries_of(dense):
    matrix = sparse.csr_matrix(dense)
    return OpenEntries(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), dense.shape[1])


def by_sklearn(scores, dense):
    """NaN where there is one class, else sklearn, row by row in float64."""
    return np.array(
        [
            roc_auc_score(truth, row) if 0 < truth.sum() < len(truth) else np.nan
            for row, truth in zip(scores.astype(np.float64), dense, strict=True)
        ]
    )


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_rows_and_columns_against_sklearn(data):
    shape = data.draw(st_numpy.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=10))
    dense = data.draw(st_numpy.arrays(bool, shape))
    # few values, so that ties abound; ±0 are ties too
    values = st.sampled_from([-2.5, -0.0, 0.0, 1.0, 1.0000001, 3e30])
    scores = data.draw(st_numpy.arrays(data.draw(st.sampled_from([np.float32, np.float64])), shape, elements=values))
    np.testing.assert_allclose(areas_per_row(scores, entries_of(dense)).roc, by_sklearn(scores, dense), rtol=1e-14)
    np.testing.assert_allclose(
        areas_per_column(scores, entries_of(dense)).roc, by_sklearn(scores.T, dense.T), rtol=1e-14
    )


def precision_by_sklearn(scores, dense):
    """NaN where there is one class, else average precision, row by row."""
    return np.array(
        [
            np.nan if row.all() or not row.any() else average_precision_score(row, score)
            for row, score in zip(dense, scores, strict=True)
        ]
    )


@pytest.mark.parametrize("n_values", [3, 20, 10**6])
def test_average_precision_against_sklearn_with_and_without_ties(n_values):
    rng = np.random.default_rng(n_values)
    dense = rng.random((40, 30)) < 0.3
    dense[0], dense[1] = False, True
    scores = rng.integers(n_values, size=dense.shape) / n_values
    found = areas_per_row(scores, entries_of(dense))
    np.testing.assert_allclose(found.pr, precision_by_sklearn(scores, dense), rtol=1e-12)
    np.testing.assert_array_equal(found.roc, areas_per_row(scores, entries_of(dense)).roc)


def test_by_hand():
    dense = np.array([[1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    scores = np.array([[3, 1, 2, 0], [1, 1, 0, 0], [1, 2, 3, 4], [1, 2, 3, 4]])  # integers too
    np.testing.assert_array_equal(areas_per_row(scores, entries_of(dense)).roc, [1.0, 0.5, np.nan, np.nan])


def test_many_ties_and_threads():
    rng = np.random.default_rng(0)
    scores, dense = rng.integers(0, 50, (40, 3000)).astype(np.float32), rng.random((40, 3000)) < 0.1
    before, expected = numba.get_num_threads(), by_sklearn(scores, dense)
    for n_threads in {1, before}:
        numba.set_num_threads(n_threads)
        np.testing.assert_allclose(areas_per_row(scores, entries_of(dense)).roc, expected, rtol=1e-14)
    numba.set_num_threads(before)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite(value):
    scores = np.zeros((5, 4))
    scores[[3, 4], 2] = value
    with pytest.raises(ValueError, match="2 rows hold .* first is row 3|1 rows hold .* first is row 3"):
        areas_per_row(scores, entries_of(np.eye(5, 4, dtype=bool)))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"\(2, 3\), open entries \(3, 2\)"):
        areas_per_row(np.zeros((2, 3)), entries_of(np.eye(3, 2, dtype=bool)))


@pytest.mark.parametrize("block", [None, 1, 7, 1000])
def test_held_out_areas_is_that_of_the_logits(block):
    rng = np.random.default_rng(1)
    n_peaks, n_cells = 30, 50
    peaks, cells, bias = (
        rng.standard_normal((n_peaks, 4)),
        rng.standard_normal((n_cells, 4)),
        rng.normal(-2, 1, n_cells),
    )
    logits = peaks @ cells.T + bias
    dense = rng.random((n_peaks, n_cells)) < 1 / (1 + np.exp(-logits))
    dense[0], dense[:, 0] = True, False
    per_cell, per_peak = held_out_areas(peaks, cells, bias, entries_of(dense), block=block)
    np.testing.assert_allclose(per_cell.roc, by_sklearn(logits.T, dense.T), rtol=1e-14)
    np.testing.assert_allclose(per_peak.roc, by_sklearn(logits, dense), rtol=1e-14)
    assert np.isnan(per_cell.roc[0])


def test_held_out_areas_refuses_a_model_that_diverged():
    entries = entries_of(np.eye(3, dtype=bool))
    with pytest.raises(ValueError, match="finite"):
        held_out_areas(np.ones((3, 2)), np.ones((3, 2)), np.array([0, np.nan, 0]), entries)


def test_held_out_areas_never_holds_all_logits(monkeypatch):
    import tracemalloc

    monkeypatch.setattr(auc_module, "BLOCK_SCORES", 10_000)
    rng = np.random.default_rng(0)
    entries = entries_of(rng.random((500, 800)) < 0.02)
    parts = rng.standard_normal((500, 2)), rng.standard_normal((800, 2)), np.zeros(800)
    held_out_areas(*parts, entries)  # compiled now
    tracemalloc.start()
    held_out_areas(*parts, entries)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500 * 800  # a fourth of the logits in float32


def test_kernels_compile_without_a_cache_folder(monkeypatch):
    def without_place(function):
        message = "cannot cache function: no locator available"
        raise RuntimeError(message)

    monkeypatch.setattr(kernel_module, "_Cache", without_place)
    compiled = kernel_module.kernel()(lambda x: x + 1)
    assert compiled(1) == 2
    assert not compiled.stats.cache_path
