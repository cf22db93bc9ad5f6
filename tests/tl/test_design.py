"""tl.design: its slot against whole sequences, files, containers, starts, and on toy data the planted motifs."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import torch

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_network
from scbasset_tl.genome.scan import scan
from scbasset_tl.nn.codes import one_hot


@pytest.fixture
def trained(trained):
    """Logits of a model that was trained for a second are below a thousandth, where no edit is worth making."""
    trained.obsm["X_scbasset"] *= 300
    return trained


CALL = {"groupby": "cell_type", "group": "type_2", "n_sequences": 3, "n_rounds": 3}


def logits(adata, codes):
    """Mean logits of the groups for whole sequences, both strands (n, groups)."""
    both = np.concatenate([codes, sb.genome.reverse_complement(codes)])
    with torch.no_grad():
        h = read_network(adata).trunk()(one_hot(torch.from_numpy(both))).numpy()
    cells = h @ adata.obsm["X_scbasset"].T
    groups = pd.DataFrame(cells.T).groupby(adata.obs["cell_type"].to_numpy()).mean().to_numpy().T
    return (groups[: len(codes)] + groups[len(codes) :]) / 2


def gc(codes):
    return np.isin(codes, [1, 2]).mean(axis=1)


def replayed(entry):
    """The sequences after each round, from the edits."""
    start, edits = entry["start_codes"], entry["edits"]
    now, rounds = start.copy(), [start.copy()]
    for number in range(1, int(edits["round"].max()) + 1):
        for at in np.flatnonzero(edits["round"] == number):
            row, first = edits["sequence"][at], edits["start"][at]
            old, new = sb.genome.encode(edits["old"][at]), sb.genome.encode(edits["new"][at])
            np.testing.assert_array_equal(now[row, first : first + len(old)], old)
            now[row, first : first + len(new)] = new
        rounds.append(now.copy())
    return rounds


@pytest.mark.parametrize("off_target", ["max", "mean"])
def test_every_score_is_that_of_a_whole_sequence(trained, motifs, off_target):
    before = set(trained.uns)
    assert sb.tl.design(trained, **CALL, motifs=motifs, off_target=off_target, penalty=0.5) is None
    assert set(trained.uns) - before == {"design"}
    entry = trained.uns["design"]
    rounds = replayed(entry)
    np.testing.assert_array_equal(rounds[-1], entry["codes"])
    course = sb.get.design(trained, course=True)
    types = sorted(trained.obs["cell_type"].unique())
    for number, codes in enumerate(rounds):
        expected = logits(trained, codes)
        done = entry["n_rounds"] < number
        assert np.isnan(entry["logits"][done, number]).all()
        expected = expected[~done]
        np.testing.assert_allclose(entry["logits"][~done, number], expected, rtol=1e-4, atol=1e-4)
        others = np.delete(expected, 1, axis=1)
        score = expected[:, 1] - 0.5 * (others.max(1) if off_target == "max" else others.mean(1))
        rows = course[course["round"] == number]
        np.testing.assert_allclose(rows["score"], score, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(rows[[f"logit_{name}" for name in types]], expected, rtol=1e-4, atol=1e-4)
    table = sb.get.design(trained)
    assert list(table.index) == ["design_1", "design_2", "design_3"]
    assert list(table["sequence"]) == list(sb.genome.decode(entry["codes"]))
    expected = logits(trained, entry["codes"])
    others = np.delete(expected, 1, axis=1)
    score = expected[:, 1] - 0.5 * (others.max(1) if off_target == "max" else others.mean(1))
    np.testing.assert_allclose(table["score"], score, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(table["gc"], gc(entry["codes"]))
    assert (table["score"] > table["start_score"]).all()
    assert list(table["start"]) == ["random"] * 3
    plus, minus = (sb.get.accessibility(trained, sequences=part, groupby="cell_type") for part in (
        list(table["sequence"]), list(sb.genome.decode(sb.genome.reverse_complement(entry["codes"])))
    ))  # fmt: skip
    np.testing.assert_allclose(
        table[[f"logit_{name}" for name in types]].to_numpy().T, (plus + minus) / 2, rtol=1e-4, atol=1e-4
    )


def test_the_same_seed_gives_the_same_sequences(trained, motifs):
    one, same, other = (
        sb.tl.design(trained, **CALL, motifs=motifs, n_places=4, rng=rng, copy=True).uns["design"]["codes"]
        for rng in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    drawn = [sb.tl.design(trained, **CALL, rng=np.random.default_rng(1), copy=True).uns["design"] for _ in range(2)]
    np.testing.assert_array_equal(drawn[0]["codes"], drawn[1]["codes"])
    again = sb.tl.design(trained, **CALL, rng=drawn[0]["params"]["seed"], copy=True)
    np.testing.assert_array_equal(again.uns["design"]["codes"], drawn[0]["codes"])


@pytest.mark.parametrize("start", ["random", "shuffled"])
@pytest.mark.parametrize("bounds", [(0.35, 0.65), (0.5, 0.52)])
def test_gc_stays_in_range_in_every_round(trained, motifs, start, bounds):
    trained.varm["dna_code"][:, 20:30] = 1  # some with more GC, so that a narrow range holds peaks
    sb.tl.design(trained, **CALL | {"n_rounds": 6, "n_sequences": 9}, motifs=motifs, start=start, gc=bounds)
    for codes in replayed(trained.uns["design"]):
        assert (gc(codes) >= bounds[0]).all()
        assert (gc(codes) <= bounds[1]).all()


def test_only_the_window_changes(trained, motifs):
    sb.tl.design(trained, **CALL, motifs=motifs, window=(60, 90))
    entry = trained.uns["design"]
    changed = (entry["codes"] != entry["start_codes"]).any(axis=0)
    assert changed[60:90].any()
    assert not np.delete(changed, np.arange(60, 90)).any()


def test_what_it_starts_from(trained):
    codes = trained.varm["dna_code"]
    wide = {"groupby": "cell_type", "group": "type_1", "n_rounds": 1, "gc": (0, 1)}
    sb.tl.design(trained, start=[4, 2], **wide)
    entry = trained.uns["design"]
    np.testing.assert_array_equal(entry["start_codes"], codes[[4, 2]])
    assert list(entry["start"]) == list(trained.var_names[[4, 2]])
    sb.tl.design(trained, start=trained.var_names[7], **wide)
    np.testing.assert_array_equal(trained.uns["design"]["start_codes"], codes[[7]])
    sb.tl.design(trained, start=codes[3:5], **wide)
    np.testing.assert_array_equal(trained.uns["design"]["start_codes"], codes[3:5])
    designed = sb.get.design(trained)["sequence"]
    sb.tl.design(trained, start=designed.to_dict(), **wide)
    assert list(sb.get.design(trained)["start"]) == list(designed.index)
    np.testing.assert_array_equal(sb.genome.decode(trained.uns["design"]["start_codes"]), designed)
    sb.tl.design(trained, start="shuffled", n_sequences=85, **wide)  # more than there are peaks
    entry = trained.uns["design"]
    peaks = trained.var_names.get_indexer([name.removeprefix("shuffled ") for name in entry["start"]])
    for row, peak in enumerate(peaks):
        assert (np.bincount(entry["start_codes"][row]) >= np.bincount(codes[peak], minlength=5)[:4]).all()
    assert len(np.unique(entry["start_codes"], axis=0)) == 85


def test_n_becomes_a_base(tiny):
    sb.tl.scbasset(tiny, trunk=4, n_latent=6, max_epochs=1)
    for start in ([0, 1], "shuffled"):
        sb.tl.design(tiny, groupby="kind", group="a", start=start, n_rounds=1)
        assert tiny.uns["design"]["start_codes"].max() == 3
    sb.tl.design(tiny, groupby="kind", group="a", start=[0], n_rounds=1)
    np.testing.assert_array_equal(tiny.uns["design"]["start_codes"][0, 3:], tiny.varm["dna_code"][0, 3:])


def test_regions_of_a_fasta(tmp_path):
    fasta = sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=80)
    adata = sb.datasets.toy(n_obs=50, n_vars=80)
    sb.tl.scbasset(adata, trunk=6, n_latent=5, max_epochs=1)
    sb.tl.design(adata, groupby="cell_type", group="type_1", n_rounds=1, start="chr1:500-600", fasta=fasta)
    with sb.genome.Fasta(fasta) as genome:
        expected = genome.codes("chr1", 550 - 96, 550 + 96)
    np.testing.assert_array_equal(adata.uns["design"]["start_codes"], expected[None])


def test_groups_of_any_type_and_some_of_the_cells(trained):
    trained.obs["number"] = trained.obs["cell_type"].cat.codes.to_numpy() % 2
    sb.tl.design(trained, groupby="number", group=1, n_sequences=1, n_rounds=1)
    assert list(sb.get.design(trained).columns)[-2:] == ["logit_0", "logit_1"]
    two = trained[trained.obs["cell_type"].isin(["type_1", "type_2"])].copy()
    sb.tl.design(two, **CALL)
    assert list(two.uns["design"]["groups"]) == ["type_1", "type_2"]


def test_done_sequences_and_no_edit_at_all(trained, tmp_path):
    call = {"groupby": "cell_type", "group": "type_1", "window": (90, 92), "n_rounds": 20}
    sb.tl.design(trained, **call, n_sequences=4)
    first = sb.get.design(trained)
    assert (first["rounds"] < 20).all()
    sb.tl.design(trained, **call, start=first["sequence"].to_dict())
    table, course = sb.get.design(trained), sb.get.design(trained, course=True)
    assert (table["rounds"] == 0).all()
    np.testing.assert_allclose(table["score"], first["score"], rtol=1e-4, atol=1e-4)
    assert len(course) == 4
    trained.write_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(sb.get.design(ad.read_h5ad(tmp_path / "a.h5ad"), course=True), course)


def test_round_trip_through_files_is_exact(trained, motifs, tmp_path):
    sb.tl.design(trained, **CALL, motifs=motifs)
    tables = [sb.get.design(trained), sb.get.design(trained, course=True)]
    trained.write_h5ad(tmp_path / "a.h5ad")
    trained.write_zarr(tmp_path / "a.zarr")
    md.MuData({"atac": trained}).write_h5mu(tmp_path / "a.h5mu")
    for again in (
        ad.read_h5ad(tmp_path / "a.h5ad"),
        ad.read_zarr(tmp_path / "a.zarr"),
        md.read_h5mu(tmp_path / "a.h5mu")["atac"],
    ):
        pd.testing.assert_frame_equal(sb.get.design(again), tables[0])
        pd.testing.assert_frame_equal(sb.get.design(again, course=True), tables[1])


def test_containers(trained, tmp_path):
    expected = sb.tl.design(trained, **CALL, copy=True)
    assert "design" not in trained.uns
    table = sb.get.design(expected)
    sb.tl.design(trained, **CALL, key_added="foo")
    assert "design" not in trained.uns
    pd.testing.assert_frame_equal(sb.get.design(trained, key="foo"), table)
    view = trained[:, :40]
    sb.tl.design(view, **CALL)
    pd.testing.assert_frame_equal(sb.get.design(view), table)
    mdata = md.MuData({"peaks": trained.copy()})
    copied = sb.tl.design(mdata, **CALL, mod="peaks", copy=True)
    assert "design" not in mdata["peaks"].uns
    pd.testing.assert_frame_equal(sb.get.design(copied, mod="peaks"), table)
    trained.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    sb.tl.design(backed, **CALL)
    pd.testing.assert_frame_equal(sb.get.design(backed), table)
    backed.file.close()


def hits(adata, codes):
    """Number of sites of each planted motif."""
    pwms = adata.uns["toy"]["motifs"]["pwm"]
    return np.bincount(scan(pwms, codes, p_value=1e-4).motif, minlength=len(pwms))


def test_substitutions_alone_write_the_motif_of_the_group(trained_toy):
    kind = trained_toy.uns["toy"]["motifs"]["kind"]
    for number in (2, 3):
        sb.tl.design(trained_toy, groupby="cell_type", group=f"type_{number + 1}", n_sequences=4)
        entry = trained_toy.uns["design"]
        before, after = hits(trained_toy, entry["start_codes"]), hits(trained_toy, entry["codes"])
        others = [motif for motif in np.flatnonzero(kind == "specific") if motif != number]
        assert before[number] <= 1
        assert after[number] >= 4
        assert after[others].sum() <= 2


def test_the_motif_of_the_group_is_chosen_among_all(trained_toy):
    toy = trained_toy.uns["toy"]["motifs"]
    library = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"], toy["pwm"], strict=True)]
    for number in (1, 3):
        call = {"groupby": "cell_type", "group": f"type_{number + 1}", "n_sequences": 4, "n_rounds": 3}
        sb.tl.design(trained_toy, **call, motifs=library)
        entry = trained_toy.uns["design"]
        found = hits(trained_toy, entry["codes"])
        others = [motif for motif in np.flatnonzero(toy["kind"] == "specific") if motif != number]
        assert found[number] >= 8
        assert found[others].sum() <= 1
        used = pd.Series(entry["edits"]["motif"])
        assert used.value_counts().index[0] == toy["name"][number]
        table = sb.get.design(trained_toy)
        assert (table["score"] > 1.2).all()
        types = [column for column in table if column.startswith("logit_")]
        assert (table[types].to_numpy().argmax(axis=1) == number).all()
