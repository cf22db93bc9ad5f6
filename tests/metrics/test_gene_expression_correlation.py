import mudata as md
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse
from scipy.stats import pearsonr, wilcoxon

import scbasset_tl as sb
from scbasset_tl._adata.kinds import GENE_SCORES
from scbasset_tl._adata.results import entry
from scbasset_tl.metrics import _gene_expression_correlation

GENES = ["Abc1", "G2", "G3", "G4", "G5", "G6", "absent"]


@pytest.fixture
def multiome(rng):
    """Scores of seven genes that follow expression, raw ones less so; cells and genes in another order, some not shared."""
    expression = rng.gamma(2, size=(40, 6))
    cells = [f"c{number}" for number in range(40)]
    atac = AnnData(np.ones((40, 2), dtype=np.float32), obs=pd.DataFrame(index=cells))
    for key, noise in (("gene_scores", 0.5), ("gene_scores_raw", 3)):
        scores = np.column_stack([expression, rng.random(40)]) + noise * rng.normal(size=(40, 7))
        atac.obsm[key] = scores.astype(np.float32)
        atac.uns[key] = {**entry(GENE_SCORES, {}, {"obsm": key}), "names": GENES, "n_peaks": np.ones(7, int)}
    order = rng.permutation(6)
    rna = AnnData(sparse.csr_matrix(expression[:38][::-1][:, order]), obs=pd.DataFrame(index=cells[:38][::-1]))
    rna.var_names = np.array(["ABC1", *GENES[1:6]])[order]
    return md.MuData({"atac": atac, "rna": rna})


def test_correlations_per_cell_and_per_gene(multiome, monkeypatch):
    monkeypatch.setattr(_gene_expression_correlation, "_BLOCK", 50)
    found = sb.metrics.gene_expression_correlation(multiome, baseline="gene_scores_raw")
    assert found.unmatched == ["absent"]
    assert list(found.per_gene.index) == GENES[:6]
    assert found.per_cell.index.equals(multiome["atac"].obs_names[:38])
    names = ["ABC1", *GENES[1:6]]
    measured = multiome["rna"][multiome["atac"].obs_names[:38], names].X.toarray()
    for column, key in (("r", "gene_scores"), ("r_baseline", "gene_scores_raw")):
        scores = multiome["atac"].obsm[key][:38, :6].astype(float)
        np.testing.assert_allclose(
            found.per_cell[column], [pearsonr(*p).statistic for p in zip(scores, measured, strict=True)], rtol=1e-5
        )
        np.testing.assert_allclose(
            found.per_gene[column], [pearsonr(*p).statistic for p in zip(scores.T, measured.T, strict=True)], rtol=1e-5
        )
    for axis, table in (("per_cell", found.per_cell), ("per_gene", found.per_gene)):
        row = found.summary.loc[axis]
        assert row["n"] == len(table)
        assert row["median_r"] == table["r"].median() > row["median_r_baseline"]
        expected = wilcoxon(table["r"], table["r_baseline"], alternative="greater").pvalue
        assert row["p_value"] == pytest.approx(expected)
    assert "38 cells, 6 genes" in repr(found)


def test_a_table_gives_what_a_modality_gives(multiome):
    expected = sb.metrics.gene_expression_correlation(multiome)
    rna = multiome["rna"]
    multiome["rna"].layers["norm"], multiome["rna"].var["symbol"] = rna.X.copy(), rna.var_names.to_numpy()
    for data in (multiome, multiome["atac"]):
        found = sb.metrics.gene_expression_correlation(data, rna.to_df())
        pd.testing.assert_frame_equal(found.per_cell, expected.per_cell)
        pd.testing.assert_frame_equal(found.summary, expected.summary)
    rna.var_names = [f"ENSG{number}" for number in range(6)]
    rna.X = sparse.csr_matrix(rna.shape)
    found = sb.metrics.gene_expression_correlation(multiome, layer="norm", gene_symbols="symbol")
    pd.testing.assert_frame_equal(found.per_gene, expected.per_gene)
    against_zero = wilcoxon(expected.per_cell["r"], alternative="greater").pvalue
    assert expected.summary.loc["per_cell", "p_value"] == pytest.approx(against_zero)


def test_what_does_not_vary_is_left_out(multiome):
    multiome["atac"].obsm["gene_scores"][:, 2] = 1
    expression = multiome["rna"].to_df()
    expression.iloc[4] = 0
    found = sb.metrics.gene_expression_correlation(multiome, expression)
    assert "G3" not in found.per_gene.index
    assert len(found.per_cell) == 37


def test_expression_is_read_in_single_precision_if_it_fits(multiome, monkeypatch):
    from scbasset_tl import _space
    from scbasset_tl._adata.rna.expression import dense_values

    rna = multiome["rna"]
    for matrix in (rna.X, rna.X.toarray(), rna.X.toarray().round().astype(int)):
        found = dense_values(AnnData(matrix), None, np.float32)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, matrix if isinstance(matrix, np.ndarray) else matrix.toarray(), rtol=1e-6)
    monkeypatch.setattr(_space, "available_memory", lambda: 100)
    with pytest.raises(MemoryError, match="6 genes in 38 cells"):
        sb.metrics.gene_expression_correlation(multiome)


def test_a_title_counts_one_gene_as_one(multiome):
    import matplotlib.pyplot as plt

    found = sb.metrics.gene_expression_correlation(multiome)
    found.per_gene.drop(found.per_gene.index[1:], inplace=True)
    axes = sb.pl.gene_expression(found, show=False)
    assert [ax.get_title().split(",")[0] for ax in axes] == ["38 cells", "1 gene"]
    plt.close("all")
