"""tl.tf_activity and get.tf_activity: numbers against the network itself, slots and files."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
import torch
from scipy.special import expit

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_network
from scbasset_tl.genome import Motif, decode, reverse_complement
from scbasset_tl.genome.instances import draw_instances
from scbasset_tl.infer.motif_effects import Ablation
from scbasset_tl.nn.codes import one_hot

FEW = {"n_background": 12, "n_null": 0}
COLUMNS = ["id", "mean", "sd", "statistic", "p_value", "fdr"]


@pytest.fixture
def backgrounds(rng):
    return rng.integers(0, 5, (13, 192), dtype=np.uint8)


def embed(adata, codes):
    with torch.no_grad():
        return (
            read_network(adata)
            .trunk()(one_hot(torch.as_tensor(np.ascontiguousarray(codes))))
            .numpy()
            .astype(np.float64)
        )


def by_hand(adata, motif, backgrounds, *, strands="both", starts=None):
    """Embeddings of every background with the motif written into it, by strand (S, n, K), and without (n, K)."""
    # the seed also orders the backgrounds
    shuffled = backgrounds[np.random.default_rng(0).permutation(len(backgrounds))]
    width = len(motif)
    starts = [96 - width // 2] if starts is None else starts
    drawn = draw_instances(motif.pwm, len(backgrounds), copies=len(starts), seed=0)
    with_motif = []
    for form in [drawn, reverse_complement(drawn)][: 1 + (strands == "both")]:
        edited = shuffled.copy()
        for copy, start in enumerate(starts):
            edited[:, start : start + width] = form[:, copy]
        with_motif.append(embed(adata, edited))
    return np.stack(with_motif), embed(adata, shuffled)


@pytest.mark.parametrize("strands", ["both", "+"])
def test_raw_activity_is_that_of_whole_sequences(trained, motifs, backgrounds, strands):
    sb.tl.tf_activity(trained, motifs, backgrounds=backgrounds, n_null=0, strands=strands)
    found = sb.get.tf_activity(trained)
    for number, motif in enumerate(motifs):
        edited, plain = by_hand(trained, motif, backgrounds, strands=strands)
        raw = ((edited - plain).mean((0, 1)) @ trained.obsm["X_scbasset"].T).astype(np.float64)
        np.testing.assert_allclose(found.layers["raw"][:, number], raw, rtol=0, atol=1e-5)
        np.testing.assert_allclose(found.X[:, number], (raw - raw.mean()) / raw.std(), rtol=0, atol=1e-3)


def test_copies_with_spacing(trained, motifs, backgrounds):
    sb.tl.tf_activity(trained, motifs[0], backgrounds=backgrounds, n_null=0, copies=3, spacing=4)
    edited, plain = by_hand(trained, motifs[0], backgrounds, starts=[83, 93, 103])
    expected = (edited - plain).mean((0, 1))
    np.testing.assert_allclose(trained.uns["tf_activity"]["effect"], expected[None], rtol=0, atol=1e-5)


def test_sigmoid_is_the_dense_formula(trained, motifs, backgrounds):
    sb.tl.tf_activity(trained, motifs, backgrounds=backgrounds, n_null=0, scale="sigmoid")
    found = sb.get.tf_activity(trained)
    cells = trained.obsm["X_scbasset"].T
    for number, motif in enumerate(motifs):
        edited, plain = by_hand(trained, motif, backgrounds)
        raw = (expit(edited @ cells) - expit(plain @ cells)).mean((0, 1))
        np.testing.assert_allclose(found.layers["raw"][:, number], raw, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.X[:, number], (raw - raw.mean()) / raw.std(), rtol=0, atol=1e-2)


@pytest.mark.parametrize("scale", ["logit", "sigmoid"])
def test_z_scores(trained, motifs, scale):
    sb.tl.tf_activity(trained, motifs, **FEW, scale=scale)
    z, entry = trained.obsm["tf_activity"], trained.uns["tf_activity"]
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(0), 1, rtol=1e-4)
    raw = sb.get.tf_activity(trained).layers["raw"]
    np.testing.assert_allclose(raw.mean(0), entry["mean"], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(raw.std(0), entry["sd"], rtol=1e-4)


def test_a_motif_without_variation_has_zeros(trained, motifs):
    trained.obsm["X_scbasset"][:] = trained.obsm["X_scbasset"][0]
    sb.tl.tf_activity(trained, motifs, **FEW)
    assert not trained.obsm["tf_activity"].any()
    assert not trained.uns["tf_activity"]["sd"].any()
    raw = sb.get.tf_activity(trained).layers["raw"]
    np.testing.assert_allclose(raw, np.tile(trained.uns["tf_activity"]["mean"], (50, 1)), rtol=1e-6)


def test_other_motifs_make_no_difference(trained, motifs):
    call = {**FEW, "rng": 3}
    sb.tl.tf_activity(trained, motifs, **call)
    sb.tl.tf_activity(trained, motifs[::-1], **call, key_added="reversed")
    sb.tl.tf_activity(trained, motifs[1], **call, key_added="alone")
    together = trained.uns["tf_activity"]["effect"]
    np.testing.assert_allclose(trained.uns["reversed"]["effect"][::-1], together, rtol=0, atol=1e-6)
    np.testing.assert_allclose(trained.uns["alone"]["effect"][0], together[1], rtol=0, atol=1e-6)
    assert list(trained.uns["reversed"]["names"]) == ["TF3", "TF2", "TF1", "TF0"]


def test_seeds(trained, motifs):
    effects = []
    for rng in (1, 1, 2, np.random.default_rng(1), None):
        sb.tl.tf_activity(trained, motifs[:1], **FEW, rng=rng)
        effects.append(trained.uns["tf_activity"]["effect"])
    np.testing.assert_array_equal(effects[0], effects[1])
    assert all(np.abs(effects[0] - other).max() > 1e-4 for other in effects[2:])
    # what was drawn is recorded, and repeats the call
    sb.tl.tf_activity(trained, motifs[:1], **FEW, rng=trained.uns["tf_activity"]["params"]["seed"])
    np.testing.assert_array_equal(trained.uns["tf_activity"]["effect"], effects[-1])


def test_a_fasta_file_and_codes_are_the_same_backgrounds(trained, motifs, backgrounds, tmp_path):
    path = tmp_path / "backgrounds.fa"
    path.write_text("".join(f">{number}\n{decode(codes)}\n" for number, codes in enumerate(backgrounds)))
    sb.tl.tf_activity(trained, motifs, backgrounds=backgrounds, n_null=0)
    sb.tl.tf_activity(trained, motifs, backgrounds=path, n_null=0, key_added="fasta")
    np.testing.assert_array_equal(trained.uns["fasta"]["effect"], trained.uns["tf_activity"]["effect"])
    assert trained.uns["fasta"]["params"]["backgrounds"] == str(path)
    assert trained.uns["tf_activity"]["params"]["backgrounds"] == "13 sequences"


def test_batches_are_left_out(trained, motifs, backgrounds):
    trained.obs["batch"] = ["x", "y"] * 25
    sb.tl.scbasset(trained, batch_key="batch", trunk=4, n_latent=5, max_epochs=1, batch_size=16)
    sb.tl.tf_activity(trained, motifs, backgrounds=backgrounds, n_null=0)
    edited, plain = by_hand(trained, motifs[0], backgrounds)
    raw = (edited - plain).mean((0, 1)) @ trained.obsm["X_scbasset"].T
    np.testing.assert_allclose(sb.get.tf_activity(trained).layers["raw"][:, 0], raw, rtol=0, atol=1e-5)


def test_ablation_is_the_loss_of_the_best_sites(trained, motifs):
    sb.tl.tf_activity(trained, motifs, mode="ablate", **FEW)
    experiment, few = Ablation.of_peaks(trained.varm["dna_code"], 12, both_strands=True, rng=np.random.default_rng(0))
    assert sorted(map(bytes, experiment.codes)) == sorted(map(bytes, trained.varm["dna_code"]))
    for codes, instead in zip(experiment.codes, experiment.instead, strict=True):
        np.testing.assert_array_equal(np.bincount(codes, minlength=5), np.bincount(instead, minlength=5))
    assert len(few.codes) == 80
    assert few.n_best == 12
    for number, (patches, rows, starts) in enumerate(experiment.edits([motif.pwm for motif in motifs])):
        assert len(set(rows)) == 12
        edited = experiment.codes[rows].copy()
        for sequence, patch, start in zip(edited, patches, starts, strict=True):
            sequence[start : start + len(patch)] = patch
        expected = (embed(trained, experiment.codes[rows]) - embed(trained, edited)).mean(0)
        np.testing.assert_allclose(trained.uns["tf_activity"]["effect"][number], expected, rtol=0, atol=1e-5)


def test_slots_are_those_promised(trained, motifs):
    before = {field: set(getattr(trained, field)) for field in ("obs", "var", "obsm", "varm", "uns")}
    copy = sb.tl.tf_activity(trained, motifs, **FEW, copy=True)
    assert "tf_activity" not in trained.obsm
    assert sb.tl.tf_activity(trained, motifs, **FEW, key_added="foo", groupby="cell_type") is None
    np.testing.assert_array_equal(copy.obsm["tf_activity"], trained.obsm["foo"])
    after = {field: set(getattr(trained, field)) - names for field, names in before.items()}
    assert after == {"obs": set(), "var": set(), "obsm": {"foo"}, "varm": set(), "uns": {"foo"}}
    entry = trained.uns["foo"]
    assert set(entry) == {
        "names", "ids", "effect", "mean", "sd", "statistic", "p_value", "fdr", "groups", "params", "slots", "model",
        "schema_version", "written_by",
    }  # fmt: skip
    assert entry["effect"].shape == (4, 5)
    assert set(entry["groups"]) == {"names", "effect", "statistic", "p_value", "fdr"}
    lengths = {np.size(value) for value in [*entry.values(), *entry["groups"].values()]}
    assert not lengths & {50, 80}


def test_views_and_mudata(trained, motifs):
    view = trained[:40]
    sb.tl.tf_activity(view, motifs, **FEW)
    assert view.obsm["tf_activity"].shape == (40, 4)
    mdata = md.MuData({"peaks": trained})
    sb.tl.tf_activity(mdata, motifs, **FEW, mod="peaks")
    assert sb.get.tf_activity(mdata, mod="peaks").shape == (50, 4)


@pytest.mark.parametrize("store", ["h5ad", "zarr", "h5mu"])
def test_files(trained, motifs, store, tmp_path):
    names = ["A/B", "A::B", "C(var.2)", "C(var.2)"]
    named = [Motif(motif.id, name, motif.pwm) for motif, name in zip(motifs, names, strict=True)]
    trained.obs["group"] = ["a/b", "c"] * 25
    sb.tl.tf_activity(trained, named, n_background=12, n_null=20, groupby="group")
    path = tmp_path / f"a.{store}"
    if store == "h5mu":
        md.MuData({"atac": trained}).write_h5mu(path)
        read = md.read_h5mu(path)
    else:
        getattr(trained, f"write_{store}")(path)
        read = getattr(ad, f"read_{store}")(path)
    one, other = sb.get.tf_activity(trained), sb.get.tf_activity(read)
    assert list(other.var_names) == ["A/B", "A::B", "C(var.2)_M2", "C(var.2)_M3"]
    np.testing.assert_array_equal(one.X, other.X)
    np.testing.assert_array_equal(one.layers["raw"], other.layers["raw"])
    for column in one.var:
        np.testing.assert_array_equal(one.var[column], other.var[column])
    other.write_h5ad(tmp_path / "found.h5ad")


def test_get_shares_nothing_with_the_data(trained, motifs):
    trained.obsm["X_umap"] = np.zeros((50, 2))
    trained.uns["cell_type_colors"] = np.array(["red"] * 5)
    sb.tl.tf_activity(trained, motifs, **FEW)
    found = sb.get.tf_activity(trained)
    assert list(found.var) == COLUMNS
    assert set(found.obsm) == {"X_umap", "X_scbasset"}
    assert "cell_type_colors" in found.uns
    z = trained.obsm["tf_activity"].copy()
    found.X[:] = 0
    found.obsm["X_umap"][:] = 1
    found.obs["cell_type"] = "x"
    found.uns["cell_type_colors"][:] = "blue"
    np.testing.assert_array_equal(trained.obsm["tf_activity"], z)
    assert not trained.obsm["X_umap"].any()
    assert list(trained.uns["cell_type_colors"]) == ["red"] * 5
    assert sb.get.tf_activity(trained[:7]).shape == (7, 4)


def test_the_expected_time_is_said_first(trained, motifs, capsys):
    with sb.settings.override(verbosity=2):
        sb.tl.tf_activity(trained, motifs, n_background=200, n_null=20)
    said = capsys.readouterr().err
    assert "n_background=200, but there are 80 peaks" in said
    assert "expected time: 4 motifs in 80 backgrounds: " in said
    assert "null of 20 permuted motifs in 80 backgrounds (n_null=0 skips it): " in said
