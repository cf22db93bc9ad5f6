"""get.ism: outputs by linearity, what is stored and what is computed, and which model it belongs to."""

import numpy as np
import pandas as pd
import pytest
import torch

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_network
from scbasset_tl.nn.codes import one_hot

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1}


@pytest.fixture
def trained(trained):
    trained.obs["fine"] = pd.Categorical(np.array(["x", "y", "z"])[np.arange(60) % 3])
    return trained


@pytest.fixture
def stored(trained):
    sb.tl.ism(trained, [4, 7], window=(0, 30))
    return trained


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr("scbasset_tl._adata.model.store.unpack_trunk", refuse)


def test_cells_are_those_of_whole_sequences(stored):
    scores = sb.get.ism(stored)
    assert scores.outputs == list(stored.obs_names)
    assert scores.raw.shape == (60, 2, 30, 4)
    codes = stored.varm["dna_code"][4]
    mutants = np.tile(codes, (5, 1))
    mutants[1:, 20] = range(4)
    with torch.no_grad():
        logits = read_network(stored).trunk()(one_hot(torch.from_numpy(mutants))).numpy() @ stored.obsm["X_scbasset"].T
    np.testing.assert_allclose(scores.raw[:, 0, 20], (logits[1:] - logits[0]).T, rtol=0, atol=1e-5)
    assert not scores.raw[:, 0, 20, codes[20]].any()


def test_scores_beyond_memory_are_refused_with_a_way_out(stored, monkeypatch):
    # two regions of 30 bp; the 60 cells need more than the two groups of `kind`
    monkeypatch.setattr("scbasset_tl._space.available_memory", lambda: 2 * 2 * 30 * 4 * 4)
    assert sb.get.ism(stored, groupby="kind").raw.nbytes == 2 * 2 * 30 * 4 * 4
    with pytest.raises(MemoryError, match=r"60 outputs × 2 regions × 30 bp would take .*: read groups with groupby="):
        sb.get.ism(stored)


def test_scores_can_be_changed_without_changing_what_is_stored(stored):
    scores, before = sb.get.ism(stored), stored.uns["ism"]["codes"].copy()
    scores.codes[:] = 4
    assert np.array_equal(stored.uns["ism"]["codes"], before)


def test_centred_values_and_importance_are_the_papers(stored):
    scores = sb.get.ism(stored, groupby="kind")
    np.testing.assert_allclose(scores.centered.sum(axis=-1), 0, atol=1e-6)
    for region, position in [(0, 5), (1, 29)]:
        there = scores.codes[region, position]
        np.testing.assert_allclose(
            scores.importance[:, region, position], scores.centered[:, region, position, there], rtol=1e-5, atol=1e-8
        )
    assert (scores.codes[:, :3] == 4).all()
    assert not scores.importance[..., :3].any()
    assert scores.raw[..., :3, :].any()


def test_groups_contrasts_and_relative_values_are_linear(stored):
    cells = sb.get.ism(stored).raw
    groups = sb.get.ism(stored, groupby="fine")
    assert groups.outputs == ["x", "y", "z"]
    for number in range(3):
        np.testing.assert_allclose(groups.raw[number], cells[number::3].mean(axis=0), rtol=0, atol=1e-6)
    contrast = sb.get.ism(stored, groupby="fine", contrast=("z", "x"))
    assert contrast.outputs == ["z - x"]
    np.testing.assert_allclose(contrast.raw[0], groups.raw[2] - groups.raw[0], rtol=0, atol=1e-6)
    assert sb.get.ism(stored, groupby="fine", groups=["z", "x"]).outputs == ["z", "x"]
    relative = sb.get.ism(stored, groupby="fine", relative=True)
    np.testing.assert_allclose(relative.raw, groups.raw - cells.mean(axis=0), rtol=0, atol=1e-6)
    same = sb.get.ism(stored, groupby="fine", contrast=("z", "x"), relative=True)
    np.testing.assert_array_equal(same.raw, contrast.raw)


def test_what_is_stored_needs_neither_network_nor_sequences(stored, no_network):
    whole = sb.get.ism(stored, groupby="kind")
    del stored.varm["dna_code"]
    np.testing.assert_array_equal(sb.get.ism(stored, groupby="kind").raw, whole.raw)
    one = sb.get.ism(stored, groupby="kind", regions=[7], window=(10, 15))
    np.testing.assert_array_equal(one.raw, whole.raw[:, 1:, 10:15])
    assert one.regions == ["chr1:7000-7300"]
    assert list(one.start) == [whole.start[1] + 10]
    both = sb.get.ism(stored, groupby="kind", regions=list(stored.var_names[[7, 4, 7]]))
    np.testing.assert_array_equal(both.raw, whole.raw[:, [1, 0, 1]])


