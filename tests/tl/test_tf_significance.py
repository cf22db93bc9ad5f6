"""tl.tf_activity: significance, and what it finds among planted motifs."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_network
from scbasset_tl.genome import Motif
from scbasset_tl.genome.instances import draw_permutations
from scbasset_tl.genome.motifs import information, permuted_columns
from scbasset_tl.infer.motif_effects import Insertion
from scbasset_tl.nn.insertion import mean_changes


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
    effects = mean_changes(read_network(trained).trunk(), few.codes, few.edits(pwms)).latent
    statistic, *null = (effects @ trained.obsm["X_scbasset"].T).std(1)
    table = sb.get.tf_activity(trained).var.iloc[0]
    np.testing.assert_allclose(table["statistic"], statistic, rtol=1e-4)
    assert abs(table["sd"] / statistic - 1) > 1e-3
    assert table["p_value"] == (1 + (np.array(null) >= statistic).sum()) / 41


def test_no_significant_insertion_is_said(trained, motifs, capsys):
    with sb.settings.override(verbosity=2):
        sb.tl.tf_activity(trained, motifs, n_background=12, n_null=6)
        assert "look at mode='ablate'" in capsys.readouterr().err
        sb.tl.tf_activity(trained, motifs, n_background=12, n_null=0)
    assert "look at mode='ablate'" not in capsys.readouterr().err


def test_without_a_null_there_is_no_significance(trained, motifs):
    sb.tl.tf_activity(trained, motifs, n_background=12, n_null=0, groupby="cell_type")
    table = sb.get.tf_activity(trained).var
    assert table[["statistic", "p_value", "fdr", "p_value_type_1", "fdr_type_1"]].isna().all(axis=None)
    assert table["effect_type_1"].notna().all()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda first: first, ["False", "True"]),
        (lambda first: pd.Categorical(first), ["False", "True"]),
        (lambda first: pd.array(np.where(first, True, False), dtype="boolean"), ["False", "True"]),
        (lambda first: pd.Categorical(np.where(first, 7, 3)), ["3", "7"]),
    ],
    ids=["bool", "categories of bool", "nullable bool", "numbers"],
)
def test_groups_that_are_no_text(trained, motifs, change, names):
    first = np.arange(50) < 13
    trained.obs["group"] = change(first)
    sb.tl.tf_activity(trained, motifs, n_background=12, n_null=0, groupby="group")
    raw = sb.get.tf_activity(trained).layers["raw"]
    groups = trained.uns["tf_activity"]["groups"]
    assert list(groups["names"]) == names
    np.testing.assert_allclose(groups["effect"][:, 1], raw[first].mean(0) - raw[~first].mean(0), rtol=0, atol=1e-5)
    np.testing.assert_allclose(groups["effect"][:, 0], -groups["effect"][:, 1], rtol=0, atol=1e-5)


@pytest.fixture
def planted(trained_toy):
    truth = trained_toy.uns["toy"]["motifs"]
    rows = zip(truth["name"], truth["pwm"], strict=True)
    return truth, [Motif(f"T{number}", str(name), pwm) for number, (name, pwm) in enumerate(rows)]


def random_columns(pwm, rng):
    """As many random columns, all of about the mean information of those of ``pwm``."""
    wanted, sharpness = information(pwm).mean(), np.geomspace(0.01, 10, 200)
    drawn = rng.dirichlet(np.ones(4), len(pwm))
    candidates = [drawn**power / (drawn**power).sum(axis=1, keepdims=True) for power in sharpness]
    return min(candidates, key=lambda each: abs(information(each).mean() - wanted))


def test_planted_motifs_rank_first_and_decoys_are_not_significant(trained_toy, planted, rng):
    truth, motifs = planted
    kind = np.asarray(truth["kind"], dtype=object)
    # decoys of the kind that the null is made of, and of another: random columns, as informative as those of the motifs
    pwms = [permuted_columns(motifs[number % len(motifs)].pwm, rng) for number in range(100)]
    pwms += [random_columns(motif.pwm, rng) for motif in motifs * 10][:100]
    decoys = [Motif(f"D{number}", f"D{number}", pwm) for number, pwm in enumerate(pwms)]
    sb.tl.tf_activity(trained_toy, [*motifs, *decoys], n_background=50, n_null=3000, groupby="cell_type")
    found = sb.get.tf_activity(trained_toy)
    active = np.isin(kind, ["specific", "shared", "general"])
    significant = set(found.var_names[found.var["fdr"] <= 0.05])
    assert {motif.name for motif, acts in zip(motifs, active, strict=True) if acts} <= significant
    assert (found.var["p_value"][: len(motifs)][kind == "decoy"] > 0.05).all()
    false = (found.var["p_value"].to_numpy()[len(motifs) :].reshape(2, 100) <= 0.05).mean(axis=1)
    assert (false <= 0.11).all()  # with 100 decoys at 5 %, more than 11 are significant once in 230 times
    assert false.mean() >= 0.01
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
