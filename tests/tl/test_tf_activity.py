"""tl.tf_activity and get.tf_activity: numbers against the network itself, significance, slots and files."""

import anndata as ad
import mudata as md
import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import false_discovery_control

import scbasset_tl as sb
from scbasset_tl._adata.model import load_trunk
from scbasset_tl._adata.motif_effects import Ablation, Insertion
from scbasset_tl.genome import Motif, decode, reverse_complement
from scbasset_tl.genome.instances import draw_instances, draw_permutations
from scbasset_tl.genome.motifs import permuted_columns
from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.insertion import mean_changes

FEW = {"n_background": 12, "n_null": 0}
COLUMNS = ["id", "mean", "sd", "statistic", "p_value", "fdr"]


@pytest.fixture(scope="module")
def _trained():
    torch.set_num_threads(1)
    with sb.settings.override(verbosity=0):
        adata = sb.datasets.toy(n_obs=50, n_vars=80)
        sb.tl.scbasset(adata, trunk=6, n_latent=5, max_epochs=2, batch_size=16)
    return adata


@pytest.fixture
def trained(_trained):
    return _trained.copy()


@pytest.fixture
def motifs(rng):
    widths = [6, 11, 8, 8]
    return [Motif(f"M{number}", f"TF{number}", rng.dirichlet(np.full(4, 0.2), w)) for number, w in enumerate(widths)]


@pytest.fixture
def backgrounds(rng):
    return rng.integers(0, 5, (13, 192), dtype=np.uint8)


def embed(adata, codes):
    with torch.no_grad():
        return load_trunk(adata)(one_hot(torch.as_tensor(np.ascontiguousarray(codes)))).numpy().astype(np.float64)


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


def test_significance_and_groups(trained, motifs):
    trained.obs["group"] = np.array(["a", "b/c", "d"])[np.arange(50) % 3]
    trained.obs.loc[trained.obs_names[:4], "group"] = np.nan
    sb.tl.tf_activity(trained, motifs, n_background=30, n_null=200, groupby="group")
    entry, table = trained.uns["tf_activity"], sb.get.tf_activity(trained).var
    assert entry["params"]["n_null"] == 200
    np.testing.assert_array_equal(table["fdr"], false_discovery_control(table["p_value"]))
    # with no more backgrounds than the null has, the statistic is the standard deviation of the activities themselves
    np.testing.assert_allclose(table["statistic"], table["sd"], rtol=1e-5)
    assert table["p_value"].between(1 / 201, 1).all()
    raw = sb.get.tf_activity(trained).to_df("raw")
    known = trained.obs["group"].notna()
    for number, group in enumerate(["a", "b/c", "d"]):
        mine = (trained.obs["group"] == group).to_numpy()
        difference = raw[mine].mean() - raw[known & ~mine].mean()
        np.testing.assert_allclose(entry["groups"]["effect"][:, number], difference, rtol=0, atol=1e-5)
        np.testing.assert_allclose(entry["groups"]["statistic"][:, number], np.abs(difference), rtol=0, atol=1e-5)
        column = group.replace("/", "|")
        np.testing.assert_array_equal(table[f"p_value_{column}"], entry["groups"]["p_value"][:, number])
        np.testing.assert_array_equal(table[f"fdr_{column}"], false_discovery_control(table[f"p_value_{column}"]))
    assert list(entry["groups"]["names"]) == ["a", "b/c", "d"]


def test_motif_and_null_are_compared_on_the_same_100_backgrounds(trained, motifs, rng):
    backgrounds = rng.integers(0, 4, (150, 192), dtype=np.uint8)
    sb.tl.tf_activity(trained, motifs[1], backgrounds=backgrounds, n_null=40)
    few = Insertion(backgrounds[np.random.default_rng(0).permutation(150)][:100], True, 1, None, 0)
    pwms = [motifs[1].pwm, *draw_permutations(motifs[1].pwm, 40, seed=0)]
    effects = mean_changes(load_trunk(trained), few.codes, few.edits(pwms)).latent
    statistic, *null = (effects @ trained.obsm["X_scbasset"].T).std(1)
    table = sb.get.tf_activity(trained).var.iloc[0]
    np.testing.assert_allclose(table["statistic"], statistic, rtol=1e-4)
    assert abs(table["sd"] / statistic - 1) > 1e-3
    assert table["p_value"] == (1 + (np.array(null) >= statistic).sum()) / 41