def test_what_is_missing_is_computed_and_not_stored(stored):
    sb.tl.ism(stored, [3, 4, 5, 7], window=(0, 30), key_added="all")
    everything = sb.get.ism(stored, key="all", groupby="kind")
    before = stored.uns["ism"]["delta"].copy()
    for regions in ([5, 7, 3], list(stored.var_names[[5, 7, 3]]), np.isin(np.arange(90), [3, 5, 7])):
        found = sb.get.ism(stored, regions=regions, groupby="kind")
        order = [list(everything.regions).index(name) for name in found.regions]
        np.testing.assert_allclose(found.raw, everything.raw[:, order], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(found.start, everything.start[order])
        np.testing.assert_array_equal(found.codes, everything.codes[order])
    np.testing.assert_array_equal(stored.uns["ism"]["delta"], before)
    wider = sb.get.ism(stored, regions=[4], window=(0, 40), groupby="kind")
    np.testing.assert_allclose(wider.raw[:, :, :30], everything.raw[:, 1:2], rtol=0, atol=1e-6)
    other = sb.get.ism(stored, regions=[50], groupby="kind")  # nothing of it is stored: all of it
    assert other.raw.shape == (2, 1, 192, 4)


def test_regions_of_a_fasta(trained, tmp_path):
    letters = sb.genome.decode(np.random.default_rng(0).integers(0, 4, 3000, dtype=np.uint8))
    fasta = tmp_path / "genome.fa"
    fasta.write_text(f">chr1\n{letters}\n")
    table = pd.DataFrame({"chr": ["chr1", "chr1"], "start": [1000, 0], "end": [1010, 60]})
    scores = sb.get.ism(trained, regions=table, fasta=fasta, groupby="kind", window=8)
    assert scores.regions == ["chr1:1000-1010", "chr1:0-60"]
    assert list(scores.start) == [1001, 26]
    assert sb.genome.decode(scores.codes).tolist() == [letters[1001:1009], letters[26:34]]
    sb.tl.ism(trained, table.iloc[:1], fasta=fasta, window=8)
    np.testing.assert_allclose(
        sb.get.ism(trained, regions=table, fasta=fasta, groupby="kind").raw, scores.raw, atol=1e-6
    )


@pytest.fixture
def fasta(tmp_path):
    letters = sb.genome.decode(np.random.default_rng(0).integers(0, 4, 9000, dtype=np.uint8))
    path = tmp_path / "genome.fa"
    path.write_text(f">chr1\n{letters}\n")
    return path


def at(*starts, names=None):
    """A table of regions of 200 bp."""
    table = pd.DataFrame({"chr": "chr1", "start": starts, "end": np.add(starts, 200)})
    return table if names is None else table.set_index(pd.Index(names))


def same(one, other):
    np.testing.assert_array_equal(one.codes, other.codes)
    np.testing.assert_array_equal(one.start, other.start)
    np.testing.assert_allclose(one.raw, other.raw, rtol=0, atol=1e-6)
    return True


def test_a_stored_name_is_not_another_place(trained, fasta):
    sb.tl.ism(trained, at(1000, names=["a"]), fasta=fasta)
    found = sb.get.ism(trained, regions=at(3000, names=["a"]), fasta=fasta)
    assert found.regions == ["a"]
    assert same(found, sb.get.ism(trained, regions=at(3000), fasta=fasta, key="none"))
    assert not np.array_equal(found.codes, trained.uns["ism"]["codes"])


def test_a_peaks_row_that_was_moved_is_not_the_peak(trained, fasta):
    sb.tl.ism(trained, [4], fasta=fasta)
    moved = pd.DataFrame({"chr": "chr1", "start": [4050], "end": [4350]}, index=trained.var_names[[4]])
    found = sb.get.ism(trained, regions=moved, fasta=fasta)
    assert same(found, sb.get.ism(trained, regions=moved, fasta=fasta, key="none"))
    assert found.start[0] == trained.uns["ism"]["start"][0] + 50
    with pytest.raises(ValueError, match="pass fasta="):
        sb.get.ism(trained, regions=moved)


def test_one_place_is_stored_whatever_its_name(trained, monkeypatch):
    table = pd.DataFrame({"chr": "chr1", "start": [4000], "end": [4300]}, index=["mine"])
    sb.tl.ism(trained, [4], window=20)
    monkeypatch.setattr("scbasset_tl._adata.model.store.unpack_trunk", None)
    found = sb.get.ism(trained, regions=table)
    assert found.regions == ["mine"]
    np.testing.assert_array_equal(found.codes, trained.uns["ism"]["codes"])


@pytest.mark.parametrize("first", [None, [2]])
def test_repeated_names_in_one_call(trained, fasta, first):
    """None of them stored, or one."""
    table = at(1000, 3000, 2000, 1000, names=["a", "a", "b", "a"])
    if first:
        sb.tl.ism(trained, table.iloc[first], fasta=fasta)
    found = sb.get.ism(trained, regions=table, fasta=fasta)
    assert found.regions == ["a", "a", "b", "a"]
    for row, start in enumerate([1000, 3000, 2000, 1000]):
        one = sb.get.ism(trained, regions=at(start), fasta=fasta, key="none")
        np.testing.assert_array_equal(found.codes[[row]], one.codes)
        np.testing.assert_allclose(found.raw[:, [row]], one.raw, rtol=0, atol=1e-6)


def test_repeated_names_that_are_stored(trained, fasta, monkeypatch):
    table = at(1000, 3000, names=["a", "a"])
    sb.tl.ism(trained, table, fasta=fasta, window=30)
    monkeypatch.setattr("scbasset_tl._adata.model.store.unpack_trunk", None)
    for found in (sb.get.ism(trained), sb.get.ism(trained, regions=table)):
        np.testing.assert_array_equal(found.codes, trained.uns["ism"]["codes"])
        assert found.regions == ["a", "a"]
    np.testing.assert_array_equal(sb.get.ism(trained, window=10).codes, trained.uns["ism"]["codes"][:, 10:20])


@pytest.mark.parametrize("placed", [True, False])
def test_peaks_whose_names_repeat(trained, placed):
    trained.var_names = [f"peak{number // 2}" for number in range(90)]
    if placed:
        start = np.arange(90) * 1000
        trained.var["chr"], trained.var["start"], trained.var["end"] = "chr1", start, start + 300
    sb.tl.ism(trained, [0, 1], window=20)
    np.testing.assert_array_equal(sb.get.ism(trained).codes, trained.varm["dna_code"][:2, 86:106])
    if placed:
        found = sb.get.ism(trained, regions=[1, 3, 0])
        np.testing.assert_array_equal(found.codes, trained.varm["dna_code"][[1, 3, 0], 86:106])
    else:
        with pytest.raises(ValueError, match="var_names_make_unique"):
            sb.get.ism(trained, regions=[1])


def test_two_peaks_that_were_stored_under_one_name_are_not_read_by_it(trained):
    trained.var_names = ["peak", "peak", *(f"peak{number}" for number in range(88))]
    sb.tl.ism(trained, [0, 1], window=20)
    trained.var_names = [f"x{number}" for number in range(88)] + ["y", "peak"]
    found = sb.get.ism(trained, regions=["peak"], window=20)
    np.testing.assert_array_equal(found.codes, trained.varm["dna_code"][[89], 86:106])


def test_more_positions_of_all_that_is_stored(trained, fasta):
    sb.tl.ism(trained, [7, 4], window=20)
    found = sb.get.ism(trained, window=40)
    assert same(found, sb.get.ism(trained, regions=[7, 4], window=40, key="none"))
    sb.tl.ism(trained, at(1000, 3000, names=["a", "a"]), fasta=fasta, window=20)
    found = sb.get.ism(trained, window=40, fasta=fasta)
    assert found.regions == ["a", "a"]
    assert same(found, sb.get.ism(trained, regions=at(1000, 3000), window=40, fasta=fasta, key="none"))
    with pytest.raises(ValueError, match=r"2 of which are no peaks \(first: \['a', 'a'\]\): pass fasta="):
        sb.get.ism(trained, window=40)


def test_subsetting_cells_leaves_the_others(stored):
    cells = np.random.default_rng(0).permutation(60)[:20]
    whole = sb.get.ism(stored).raw[cells]
    for part in (stored[cells], stored[cells].copy(), stored[cells, 20:].copy()):
        found = sb.get.ism(part)
        np.testing.assert_array_equal(found.raw, whole)
        assert found.outputs == list(stored.obs_names[cells])
    np.testing.assert_array_equal(sb.get.ism(stored, obs=cells).raw, whole)


def test_a_model_trained_again_is_noticed(stored):
    sb.tl.scbasset(stored, **SMALL, rng=1)
    with pytest.raises(ValueError, match="another model than uns\\['scbasset'\\]"):
        sb.get.ism(stored, groupby="kind")
    with pytest.raises(ValueError, match="run tl.ism again"):
        sb.get.ism(stored, regions=[50], groupby="kind")
    sb.tl.scbasset(stored, **SMALL, rng=0, key_added="first")
    assert sb.get.ism(stored, model_key="first").raw.shape == (60, 2, 30, 4)


def test_table_has_a_row_for_each_output_region_and_position(stored):
    scores = sb.get.ism(stored, groupby="kind")
    table = scores.to_frame()
    assert list(table) == ["output", "region", "chrom", "position", "reference", "importance", "A", "C", "G", "T"]
    assert len(table) == 2 * 2 * 30
    row = table[(table["output"] == "b") & (table["region"] == "chr1:7000-7300") & (table["position"] == 7054 + 11)]
    assert row["reference"].item() == "ACGTN"[stored.varm["dna_code"][7, 11]]
    np.testing.assert_array_equal(row[["A", "C", "G", "T"]].to_numpy()[0], scores.raw[1, 1, 11])
    assert row["importance"].item() == scores.importance[1, 1, 11]
    assert repr(scores) == "ISMScores: 2 outputs × 2 regions × 30 bp"
