"""pp.tokenize_regions: cells × regions against loops, what is reported, and files."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl._adata.scembed.tokens import read_tokens, unpack_universe


@pytest.fixture
def cells():
    x = np.array([[1, 0, 2, 0], [0, 0, 0, 3], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=np.float32)
    var = pd.DataFrame({"chr": ["chr1", "chr1", "chr2", "chr3"], "start": [0, 50, 0, 0], "end": [100, 150, 10, 10]})
    return ad.AnnData(sparse.csr_matrix(x), var=var.set_axis(["a", "b", "c", "d"]))


UNIVERSE = pd.DataFrame({"chr": ["chr2", "chr1", "chr1", "chr1"], "start": [5, 90, 0, 95], "end": [9, 120, 20, 99]})


def test_tokens_and_report(cells):
    assert sb.pp.tokenize_regions(cells, UNIVERSE) is None
    assert cells.obsm["X_tokens"].dtype == bool
    expected = [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    np.testing.assert_array_equal(cells.obsm["X_tokens"].toarray(), expected)
    entry = cells.uns["tokens"]
    assert entry["n_regions"] == 4
    assert entry["mapped_peaks"] == 0.75
    assert entry["mapped_open"] == pytest.approx(5 / 7)
    assert entry["params"]["universe"] == "DataFrame"


@pytest.mark.parametrize(("options", "first"), [({"min_overlap": 10}, [0, 1, 1, 0]), ({"min_frac": 1.0}, [1, 0, 1, 1])])
def test_thresholds(cells, options, first):
    sb.pp.tokenize_regions(cells, UNIVERSE, **options)
    np.testing.assert_array_equal(cells.obsm["X_tokens"][0].toarray()[0], first)


def test_universe_as_bed_and_anndata(cells, tmp_path):
    sb.pp.tokenize_regions(cells, UNIVERSE)
    UNIVERSE.to_csv(tmp_path / "u.bed.gz", sep="\t", header=False, index=False)
    other = ad.AnnData(np.ones((1, 4), dtype=np.float32), var=UNIVERSE.set_axis(list("wxyz")))
    for universe in (tmp_path / "u.bed.gz", other):
        again = sb.pp.tokenize_regions(cells, universe, copy=True, key_added="foo")
        assert again.uns["foo"]["checksum"] == cells.uns["tokens"]["checksum"]
        np.testing.assert_array_equal(again.obsm["foo"].toarray(), cells.obsm["X_tokens"].toarray())


def test_own_peaks_write_uns_only(cells):
    sb.pp.tokenize_regions(cells)
    assert not len(cells.obsm)
    assert "universe" not in cells.uns["tokens"]
    np.testing.assert_array_equal(read_tokens(cells, None).open.toarray(), cells.X.toarray() > 0)


def test_round_trips(cells, tmp_path):
    sb.pp.tokenize_regions(cells, UNIVERSE)
    cells.write_h5ad(tmp_path / "a.h5ad")
    cells.write_zarr(tmp_path / "a.zarr")
    md.MuData({"atac": cells}).write_h5mu(tmp_path / "a.h5mu")
    for back in (
        ad.read_h5ad(tmp_path / "a.h5ad"),
        ad.read_zarr(tmp_path / "a.zarr"),
        md.read_h5mu(tmp_path / "a.h5mu")["atac"],
    ):
        tokens = read_tokens(back, None)
        np.testing.assert_array_equal(tokens.open.toarray(), cells.obsm["X_tokens"].toarray())
        assert unpack_universe(back.uns["tokens"]["universe"]).chrom.tolist() == UNIVERSE["chr"].tolist()


def test_loud_below_half(cells, capsys):
    with sb.settings.override(verbosity=1):
        sb.pp.tokenize_regions(cells, UNIVERSE.iloc[[0]])
    assert "WARNING: only 25.0% of the peaks" in capsys.readouterr().err


def test_gone_tokens(cells):
    sb.pp.tokenize_regions(cells, UNIVERSE)
    stored = cells.obsm.pop("X_tokens")
    with pytest.raises(KeyError, match="is gone"):
        read_tokens(cells, None)
    cells.obsm["X_tokens"] = stored[:, :3]
    with pytest.raises(ValueError, match="has 3 regions"):
        read_tokens(cells, None)


@pytest.mark.parametrize(
    "write", [lambda name: name.removeprefix("chr"), str.upper, "hg38_{}".format, "atac:{}".format]
)
def test_contigs_in_any_spelling(cells, write):
    sb.pp.tokenize_regions(cells, UNIVERSE)
    for data, universe in (
        (cells.copy(), UNIVERSE.assign(chr=UNIVERSE["chr"].map(write))),
        (ad.AnnData(cells.X, var=cells.var.assign(chr=cells.var["chr"].map(write))), UNIVERSE),
    ):
        sb.pp.tokenize_regions(data, universe)
        assert (data.obsm["X_tokens"] != cells.obsm["X_tokens"]).nnz == 0
        assert unpack_universe(data.uns["tokens"]["universe"]).chrom.tolist() == universe["chr"].tolist()
