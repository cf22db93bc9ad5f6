from types import SimpleNamespace

import anndata
import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

import scbasset_tl
from scbasset_tl._adata.matrix import _check_kind, open_entries_from
from scbasset_tl.stats import open_entries

N_CELLS, N_PEAKS = 7, 11


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    counts = np.round(rng.gamma(1, 2, (N_CELLS, N_PEAKS)) * (rng.random((N_CELLS, N_PEAKS)) < 0.4), 1)
    counts[2], counts[:, 3] = 0, 0  # an empty cell and an empty peak are legal
    return counts


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(open_entries, "BLOCK_ENTRIES", 5)


def check(entries, counts):
    """``entries`` are exactly the positive entries of cells × peaks ``counts``."""
    expected = sparse.csr_matrix((np.asarray(counts) > 0).T)
    assert entries.n_cells == expected.shape[1]
    assert entries.indptr.dtype == np.int64
    assert entries.indices.dtype == np.int32
    np.testing.assert_array_equal(entries.indptr, expected.indptr)
    np.testing.assert_array_equal(entries.indices, expected.indices)


FORMS = {
    "csr_matrix": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "csc_matrix": sparse.csc_matrix,
    "csc_array": sparse.csc_array,
    "dense": np.asarray,
    "dense, columns first": np.asfortranarray,
    "half precision": lambda counts: counts.astype(np.float16),
    "bool": lambda counts: counts > 0,
    "sparse bool": lambda counts: sparse.csr_matrix(counts > 0),
    "integers": lambda counts: np.ceil(counts).astype(np.uint8),
    "sparse integers": lambda counts: sparse.csc_matrix(np.ceil(counts).astype(np.int64)),
}


def test_peaks_are_counted_without_collecting_entries(counts, monkeypatch):
    def entries_of(*_):
        raise MemoryError

    monkeypatch.setattr("scbasset_tl.stats.transpose.open_entries_of", entries_of)
    for form in (sparse.csr_matrix, sparse.csc_matrix):
        adata = anndata.AnnData(form(counts))
        _, n_cells = scbasset_tl.pp.filter_peaks(adata, inplace=False)
        np.testing.assert_array_equal(n_cells, (counts > 0).sum(axis=0))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_gives_the_positive_entries(counts, form):
    check(open_entries_from(anndata.AnnData(form(counts))), counts)


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=50, deadline=None)
@given(st_numpy.arrays(np.int8, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 2)))
def test_any_matrix(counts):
    for form in (np.asarray, sparse.csr_matrix, sparse.csc_matrix):
        check(open_entries_from(SimpleNamespace(X=form(counts), n_obs=counts.shape[0], n_vars=counts.shape[1])), counts)


def test_layer(counts):
    adata = anndata.AnnData(np.ones_like(counts), layers={"counts": counts, "": np.zeros_like(counts)})
    check(open_entries_from(adata, "counts"), counts)
    check(open_entries_from(adata, ""), np.zeros_like(counts))
    check(open_entries_from(adata), np.ones_like(counts))


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
def test_view(counts, form):
    view = anndata.AnnData(form(counts))[[5, 1, 0], 2:9]
    check(open_entries_from(view), counts[[5, 1, 0], 2:9])
    assert view.is_view


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
def test_backed(counts, form, tmp_path):
    anndata.AnnData(form(counts)).write_h5ad(tmp_path / "x.h5ad")
    adata = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    check(open_entries_from(adata), counts)
    check(open_entries_from(adata[[0, 1, 4]]), counts[[0, 1, 4]])
    assert adata.isbacked
    adata.file.close()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.filterwarnings("ignore:zarr v3 autosharding")
def test_zarr_on_disk(counts, tmp_path):
    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    for name, form in {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}.items():
        anndata.io.write_elem(group, name, form(counts))
    check(open_entries_from(anndata.AnnData(anndata.io.sparse_dataset(group["csr"]))), counts)
    check(open_entries_from(anndata.AnnData(anndata.io.sparse_dataset(group["csc"]))), counts)
    check(open_entries_from(anndata.AnnData(counts, layers={"zarr": group["dense"]}), "zarr"), counts)


