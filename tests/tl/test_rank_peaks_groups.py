"""tl.rank_peaks_groups against scanpy's test of the dense matrix; files, references, what it finds in the toy data."""

import warnings

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl.stats import low_rank, open_entries

KEY = "rank_peaks_groups"


def scanpys(adata, **arguments):
    """scanpy's test, which warns of fold changes that overflow and of peaks that do not vary."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        sc.tl.rank_genes_groups(adata, method="wilcoxon", tie_correct=True, use_raw=False, **arguments)


def table(adata, key, group="type_2"):
    return sc.get.rank_genes_groups_df(adata, group, key=key).set_index("names").sort_index()


@pytest.mark.parametrize("reference", ["rest", "type_4"])
@pytest.mark.parametrize("arguments", [{}, {"scale": "sigmoid", "normalize_depth": False}])
def test_denoised_is_scanpys_test_of_the_dense_matrix(trained, monkeypatch, reference, arguments):
    monkeypatch.setattr(low_rank, "BLOCK_ENTRIES", 300)
    sb.tl.denoise(trained, **arguments)
    call = {"groupby": "cell_type", "reference": reference}
    scanpys(trained, layer="scbasset", **call)
    sb.tl.rank_peaks_groups(trained, groups=["type_2", "type_3"], **call, **arguments)
    for group in ("type_2", "type_3"):
        found, expected = table(trained, KEY, group), table(trained, "rank_genes_groups", group)
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=2e-3)
        np.testing.assert_allclose(found["pvals"], expected["pvals"], rtol=0.02)
        np.testing.assert_allclose(found["pvals_adj"], expected["pvals_adj"], rtol=0.02)
    # scanpy takes the values for logarithms: the fold changes have their own oracle
    values = trained.layers["scbasset"]
    one = values[trained.obs["cell_type"] == "type_2"].mean(axis=0)
    other = (trained.obs["cell_type"] != "type_2") if reference == "rest" else (trained.obs["cell_type"] == reference)
    rest = values[other].mean(axis=0)
    expected = np.log2((one + 1e-9) / (rest + 1e-9)) if arguments else (one - rest) / np.log(2)
    found = table(trained, KEY)["logfoldchanges"].loc[trained.var_names]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert set(trained.uns[KEY]["names"].dtype.names) == {"type_2", "type_3"}
    assert (np.diff(trained.uns[KEY]["scores"]["type_2"]) <= 0).all()


@pytest.mark.parametrize("reference", ["rest", "type_4"])
@pytest.mark.parametrize("form", ["csr", "dense"])
def test_raw_is_scanpys_test_of_open_or_not(trained, monkeypatch, reference, form):
    monkeypatch.setattr(open_entries, "BLOCK_ENTRIES", 100)
    trained.X = 2 * trained.X
    trained.layers["open"] = (trained.X > 0).astype(np.float32)
    if form == "dense":
        trained.X = trained.X.toarray()
    call = {"groupby": "cell_type", "reference": reference}
    scanpys(trained, layer="open", **call)
    sb.tl.rank_peaks_groups(trained, kind="raw", **call)
    found, expected = table(trained, "rank_peaks_groups_raw"), table(trained, "rank_genes_groups")
    np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-5)
    np.testing.assert_allclose(found["pvals_adj"], expected["pvals_adj"], rtol=1e-5)


def test_cells_without_a_group_count_nowhere(trained):
    whole = trained.copy()
    whole.obs["cell_type"] = whole.obs["cell_type"].where(whole.obs["cell_type"] != "type_5")
    part = trained[trained.obs["cell_type"] != "type_5"].copy()
    for kind, key in (("denoised", KEY), ("raw", "rank_peaks_groups_raw")):
        for data in (whole, part):
            sb.tl.rank_peaks_groups(data, "cell_type", kind=kind)
        np.testing.assert_allclose(table(whole, key)["scores"], table(part, key)["scores"], atol=1e-5)


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_files_hold_it_and_scanpy_reads_it(trained, tmp_path, suffix):
    trained.obs["cell_type"] = trained.obs["cell_type"].cat.rename_categories({"type_2": "B/T"})
    sb.tl.rank_peaks_groups(trained, "cell_type", key_added="da")
    before = table(trained, "da", "B/T")
    getattr(trained, f"write_{suffix}")(tmp_path / "data")
    again = (ad.read_h5ad if suffix == "h5ad" else ad.read_zarr)(tmp_path / "data")
    assert table(again, "da", "B/T").equals(before)


def test_numbers_and_bools_are_groups(trained):
    trained.obs["flag"] = np.arange(trained.n_obs) % 2 == 0
    sb.tl.rank_peaks_groups(trained, "flag", groups=[True], reference=False)
    assert trained.uns[KEY]["names"].dtype.names == ("True",)


def test_peaks_of_a_type_come_first_and_denoising_finds_more_of_them(trained_toy):
    programme = trained_toy.var["programme"]
    n = int((programme == "type_1").sum())
    hits = {}
    for kind, key in (("denoised", KEY), ("raw", "rank_peaks_groups_raw")):
        sb.tl.rank_peaks_groups(trained_toy, "cell_type", kind=kind)
        top = trained_toy.uns[key]["names"]["type_1"][:n]
        hits[kind] = (programme[top] == "type_1").mean()
    assert hits["denoised"] > hits["raw"] > 0.3


def test_matrix_is_not_made_dense(trained, monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(sparse.csr_matrix, "toarray", refuse)
    monkeypatch.setattr(sparse.csr_matrix, "todense", refuse)
    sb.tl.rank_peaks_groups(trained, "cell_type", kind="raw")