def test_without_a_null_there_is_no_significance(trained, motifs):
    sb.tl.tf_activity(trained, motifs, **FEW, groupby="cell_type")
    table = sb.get.tf_activity(trained).var
    assert table[["statistic", "p_value", "fdr", "p_value_type_1", "fdr_type_1"]].isna().all(axis=None)
    assert table["effect_type_1"].notna().all()


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
        "names", "ids", "effect", "mean", "sd", "statistic", "p_value", "fdr", "groups", "params", "slots", "schema_version",
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
    trained.uns["cell_type_colors"] = ["red"] * 5
    sb.tl.tf_activity(trained, motifs, **FEW)
    found = sb.get.tf_activity(trained)
    assert list(found.var) == COLUMNS
    assert set(found.obsm) == {"X_umap", "X_scbasset"}
    assert "cell_type_colors" in found.uns
    z = trained.obsm["tf_activity"].copy()
    found.X[:] = 0
    found.obsm["X_umap"][:] = 1
    found.obs["cell_type"] = "x"
    np.testing.assert_array_equal(trained.obsm["tf_activity"], z)
    assert not trained.obsm["X_umap"].any()
    assert sb.get.tf_activity(trained[:7]).shape == (7, 4)


def test_the_expected_time_is_said_first(trained, motifs, capsys):
    with sb.settings.override(verbosity=2):
        sb.tl.tf_activity(trained, motifs, n_background=200, n_null=20)
    said = capsys.readouterr().err
    assert "n_background=200, but there are 80 peaks" in said
    assert "expected time: 4 motifs in 80 backgrounds: " in said
    assert "null of 20 permuted motifs in 80 backgrounds (n_null=0 skips it): " in said


@pytest.fixture
def planted(trained_toy):
    truth = trained_toy.uns["toy"]["motifs"]
    rows = zip(truth["name"], truth["pwm"], strict=True)
    return truth, [Motif(f"T{number}", str(name), pwm) for number, (name, pwm) in enumerate(rows)]


def test_planted_motifs_rank_first_and_decoys_are_not_significant(trained_toy, planted, rng):
    truth, motifs = planted
    kind = np.asarray(truth["kind"], dtype=object)
    decoys = [Motif(f"D{number}", f"D{number}", permuted_columns(motifs[number % 9].pwm, rng)) for number in range(200)]
    sb.tl.tf_activity(trained_toy, [*motifs, *decoys], n_background=100, n_null=1000, groupby="cell_type")
    found = sb.get.tf_activity(trained_toy)
    active = np.isin(kind, ["specific", "shared", "general"])
    significant = set(found.var_names[found.var["fdr"] <= 0.05])
    assert {motif.name for motif, acts in zip(motifs, active, strict=True) if acts} <= significant
    assert (found.var["p_value"][: len(motifs)][kind == "decoy"] > 0.05).all()
    assert 0.01 <= (found.var["p_value"][len(motifs) :] <= 0.05).mean() <= 0.11
    means = found.to_df()[sorted(significant)].groupby(found.obs["cell_type"], observed=True).mean()
    for number in np.flatnonzero(kind == "specific"):
        cell_type = means.index[truth["effect"][number].argmax()]
        assert means.loc[cell_type].idxmax() == motifs[number].name
        assert means[motifs[number].name].idxmax() == cell_type
    for number in np.flatnonzero(kind == "shared"):
        assert set(means[motifs[number].name].nlargest(2).index) == set(means.index[truth["effect"][number] > 0])


def test_a_repressor_needs_open_peaks(trained_toy, planted):
    truth, motifs = planted
    (repressor,) = np.flatnonzero(np.asarray(truth["kind"], dtype=object) == "repressor")
    codes = trained_toy.varm["dna_code"][trained_toy.var["programme"] == "general"]
    sb.tl.tf_activity(trained_toy, motifs[repressor], backgrounds=codes, n_null=400, groupby="cell_type")
    found = sb.get.tf_activity(trained_toy)
    assert found.var["p_value"].iloc[0] < 0.05
    means = found.to_df("raw").groupby(found.obs["cell_type"], observed=True).mean().iloc[:, 0]
    assert set(means.nsmallest(2).index) == set(means.index[truth["effect"][repressor] < 0])
