import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Motif, encode, reverse_complement


@pytest.fixture
def motifs(rng):
    """Motifs of several widths, one of them at hand in half of the tiny peaks."""
    given = [Motif("M1", "A", np.full((8, 4), 0.02) + 0.92 * np.eye(4)[encode("GATAAGTC")])]
    return given + [Motif(f"M{width}", "B", rng.dirichlet(np.full(4, 0.4), width)) for width in (6, 9)]


def test_scores_are_those_of_mutagenesis_by_hand(trained_tiny, motifs):
    sb.tl.motif_hits(trained_tiny, [3, 1], motifs, groupby="kind", p_value=5e-3)
    table = sb.get.motif_hits(trained_tiny)
    assert set(table["region"]) <= {trained_tiny.var_names[3], trained_tiny.var_names[1]}
    assert set(table["motif"]) == {"A", "B_M6", "B_M9"} & set(table["motif"])
    pwms = {motif.id: motif.pwm for motif in motifs}
    network = sb.get.model(trained_tiny, groupby="kind").double()
    one_hot = np.vstack([np.eye(4), np.full(4, 0.25)])
    for row in table.sample(12, random_state=0).itertuples():
        peak = trained_tiny.var_names.get_loc(row.region)
        codes = trained_tiny.varm["dna_code"][peak]
        first = int(row.region.split(":")[1].split("-")[0]) + 150 - 96
        assert row.chrom == "chr1"
        start, end = row.start - first, row.end - first
        assert end - start == len(pwms[row.motif_id])
        edited = np.repeat(codes[None], 4 * (end - start), axis=0)
        edited[np.arange(len(edited)), np.repeat(np.arange(start, end), 4)] = np.tile(np.arange(4), end - start)
        import torch

        with torch.no_grad():
            outputs = network(torch.from_numpy(one_hot[edited].transpose(0, 2, 1)))
        block = outputs[:, ["a", "b"].index(row.group)].numpy().reshape(-1, 4)
        block = block - block.mean(1, keepdims=True)
        pwm = pwms[row.motif_id][::-1, ::-1] if row.strand == "-" else pwms[row.motif_id]
        np.testing.assert_allclose(row.dot, (pwm * block).sum(), atol=1e-5)
        np.testing.assert_allclose(row.pearson, np.corrcoef(pwm.ravel(), block.ravel())[0, 1], atol=1e-3)
        read = codes[start:end] if row.strand == "+" else reverse_complement(codes[start:end])
        assert np.log(pwms[row.motif_id][np.arange(end - start), read]).sum() > -30


def test_a_contrast_is_the_difference_of_groups(trained_tiny, motifs):
    sb.tl.motif_hits(trained_tiny, [0, 4], motifs, groupby="kind", p_value=5e-3)
    sb.tl.motif_hits(
        trained_tiny, [0, 4], motifs, groupby="kind", contrast=("a", "b"), p_value=5e-3, key_added="difference"
    )
    groups = sb.get.motif_hits(trained_tiny).pivot(index=["region", "start", "strand", "motif"], columns="group")["dot"]
    contrast = sb.get.motif_hits(trained_tiny, key="difference").set_index(["region", "start", "strand", "motif"])
    np.testing.assert_allclose(contrast["dot"].loc[groups.index], groups["a"] - groups["b"], atol=1e-5)
    assert set(contrast["group"]) == {"a - b"}


def test_what_tl_ism_computed_is_used(trained_tiny, motifs):
    sb.tl.motif_hits(trained_tiny, [5, 6], motifs)
    sb.tl.ism(trained_tiny, [5, 6])
    trained_tiny.uns["ism"]["delta"] = np.zeros_like(trained_tiny.uns["ism"]["delta"])
    sb.tl.motif_hits(trained_tiny, None, motifs, key_added="stored")
    one, other = sb.get.motif_hits(trained_tiny), sb.get.motif_hits(trained_tiny, key="stored")
    pd.testing.assert_frame_equal(one.iloc[:, :9], other.iloc[:, :9])
    assert (one["dot"] != 0).all()
    assert (other["dot"] == 0).all()


def test_a_window_holds_the_hits_within_it(trained_tiny, motifs):
    sb.tl.motif_hits(trained_tiny, [2, 8], motifs, p_value=1e-2)
    sb.tl.motif_hits(trained_tiny, [2, 8], motifs, p_value=1e-2, window=60, key_added="part")
    every, part = sb.get.motif_hits(trained_tiny), sb.get.motif_hits(trained_tiny, key="part")
    first = every["region"].str.extract(r":(\d+)-")[0].astype(int) + 150 - 30
    inside = every[(every["start"] >= first) & (every["end"] <= first + 60)]
    columns = ["region", "start", "end", "strand", "motif", "score", "p_value", "dot"]
    pd.testing.assert_frame_equal(part[columns], inside[columns].reset_index(drop=True), rtol=1e-4)


