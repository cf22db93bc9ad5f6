import anndata as ad
import mudata
import numpy as np
import pytest
from scipy import sparse

import scbasset_tl as sb


def opens(atac):
    return (atac.X.toarray() > 0).sum(axis=0)


@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.3, 0.41, 0.5])
def test_the_rule_of_the_original(atac, fraction):
    counts = opens(atac)
    kept = counts > int(fraction * 12)
    keep, n_cells = sb.pp.filter_peaks(atac, min_fraction=fraction, inplace=False)
    assert (keep.dtype, n_cells.dtype) == (bool, np.int64)
    assert keep.tolist() == kept.tolist()
    assert n_cells.tolist() == counts.tolist()
    assert atac.n_vars == 60
    assert "n_cells" not in atac.var
    assert sb.pp.filter_peaks(atac, min_fraction=fraction) is None
    assert atac.var["n_cells"].dtype == np.int64
    assert atac.var["n_cells"].tolist() == counts[kept].tolist()


def test_the_arrays_are_those_of_scanpy(atac):
    sc = pytest.importorskip("scanpy")
    atac.X.eliminate_zeros()
    theirs, numbers = sc.pp.filter_genes(atac, min_cells=4, inplace=False)
    ours, counts = sb.pp.filter_peaks(atac, min_cells=4, inplace=False)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(counts, numbers)


def test_stored_zeros_are_not_open(atac):
    assert (atac.X.data == 0).any()
    _, n_cells = sb.pp.filter_peaks(atac, inplace=False)
    assert (n_cells < np.diff(atac.X.tocsc().indptr)).any()


def test_upper_limit_and_number_of_cells(atac):
    counts = opens(atac)
    keep, _ = sb.pp.filter_peaks(atac, min_cells=4, max_fraction=0.5, inplace=False)
    assert keep.tolist() == ((counts >= 4) & (counts <= 6)).tolist()
    assert sb.pp.filter_peaks(atac, min_cells=0, inplace=False)[0].all()


def test_a_peak_at_the_limit_stays_whatever_floats_make_of_it():
    """``int(0.29 * 100)`` is 28."""
    for n_cells in (100, 113):
        for n_open in range(1, n_cells):
            opened = np.zeros((n_cells, 2), dtype=np.float32)
            opened[:n_open, 0], opened[: n_open + 1, 1] = 1, 1
            kept = sb.pp.filter_peaks(ad.AnnData(opened), min_cells=0, max_fraction=n_open / n_cells, inplace=False)[0]
            assert kept.tolist() == [True, False]


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
def test_forms_and_layers(atac, form):
    atac.layers["counts"] = form(atac.X.toarray())
    counts = opens(atac)
    atac.X = sparse.csr_matrix((12, 60), dtype=np.float32)
    assert sb.pp.filter_peaks(atac, layer="counts", inplace=False)[1].tolist() == counts.tolist()
    with pytest.raises(KeyError, match="no layer 'raw'"):
        sb.pp.filter_peaks(atac, layer="raw")


@pytest.mark.parametrize("view", [False, True])
def test_peaks_and_all_that_belongs_to_them_go(atac, fasta, view):
    keep = opens(atac) > int(0.4 * 12)
    data = atac[:, :] if view else atac
    sb.pp.add_sequences(atac, fasta, seq_len=20)
    names, codes = atac.var_names[keep], atac.varm["dna_code"][keep]
    sb.pp.filter_peaks(data, min_fraction=0.4)
    assert 0 < data.n_vars < 60
    assert list(data.var_names) == list(names)
    np.testing.assert_array_equal(data.varm["dna_code"], codes)
    assert atac.n_vars == (60 if view else data.n_vars)


def test_copy(atac, unchanged):
    check = unchanged(atac)
    new = sb.pp.filter_peaks(atac, min_fraction=0.4, copy=True)
    check()
    assert isinstance(new, ad.AnnData)
    assert new.n_vars < 60


def test_mudata_follows_its_modality(mdata):
    n_genes, keep = mdata["rna"].n_vars, opens(mdata["atac"]) > 4
    new = sb.pp.filter_peaks(mdata, min_fraction=0.4, copy=True)
    assert mdata["atac"].n_vars == 60
    sb.pp.filter_peaks(mdata, min_fraction=0.4)
    for data in (mdata, new):
        assert isinstance(data, mudata.MuData)
        assert data["atac"].n_vars == keep.sum()
        assert data.n_vars == n_genes + keep.sum()
        assert list(data.var_names) == [*data["rna"].var_names, *data["atac"].var_names]
        assert data.varm["atac"].sum() == keep.sum()
        assert data.n_obs == 12


def test_backed(atac, tmp_path):
    atac.write_h5ad(tmp_path / "x.h5ad")
    backed = ad.read_h5ad(tmp_path / "x.h5ad", backed="r")
    with pytest.raises(ValueError, match="backed by a file cannot lose peaks: pass copy=True"):
        sb.pp.filter_peaks(backed)
    assert sb.pp.filter_peaks(backed, inplace=False)[1].tolist() == opens(atac).tolist()
    new = sb.pp.filter_peaks(backed, min_fraction=0.4, copy=True)
    assert 0 < new.n_vars < 60
    backed.file.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_fraction": 1.5}, "min_fraction must be .* at most 1, got 1.5"),
        ({"min_fraction": -0.1}, "min_fraction must be"),
        ({"min_fraction": np.nan}, "min_fraction must be"),
        ({"max_fraction": 2}, "max_fraction must be"),
        ({"min_cells": 2.5}, "min_cells must be a whole number"),
        ({"min_cells": 9, "max_fraction": 0.5}, "at least 9 and at most 6 of 12 cells is no range"),
        ({"inplace": False, "copy": True}, "pass one of them"),
        ({"min_cells": 12}, r"no peak would be left: .*\(the most is \d+\)\. Lower min_fraction"),
    ],
)
def test_limits_that_cannot_be(atac, arguments, message, unchanged):
    check = unchanged(atac)
    with pytest.raises(ValueError, match=message):
        sb.pp.filter_peaks(atac, **arguments)
    check()


@pytest.mark.parametrize("value", [-1, np.nan, np.inf])
def test_values_that_are_no_accessibility(atac, value, unchanged):
    atac.X.data[3] = value
    check = unchanged(atac) if value == -1 else None
    with pytest.raises(ValueError, match="adata.X has 1 negative, infinite or NaN"):
        sb.pp.filter_peaks(atac)
    assert "n_cells" not in atac.var
    if check:
        check()


def test_slots_survive_storage(atac, tmp_path):
    sb.pp.filter_peaks(atac)
    atac.write_h5ad(tmp_path / "x.h5ad")
    back = ad.read_h5ad(tmp_path / "x.h5ad")
    assert back.var["n_cells"].equals(atac.var["n_cells"])


def test_an_upper_limit_is_a_share_of_the_cells_and_not_of_its_rounding():
    adata = ad.AnnData(np.triu(np.ones((100, 100), dtype=np.float32)))
    adata.var_names = [f"chr1:{1000 * peak}-{1000 * peak + 300}" for peak in range(100)]
    for percent in range(1, 101):
        keep, n_cells = sb.pp.filter_peaks(adata, min_fraction=0, max_fraction=percent / 100, inplace=False)
        np.testing.assert_array_equal(keep, n_cells <= percent)