def test_dask(counts):
    chunked = da.from_array(counts, chunks=(3, 4))
    check(open_entries_from(anndata.AnnData(chunked)), counts)
    for form in (sparse.csr_matrix, sparse.csc_matrix):
        check(open_entries_from(anndata.AnnData(chunked.rechunk((3, N_PEAKS)).map_blocks(form))), counts)


def with_odd_entries(form):
    """Cells × peaks 2 × 4 with a stored zero at (0, 1), (1, 2) in two halves, (1, 0) as 1 and -1, all unsorted."""
    lines, across = np.array([0, 0, 1, 1, 1, 1]), np.array([3, 1, 2, 0, 2, 0])
    values = np.array([2.0, 0.0, 0.5, 1.0, 0.5, -1.0])
    if form is sparse.csr_matrix:
        return form((values, across, np.array([0, 2, 6])), shape=(2, 4))
    order = np.argsort(across, kind="stable")
    return form((values[order], lines[order], np.concatenate([[0], np.cumsum(np.bincount(across))])), shape=(2, 4))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix])
def test_stored_zeros_and_repeated_entries_leave_the_input_alone(form):
    matrix = with_odd_entries(form)
    before = [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr)]
    check(open_entries_from(anndata.AnnData(matrix)), [[0, 0, 0, 1], [0, 0, 1, 0]])
    for part, expected in zip((matrix.data, matrix.indices, matrix.indptr), before, strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
def test_bad_values_name_the_first_cell_and_peak(counts, form, value):
    counts[[4, 6], [9, 10]] = value
    adata = anndata.AnnData(counts)
    adata.obs_names, adata.var_names = [f"cell{i}" for i in range(N_CELLS)], [f"peak{i}" for i in range(N_PEAKS)]
    adata.layers["scaled"] = form(counts)
    message = rf"adata.layers\['scaled'\] has 2 .* first is {value} in cell 'cell4', peak 'peak9'.*layer="
    with pytest.raises(ValueError, match=message):
        open_entries_from(adata, "scaled")


def test_missing_layer_lists_the_others(counts):
    with pytest.raises(KeyError, match=r"no layer 'count'.*\['counts'\]"):
        open_entries_from(anndata.AnnData(counts, layers={"counts": counts}), "count")


@pytest.mark.parametrize(
    ("adata", "message"),
    [
        (anndata.AnnData(shape=(3, 4)), "adata.X is None"),
        (anndata.AnnData(np.zeros((0, 4))), "0 cells and 4 peaks"),
        (anndata.AnnData(np.zeros((3, 0))), "3 cells and 0 peaks"),
        (anndata.AnnData(np.ones((3, 4), dtype=complex)), "dtype complex128"),
        (anndata.AnnData(np.full((3, 4), "open")), "dtype <U4"),
        (anndata.AnnData(np.ones((3, 4), dtype=object)), "dtype object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_accessibility_matrix(adata, message):
    with pytest.raises(ValueError, match=message):
        open_entries_from(adata)


def test_more_cells_than_an_int32_counts():
    with pytest.raises(ValueError, match="2147483648 cells"):
        _check_kind(SimpleNamespace(n_obs=2**31, n_vars=1), np.empty(0), "adata.X")


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix])
def test_memory_beside_the_input(form, monkeypatch):
    import tracemalloc

    monkeypatch.setattr(open_entries, "BLOCK_ENTRIES", 1 << 13)
    matrix = form((np.random.default_rng(0).random((2_000, 2_000)) < 0.1).astype(float))
    adata = anndata.AnnData(matrix)
    open_entries_from(adata)  # compiled now
    tracemalloc.start()
    open_entries_from(adata)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / matrix.nnz < 6