@pytest.mark.parametrize("p_value", [1e-2, 1e-12])
@pytest.mark.parametrize("store", ["h5ad", "zarr", "h5mu"])
def test_hits_survive_files(trained_tiny, motifs, tmp_path, store, p_value):
    sb.tl.motif_hits(trained_tiny, [0, 1], motifs, groupby="kind", p_value=p_value)
    expected = sb.get.motif_hits(trained_tiny)
    assert (len(expected) == 0) == (p_value < 1e-6)
    path = tmp_path / f"data.{store}"
    if store == "h5mu":
        md.MuData({"atac": trained_tiny}).write_h5mu(path)
        data = md.read_h5mu(path)
    elif store == "zarr":
        trained_tiny.write_zarr(path)
        data = ad.read_zarr(path)
    else:
        trained_tiny.write_h5ad(path)
        data = ad.read_h5ad(path)
    pd.testing.assert_frame_equal(sb.get.motif_hits(data), expected)


def test_copies_and_views(trained_tiny, motifs):
    view = trained_tiny[:40]
    changed = sb.tl.motif_hits(view, [0], motifs, copy=True)
    assert view.is_view
    assert "motif_hits" not in view.uns
    assert sb.tl.motif_hits(view, [0], motifs) is None
    pd.testing.assert_frame_equal(sb.get.motif_hits(view), sb.get.motif_hits(changed))
    assert "motif_hits" not in trained_tiny.uns


def test_planted_sites_are_significant_and_decoys_are_not(trained_toy):
    """Active sites of planted motifs are used, hits of decoys no more often than chance allows."""
    toy = trained_toy.uns["toy"]["motifs"]
    motifs = [Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"], strict=True)]
    peaks = np.arange(40)
    sb.tl.motif_hits(trained_toy, peaks, motifs, groupby="cell_type")
    table = sb.get.motif_hits(trained_toy)
    number = {name: place for place, name in enumerate(toy["name"])}
    group = {name: place for place, name in enumerate(trained_toy.uns["toy"]["cell_types"])}
    table["effect"] = [toy["effect"][number[m], group[g]] for m, g in zip(table["motif"], table["group"], strict=True)]
    middle = (trained_toy.var["start"] + trained_toy.var["end"]) // 2
    sites = {
        (trained_toy.var_names[peak], toy["name"][motif], middle.iloc[peak] + start)
        for peak in peaks
        for motif, start, _ in trained_toy.varm["toy_sites"][peak]
        if motif >= 0
    }
    keys = zip(table["region"], table["motif"], table["start"], strict=True)
    table["planted"] = [key in sites for key in keys]
    active = table[table["planted"] & (table["effect"] > 0)]
    assert len(active) > 50
    assert (active["dot"] > 0).mean() > 0.75
    assert (active["p_dot"] <= 0.05).mean() > 0.4
    decoys = table[table["motif"].map(dict(zip(toy["name"], toy["kind"], strict=True))) == "decoy"]
    assert len(decoys) > 100
    assert (decoys["p_dot"] <= 0.05).mean() < 0.12


@pytest.mark.parametrize("regions", [[2, 5], None])
def test_all_is_scanned_whatever_is_stored(trained_tiny, motifs, regions):
    sb.tl.motif_hits(trained_tiny, [2, 5], motifs, p_value=5e-3, key_added="alone")
    sb.tl.ism(trained_tiny, [2, 5], window=40)
    sb.tl.motif_hits(trained_tiny, regions, motifs, p_value=5e-3)
    assert list(trained_tiny.uns["motif_hits"]["params"]["window"]) == [0, 192]
    pd.testing.assert_frame_equal(
        sb.get.motif_hits(trained_tiny), sb.get.motif_hits(trained_tiny, key="alone"), rtol=1e-3
    )


def test_one_group_that_is_no_text(trained_tiny, motifs, tmp_path):
    trained_tiny.obs["is_a"] = (trained_tiny.obs["kind"] == "a").to_numpy()
    sb.tl.motif_hits(trained_tiny, [0], motifs, groupby="is_a", groups=True, p_value=1e-2)
    assert set(sb.get.motif_hits(trained_tiny)["group"]) == {"True"}
    trained_tiny.write_h5ad(tmp_path / "a.h5ad")
