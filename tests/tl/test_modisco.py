import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Motif, discover
from scbasset_tl.genome.discover import Pattern

pytest.importorskip("modiscolite")


@pytest.fixture
def motifs(rng):
    return [Motif(f"M{i}", "X", rng.dirichlet(np.full(4, 0.1), 8)) for i in range(30)]


@pytest.fixture
def calls(monkeypatch, motifs):
    """What goes to modisco-lite, which here finds two patterns of different widths for the first output alone."""
    seen = []

    def find_patterns(codes, contributions, arguments):
        seen.append((codes, contributions, arguments))
        flank = np.full((2, 4), 0.25)
        shapes = [np.concatenate([flank, motifs[3].pwm, flank]), motifs[8].pwm[::-1, ::-1]]
        return [Pattern(i == 0, 40 - i, pwm, pwm - 0.25) for i, pwm in enumerate(shapes)] if len(seen) == 1 else []

    monkeypatch.setattr(discover, "find_patterns", find_patterns)
    return seen


def test_modisco_sees_the_centred_changes_of_each_group(trained_tiny, calls):
    sb.tl.modisco(trained_tiny, [4, 2], groupby="kind", method="ism", window=80, flank_size=5)
    sb.tl.ism(trained_tiny, [4, 2])
    delta = np.asarray(trained_tiny.uns["ism"]["delta"])[:, 56:136]
    means = pd.DataFrame(trained_tiny.obsm["X_scbasset"]).groupby(trained_tiny.obs["kind"].to_numpy()).mean().to_numpy()
    changes = delta @ means.T
    for (codes, contributions, arguments), group in zip(calls, range(2), strict=True):
        np.testing.assert_array_equal(codes, trained_tiny.varm["dna_code"][[4, 2], 56:136])
        expected = changes[..., group] - changes[..., group].mean(2, keepdims=True)
        np.testing.assert_allclose(contributions, expected, atol=1e-5)
        assert arguments == {"flank_size": 5}


@pytest.mark.parametrize("store", ["h5ad", "zarr", "h5mu"])
def test_patterns_are_named_and_survive_files(trained_tiny, calls, motifs, tmp_path, store):
    sb.tl.modisco(trained_tiny, motifs=motifs, groupby="kind", n_regions=5)
    table = sb.get.modisco(trained_tiny)
    assert table["group"].tolist() == ["a", "a"]
    assert table["sign"].tolist() == ["+", "-"]
    assert table["n_sites"].tolist() == [40, 39]
    assert table["motif"].tolist() == ["X_M3", "X_M8"]
    assert motifs[3].consensus in table["consensus"][0] or table["consensus"][0] in motifs[3].consensus
    assert len(calls[0][0]) == 5
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
    pd.testing.assert_frame_equal(sb.get.modisco(data), table)


def test_no_pattern_is_an_empty_table_that_survives(trained_tiny, monkeypatch, tmp_path):
    monkeypatch.setattr(discover, "find_patterns", lambda *arguments: [])
    changed = sb.tl.modisco(trained_tiny, [0, 1], copy=True)
    assert "modisco" not in trained_tiny.uns
    changed.write_h5ad(tmp_path / "data.h5ad")
    assert sb.get.modisco(ad.read_h5ad(tmp_path / "data.h5ad")).empty


@pytest.mark.slow
def test_planted_motifs_of_a_type_are_found(trained_toy):
    toy = trained_toy.uns["toy"]["motifs"]
    motifs = [Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"], strict=True)]
    sizes = {"sliding_window_size": 16, "flank_size": 4, "trim_to_window_size": 16, "initial_flank_to_add": 4}
    sb.tl.modisco(
        trained_toy,
        motifs=motifs,
        groupby="cell_type",
        groups="type_1",
        n_regions=1500,
        min_metacluster_size=30,
        n_leiden_runs=2,
        **sizes,
    )
    table = sb.get.modisco(trained_toy)
    acting = toy["name"][(toy["effect"][:, 0] > 0)]
    found = table[(table["sign"] == "+") & (table["p_value"] < 1e-5)]["motif"]
    assert set(acting) <= set(found)
