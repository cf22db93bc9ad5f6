"""get.accessibility, get.model and get.history against the formulas they stand for."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit

import scbasset_tl as sb
from scbasset_tl.nn.codes import one_hot

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "batch_size": 32}


def test_four_values_of_an_entry(trained):
    h, w = trained.varm["scbasset"].astype(float), trained.obsm["X_scbasset"].astype(float)
    bias = trained.obs["scbasset_bias"].to_numpy(float)[:, None]
    for normalize, expected in ((True, w @ h.T), (False, w @ h.T + bias)):
        logit = sb.get.accessibility(trained, normalize_depth=normalize)
        assert logit.to_numpy().dtype == np.float32
        np.testing.assert_allclose(logit, expected, atol=1e-5)
        probability = sb.get.accessibility(trained, normalize_depth=normalize, scale="sigmoid")
        np.testing.assert_allclose(probability, expit(expected), atol=1e-6)


def test_blocks_by_name_position_mask_and_slice(trained):
    whole = sb.get.accessibility(trained)
    mask = np.arange(90) % 7 == 0
    for obs, var, rows, columns in [
        (["cell3", "cell1"], slice(2, 5), [3, 1], [2, 3, 4]),
        (-1, mask, [59], np.flatnonzero(mask)),
        ("cell7", [4], [7], [4]),
        (None, np.array([], dtype=int), range(60), []),
    ]:
        block = sb.get.accessibility(trained, obs=obs, var=var)
        expected = whole.iloc[list(rows), list(columns)]
        assert block.index.equals(expected.index)
        assert block.columns.equals(expected.columns)
        np.testing.assert_allclose(block, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"key": "nope"}, KeyError, "no trained model.*scbasset"),
        ({"obs": ["cell3", "nobody"]}, KeyError, "nobody"),
        ({"var": 90}, KeyError, "position 90"),
        ({"obs": np.ones(3, bool)}, ValueError, "mask has 3"),
        ({"scale": "log"}, ValueError, "scale"),
    ],
)
def test_bad_arguments(trained, arguments, error, words):
    with pytest.raises(error, match=words):
        sb.get.accessibility(trained, **arguments)


def test_names_that_repeat_are_refused(trained):
    trained.obs_names = ["same"] * 60
    with pytest.raises(ValueError, match="repeat"):
        sb.get.accessibility(trained, obs="same")
    assert sb.get.accessibility(trained, obs=[0, 1]).shape == (2, 90)


def test_needs_no_torch(trained, tmp_path):
    import subprocess
    import sys

    trained.write_h5ad(tmp_path / "a.h5ad")
    code = (
        "import sys, anndata, scbasset_tl as sb; sb.get.accessibility(anndata.read_h5ad(sys.argv[1]));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a.h5ad"], check=False).returncode == 0


def test_model_predicts_what_accessibility_reads(trained):
    model = sb.get.model(trained)
    assert not model.training
    codes = torch.from_numpy(trained.varm["dna_code"][:20])
    with torch.no_grad():
        logits = model(one_hot(codes))
    np.testing.assert_allclose(logits.T, sb.get.accessibility(trained, average="none").iloc[:, :20], atol=1e-5)
    grouped = sb.get.model(trained, groupby="kind")(one_hot(codes)).detach()
    for column, kind in enumerate(["a", "b"]):
        expected = logits[:, (trained.obs["kind"] == kind).to_numpy(copy=True)].mean(1)
        np.testing.assert_allclose(grouped[:, column], expected, atol=1e-5)
    with pytest.raises(KeyError, match="no column 'type'"):
        sb.get.model(trained, groupby="type")


def test_reading_a_model_leaves_the_global_generator_alone(trained):
    before = torch.get_rng_state()
    sb.get.model(trained)
    assert torch.equal(before, torch.get_rng_state())


def test_history(trained):
    history = sb.get.history(trained)
    assert list(history.columns) == ["loss", "train_auroc", "val_auroc", "train_auprc", "val_auprc", "lr", "seconds"]
    trained.uns["scbasset"]["history"] = {}
    with pytest.raises(KeyError, match="no history"):
        sb.get.history(trained)


@pytest.mark.parametrize("field", ["obsm", "obs", "varm"])
def test_a_part_that_is_gone_is_named(trained, field):
    name = trained.uns["scbasset"]["slots"][field]
    del getattr(trained, field)[name]
    with pytest.raises(KeyError, match=name if field != "varm" else "no peak embeddings"):
        sb.get.accessibility(trained)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("scale", ["logit", "sigmoid"])
def test_groups_are_means_over_cells(trained, normalize, scale):
    arguments = {"normalize_depth": normalize, "scale": scale}
    whole = sb.get.accessibility(trained, **arguments).astype(float)
    expected = whole.groupby(trained.obs["kind"]).mean()
    found = sb.get.accessibility(trained, groupby="kind", **arguments)
    assert found.to_numpy().dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert list(found.index) == ["a", "b"]
    some = sb.get.accessibility(trained, groupby="kind", groups=["b", "a", "b"], var=[4, 2], **arguments)
    np.testing.assert_allclose(some, expected.iloc[[1, 0, 1], [4, 2]], rtol=0, atol=1e-5)


def test_groups_of_a_batch_corrected_model_hold_each_cells_batch(tiny):
    sb.tl.scbasset(tiny, batch_key="batch", **SMALL)
    for arguments in ({"normalize_depth": False}, {"normalize_depth": False, "scale": "sigmoid"}, {}):
        expected = sb.get.accessibility(tiny, **arguments).astype(float).groupby(tiny.obs["kind"]).mean()
        np.testing.assert_allclose(sb.get.accessibility(tiny, groupby="kind", **arguments), expected, atol=1e-5)


def test_groups_of_other_types_than_text(trained):
    trained.obs["flag"] = trained.obs["kind"] == "a"
    trained.obs.loc[trained.obs_names[:3], "kind"] = np.nan
    found = sb.get.accessibility(trained, groupby="flag", groups=[True, False])
    assert list(found.index) == [True, False]
    cells = trained.obs["flag"].to_numpy(bool, copy=True)
    np.testing.assert_allclose(found.loc[True], sb.get.accessibility(trained, obs=cells).mean(), atol=1e-5)
    known = trained.obs["kind"] == "a"
    found = sb.get.accessibility(trained, groupby="kind", groups="a")
    np.testing.assert_allclose(found.iloc[0], sb.get.accessibility(trained, obs=known).mean(), atol=1e-5)


def test_groups_of_numbers_that_may_be_missing(trained):
    trained.obs["number"] = pd.array([0, 1, None] * 20, dtype="Int64")
    found = sb.get.accessibility(trained, groupby="number")
    whole = sb.get.accessibility(trained)
    np.testing.assert_allclose(found, [whole.iloc[0::3].mean(), whole.iloc[1::3].mean()], atol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"normalize_depth": False, "scale": "sigmoid"}, {"groupby": "kind"}])
def test_sequences_of_peaks_give_what_the_peaks_give(trained, arguments):
    from scbasset_tl.genome import decode

    codes = trained.varm["dna_code"][[5, 40, 7]]
    expected = sb.get.accessibility(trained, var=[5, 40, 7], **arguments)
    texts = list(decode(codes))
    for sequences, names in [
        (codes, ["sequence_1", "sequence_2", "sequence_3"]),
        (texts, ["sequence_1", "sequence_2", "sequence_3"]),
        (np.array(texts), ["sequence_1", "sequence_2", "sequence_3"]),
        ({"x": texts[0].lower(), "y": codes[1], "z": texts[2]}, ["x", "y", "z"]),
        (pd.Series(texts, index=["x", "y", "z"]), ["x", "y", "z"]),
    ]:
        found = sb.get.accessibility(trained, sequences=sequences, **arguments)
        assert list(found.columns) == names
        assert found.index.equals(expected.index)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    for one in (texts[0], np.array(texts[0]), codes[0]):
        assert list(sb.get.accessibility(trained, sequences=one)) == ["sequence_1"]


def test_regions_of_a_genome(trained, tmp_path):
    """Windows of a FASTA that hold the peaks' sequences, and names of peaks, which need none."""
    from scbasset_tl.genome import decode

    peaks = trained.var_names[[3, 8]]
    expected = sb.get.accessibility(trained, var=peaks)
    np.testing.assert_allclose(sb.get.accessibility(trained, regions=peaks), expected, atol=1e-5)
    path = tmp_path / "a.fa"
    path.write_text(">chr7\n" + "".join(decode(trained.varm["dna_code"][[3, 8]])) + "\n")
    regions = ["chr7:0-192", "chr7:200-376"]
    table = pd.DataFrame({"chr": "chr7", "start": [0, 200], "end": [192, 376]}, index=regions)
    for given in (regions, table):
        found = sb.get.accessibility(trained, regions=given, fasta=path, obs=[4, 9])
        assert list(found.columns) == regions
        np.testing.assert_allclose(found, expected.iloc[[4, 9]], rtol=0, atol=1e-5)


