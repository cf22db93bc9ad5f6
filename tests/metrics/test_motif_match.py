"""metrics.motif_match against the scores of groups that tl.motif_hits computes by itself, and scipy's rank-sum test."""

import anndata as ad
import numpy as np
import pytest
from scipy.stats import false_discovery_control, mannwhitneyu

import scbasset_tl as sb
from scbasset_tl.genome import Motif


@pytest.fixture
def scored(trained_tiny, rng):
    motifs = [Motif(f"M{width}", f"TF{width}", rng.dirichlet(np.full(4, 0.4), width)) for width in (6, 9)]
    sb.tl.motif_hits(trained_tiny, trained_tiny.var_names[[3, 1]].tolist(), motifs, groupby="kind", p_value=5e-3)
    return trained_tiny


def test_the_mean_over_a_group_is_its_match(scored):
    found = sb.metrics.motif_match(scored, groupby="kind")
    table = sb.get.motif_hits(scored)
    for group in ("a", "b"):
        expected = table.loc[table["group"] == group, "dot"].to_numpy()
        mean = found.per_cell[(scored.obs["kind"] == group).to_numpy()].mean()
        np.testing.assert_allclose(mean, expected, rtol=1e-3, atol=1e-5)
    columns = ["region", "chrom", "start", "end", "strand", "motif", "motif_id", "score", "p_value"]
    assert found.hits.equals(table.loc[table["group"] == "a", columns].reset_index(drop=True))


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_p_values_are_scipys(scored, alternative):
    found = sb.metrics.motif_match(scored, groupby="kind", reference="b", alternative=alternative)
    values = found.per_cell.to_numpy(np.float64)
    one, other = ((scored.obs["kind"] == group).to_numpy() for group in "ab")
    expected = mannwhitneyu(
        values[one], values[other], alternative=alternative, method="asymptotic", use_continuity=False
    ).pvalue
    np.testing.assert_allclose(found.table["p_value"], expected, rtol=1e-6)
    np.testing.assert_allclose(found.table["fdr"], false_discovery_control(expected), rtol=1e-6)
    np.testing.assert_allclose(found.table["median"], np.median(values[one], axis=0), rtol=1e-5)
    assert set(found.table["group"]) == {"a"}
    assert found.table["n"].iloc[0] == one.sum()
    assert "hits in 60 cells" in repr(found)


def test_cells_without_a_group_are_in_no_test(scored):
    part = scored[20:].copy()
    scored.obs["kind"] = scored.obs["kind"].where(np.arange(60) >= 20)
    tables = [sb.metrics.motif_match(data, groupby="kind").table for data in (scored, part)]
    np.testing.assert_allclose(tables[0]["z"], tables[1]["z"], atol=1e-6)


def test_motifs_and_regions_are_chosen(scored):
    whole = sb.metrics.motif_match(scored, groupby="kind")
    first = whole.hits.iloc[0]
    some = sb.metrics.motif_match(scored, groupby="kind", motifs=first["motif_id"], regions=first["region"])
    keep = (whole.hits["motif_id"] == first["motif_id"]) & (whole.hits["region"] == first["region"])
    assert 0 < len(some.hits) == keep.sum() < len(whole.hits)
    np.testing.assert_allclose(some.per_cell, whole.per_cell.loc[:, keep.to_numpy()], rtol=1e-5)


def test_files_keep_what_it_needs(scored, tmp_path):
    scored.write_h5ad(tmp_path / "a.h5ad")
    again = ad.read_h5ad(tmp_path / "a.h5ad")
    del again.varm["dna_code"]
    assert sb.metrics.motif_match(again, groupby="kind").table.equals(
        sb.metrics.motif_match(scored, groupby="kind").table
    )


def test_planted_sites_are_used_by_the_type_that_has_the_factor(trained_toy):
    truth, sites = trained_toy.uns["toy"]["motifs"], trained_toy.varm["toy_sites"]
    number = np.flatnonzero(truth["kind"] == "specific")[0]
    own = trained_toy.obs["cell_type"].cat.categories[np.abs(truth["effect"][number]).argmax()]
    peaks = np.flatnonzero((sites[:, :, 0] == number).any(axis=1))[:5]
    motif = Motif("T", str(truth["name"][number]), truth["pwm"][number])
    sb.tl.motif_hits(trained_toy, peaks, motif, p_value=1e-5)
    table = sb.metrics.motif_match(trained_toy, groupby="cell_type", groups=own).table
    assert len(table) >= 5
    assert (table["p_value"] < 1e-6).mean() > 0.7


def test_hits_of_an_earlier_version_are_refused(scored):
    del scored.uns["motif_hits"]["vector"]
    with pytest.raises(KeyError, match=r"earlier version.*run tl\.motif_hits again"):
        sb.metrics.motif_match(scored, groupby="kind")
