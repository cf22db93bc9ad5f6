import mudata as md
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy.stats import pearsonr, wilcoxon

import scbasset_tl as sb
from scbasset_tl._adata.kinds import TF_ACTIVITY

NAMES = ["GATA1", "(Tal1)_(Mus_musculus)_(DBD_1.00)", "JUN::FOS", "NOGENE", "SPI1"]

STORED = {
    **dict.fromkeys(TF_ACTIVITY.keys.split(), ()),
    **{"written_by": "tl.tf_activity", "slots": {"obsm": "tf_activity"}, "params": {}, "schema_version": 1},
}


@pytest.fixture
def multiome(rng):
    """Activities of five motifs in 40 cells, and genes in another order of cells, three of them not shared."""
    activity, counts = rng.normal(size=(40, 5)).astype(np.float32), rng.poisson(3.0, (41, 6)).astype(np.float32)
    atac = AnnData(np.ones((40, 2), dtype=np.float32), obs=pd.DataFrame(index=[f"c{i}" for i in range(40)]))
    atac.obs["kind"] = np.repeat(["a", "b"], 20)
    atac.obsm["tf_activity"] = activity
    atac.uns["tf_activity"] = {**STORED, "names": np.array(NAMES, dtype=object)}
    order = [*rng.permutation(38), *(100, 101, 102)]
    rna = AnnData(counts, obs=pd.DataFrame(index=[f"c{i}" for i in order]))
    rna.var_names = ["spi1", "FOS", "JUN", "TAL1", "GATA1", "Gata1"]
    return md.MuData({"atac": atac, "rna": rna})


def by_hand(mdata, motif, genes):
    cells = [cell for cell in mdata["atac"].obs_names if cell in mdata["rna"].obs_names]
    expression = mdata["rna"][cells, genes].X.min(axis=1)
    return pearsonr(mdata["atac"][cells].obsm["tf_activity"][:, motif], expression).statistic


def test_correlations_are_those_of_motifs_and_their_genes(multiome):
    result = sb.metrics.tf_expression_correlation(multiome)
    assert result.table["motif"].tolist() == [*NAMES[:3], NAMES[4]]
    assert result.table["gene"].tolist() == ["GATA1", "TAL1", "JUN::FOS", "spi1"]
    assert result.unmatched == ["NOGENE"]
    expected = [
        by_hand(multiome, motif, genes)
        for motif, genes in ((0, ["GATA1"]), (1, ["TAL1"]), (2, ["JUN", "FOS"]), (4, ["spi1"]))
    ]
    np.testing.assert_allclose(result.table["r"], expected, rtol=1e-6)
    assert result.table["kind"].tolist() == ["activator" if r > 0 else "repressor" for r in expected]
    assert result.summary["p_value"].isna().tolist() == [False, True, True]
    assert result.summary.loc["all", "p_value"] == pytest.approx(wilcoxon(expected, alternative="greater").pvalue)
    assert "4 motifs with genes, 1 without" in repr(result)


def test_a_baseline_is_compared_by_kind(multiome, rng):
    cells = multiome["atac"].obs_names
    baseline = pd.DataFrame(rng.normal(size=(40, 4)), index=cells, columns=[*NAMES[:3], "SPI1"])[["SPI1", *NAMES[:3]]]
    baseline = baseline.iloc[::-1]
    result = sb.metrics.tf_expression_correlation(multiome, baseline=baseline)
    other = multiome.copy()
    other["atac"].obsm["tf_activity"][:, [0, 1, 2, 4]] = baseline.loc[cells, [*NAMES[:3], "SPI1"]]
    np.testing.assert_allclose(
        result.table["r_baseline"], sb.metrics.tf_expression_correlation(other).table["r"], rtol=1e-5
    )
    table = result.table
    agree = np.sign(table["r"]) == np.sign(table["r_baseline"])
    assert ((table["kind"] == "mixed") == ~agree).all()
    expected = wilcoxon(table["r"], table["r_baseline"], alternative="greater").pvalue
    assert result.summary.loc["all", "p_value"] == pytest.approx(expected)
    kinds = {"GATA1": "repressor", "TAL1": "repressor", "JUN::FOS": "repressor", "SPI1": "activator"}
    given = sb.metrics.tf_expression_correlation(multiome, baseline=baseline, kinds=kinds)
    assert given.table["kind"].tolist() == ["repressor"] * 3 + ["activator"]
    three = given.table.iloc[:3]
    expected = wilcoxon(three["r"], three["r_baseline"], alternative="less").pvalue
    assert given.summary.loc["repressor", "p_value"] == pytest.approx(expected)


def test_kinds_of_a_table_are_tested_against_zero(multiome):
    kinds = pd.Series({"GATA1": "activator", "TAL1": "activator", "JUN::FOS": "activator"})
    result = sb.metrics.tf_expression_correlation(multiome, kinds=kinds)
    assert result.table["kind"].tolist() == ["activator"] * 3 + ["unknown"]
    expected = wilcoxon(result.table["r"][:3], alternative="greater").pvalue
    assert result.summary.loc["activator", "p_value"] == pytest.approx(expected)
    assert result.summary.loc["repressor", "n"] == 0


def test_only_genes_that_differ_between_groups_are_kept(multiome):
    values = multiome["rna"].X.copy()
    is_a = multiome["rna"].obs_names.isin(multiome["atac"].obs_names[:20])
    values[is_a, 3] += 20  # TAL1
    values[:, 4] = 2  # GATA1 is constant
    multiome["rna"].X = values
    assert "GATA1" not in sb.metrics.tf_expression_correlation(multiome).table["gene"].tolist()
    result = sb.metrics.tf_expression_correlation(multiome, groupby="kind", max_fdr=1e-4)
    assert result.table["gene"].tolist() == ["TAL1"]


def test_layers_and_gene_symbols(multiome):
    expected = sb.metrics.tf_expression_correlation(multiome).table
    rna = multiome["rna"]
    rna.layers["norm"] = rna.X.copy()
    rna.X = np.zeros_like(rna.X)
    rna.var["symbol"] = rna.var_names
    rna.var_names = [f"ENSG{i}" for i in range(6)]
    found = sb.metrics.tf_expression_correlation(multiome, layer="norm", gene_symbols="symbol").table
    pd.testing.assert_frame_equal(found, expected)


def test_activities_of_toy_factors_follow_their_expression(rng):
    """The planted effects themselves as activities: activators go up with their gene, the repressor down."""
    mdata = sb.datasets.toy_mudata(n_obs=200, n_vars=60, n_genes=5)
    toy = mdata["atac"].uns["toy"]["motifs"]
    effect = toy["effect"][:, mdata["atac"].obs["cell_type"].cat.codes].T
    mdata["atac"].obsm["tf_activity"] = effect + 0.1 * rng.normal(size=effect.shape)
    mdata["atac"].uns["tf_activity"] = {**STORED, "names": toy["name"]}
    table = sb.metrics.tf_expression_correlation(mdata).table.set_index("gene")
    kind = dict(zip(toy["name"], toy["kind"], strict=True))
    for gene, row in table.iterrows():
        if kind[gene] in ("specific", "shared"):
            assert row["r"] > 0.4
        elif kind[gene] == "repressor":
            assert row["r"] < -0.4
        else:
            assert abs(row["r"]) < 0.3