def test_a_fasta_of_sequences_is_read_as_they_are(trained, tmp_path):
    """The file is written here, with lines of another width, lower case and N."""
    codes = trained.varm["dna_code"][[4, 2, 9]]
    texts = [sb.genome.decode(row) for row in codes]
    lines = [
        f">s{n} x\n{text[:50].lower()}\n{text[50:100]}\n{text[100:150]}\n{text[150:]}" for n, text in enumerate(texts)
    ]
    path = tmp_path / "sequences.fa"
    path.write_text("\n".join(lines) + "\n")
    found = sb.get.accessibility(trained, fasta=path, obs=[4, 9], scale="sigmoid")
    assert list(found.columns) == ["s0", "s1", "s2"]
    expected = sb.get.accessibility(trained, sequences=codes, obs=[4, 9], scale="sigmoid")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    path.write_text(f">short\n{texts[0][:-1]}\n>right\n{texts[1]}\n")
    with pytest.raises(ValueError, match="fasta: 1 of 2 sequences do not have the 192 bp.*'short' with 191 bp"):
        sb.get.accessibility(trained, fasta=path)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"var": 0, "sequences": "A" * 192}, ValueError, "three ways"),
        ({"fasta": "a.fa", "var": 0}, ValueError, "leave out either it or var= and sequences="),
        ({"fasta": "a.fa", "sequences": "A" * 192}, ValueError, "leave out either it or var= and sequences="),
        ({"fasta": "a.fa"}, FileNotFoundError, "a.fa"),
        ({"regions": "chr1:5-9"}, ValueError, "pass fasta="),
        ({"sequences": "ACGT"}, ValueError, "1 of 1 do not have the 192 bp.*'sequence_1' with 4 bp"),
        ({"sequences": {"one": "A" * 192, "two": "A" * 191}}, ValueError, "1 of 2.*'two' with 191 bp"),
        ({"sequences": ["A" * 191 + "!"]}, ValueError, "'sequence_1' cannot be read.*IUPAC"),
        ({"sequences": np.full((2, 192), 7)}, ValueError, "codes 0 to 4"),
        ({"sequences": [[1.5] * 192]}, ValueError, "array of float64"),
        ({"sequences": []}, ValueError, "sequences must be text, a list"),
        ({"sequences": 3}, ValueError, "sequences must be text.*got int"),
        ({"groups": ["a"]}, ValueError, "groupby="),
        ({"groupby": "kind", "obs": [1]}, ValueError, "not both"),
        ({"groupby": "kind", "groups": ["c"]}, KeyError, "no group \\['c'\\]"),
    ],
)
def test_bad_sequences_and_groups(trained, arguments, error, words):
    with pytest.raises(error, match=words):
        sb.get.accessibility(trained, **arguments)


def test_sequences_that_do_not_fit_are_refused_before_the_network_runs(trained, monkeypatch):
    from scbasset_tl import _space
    from scbasset_tl.nn import embed

    monkeypatch.setattr(_space, "available_memory", lambda: 100)
    monkeypatch.setattr(embed, "embed", None)
    with pytest.raises(MemoryError, match="60 × 2 values.*fewer cells, regions or sequences"):
        sb.get.accessibility(trained, sequences=trained.varm["dna_code"][:2])


@pytest.mark.parametrize(
    "sequences", [{1: "A" * 192, "1": "C" * 192}, pd.Series(["A" * 192, "C" * 192], index=["x", "x"])]
)
def test_names_of_sequences_that_repeat_are_refused(trained, sequences):
    with pytest.raises(ValueError, match="2 sequences have 1 names"):
        sb.get.accessibility(trained, sequences=sequences)
