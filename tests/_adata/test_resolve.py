"""What users pass instead of an AnnData with peaks, and what they are told."""

import anndata as ad
import mudata as md
import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.matrix import check_layer
from scbasset_tl._adata.resolve import resolve


def lookalike(package, name, *methods):
    """An object of a class that is named as anndata's, from another package."""
    body = {method: lambda self: None for method in methods}
    return type(name, (), {"__module__": f"{package}._{package}", **body})()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lookalike("snapatac2", "AnnData", "to_memory"), "got snapatac2.AnnData. Pass an anndata.AnnData: data.to_memory()."),
        (lookalike("snapatac2", "AnnDataSet", "to_adata"), "got snapatac2.AnnDataSet. Pass an anndata.AnnData: data.to_adata()."),
        (lookalike("other", "Table"), "got Table."),
        ("x.h5ad", "got str. Read it first, e.g. anndata.read_h5ad(path)."),
        (np.ones((2, 2)), "got ndarray. Make one of cells × peaks, anndata.AnnData(matrix), with the peaks' regions (chr1:100-600) as "
         "var_names."),
        (None, "got NoneType. Functions of pp and tl change the data and return None: call sb.pp.filter_peaks(adata), not "
         "adata = sb.pp.filter_peaks(adata)."),
    ],
)  # fmt: skip
def test_other_kinds_of_data(data, words):
    with pytest.raises(TypeError) as caught:
        resolve(data)
    assert str(caught.value) == f"data must be an AnnData or a MuData, {words}"


def test_a_missing_modality_is_called_by_its_argument(tiny):
    tiny.obsm["tf_activity"] = np.ones((60, 2))
    data = md.MuData({"atac": tiny, "gex": ad.AnnData(np.ones((60, 2)), obs=tiny.obs[[]])})
    with pytest.raises(KeyError, match=r"no modality 'peaks'; it has \['atac', 'gex'\]. Pass mod= .* ATAC modality"):
        sb.pp.split_peaks(data, mod="peaks")
    for call in (resolve, lambda data, rna, argument: sb.metrics.tf_expression_correlation(data)):
        with pytest.raises(KeyError, match=r"no modality 'rna'; it has \['atac', 'gex'\]. Pass rna= .* RNA modality"):
            call(data, "rna", argument="rna")


def test_raw_is_no_layer(tiny):
    with pytest.raises(KeyError, match="no layer 'raw'.*layer=None"):
        check_layer(tiny, "raw")
    tiny.raw = tiny.copy()
    tiny.X = tiny.X * 0.5
    for data, fixed in (
        (tiny, "adata.layers['raw'] = adata.raw"),
        (tiny[:, ::-1].copy(), "adata.layers['raw'] = adata.raw"),
    ):
        with pytest.raises(KeyError) as caught:
            sb.pp.filter_peaks(data, layer="raw")
        statement = caught.value.args[0].partition("is no layer: ")[2].removesuffix(".")
        assert statement.startswith(fixed)
        exec(statement, {"adata": data})
        check_layer(data, "raw")
        np.testing.assert_array_equal(data.layers["raw"].toarray(), 2 * data.X.toarray())
    del tiny.layers["raw"]
    tiny.var_names = [f"other{row}" for row in range(90)]
    with pytest.raises(KeyError, match=r"adata = adata.raw.to_adata\(\)"):
        check_layer(tiny, "raw")


@pytest.mark.parametrize(
    "call",
    [
        lambda data: sb.pp.add_sequences(data, "x.fa"),
        lambda data: sb.pp.split_peaks(data),
        lambda data: sb.pp.filter_peaks(data),
        lambda data: sb.pp.tokenize_regions(data),
        lambda data: sb.tl.scembed(data),
        lambda data: sb.tl.atac_diff(data),
        lambda data: sb.tl.scbasset(data),
    ],
)
def test_no_peaks_at_all(tiny, call):
    with pytest.raises(ValueError, match="gex_only=False"):
        call(tiny[:, :0].copy())


def test_genes_alone(tiny):
    tiny.var["feature_types"] = "Gene Expression"
    with pytest.raises(ValueError, match="no 'Peaks'.*gex_only=False"):
        sb.pp.split_peaks(tiny)


def test_home_in_paths(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = sb.datasets.toy_genome("~/genome.fa", n_vars=60)
    assert path == tmp_path / "genome.fa"
    (tmp_path / "peaks.bed").write_text("chr1\t0\t9\n")
    sb.pp.tokenize_regions(tiny, "~/peaks.bed")
    assert tiny.uns["tokens"]["n_regions"] == 1
