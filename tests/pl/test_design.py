"""pl.design: what its panels show, against get.design and whole sequences."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import scbasset_tl as sb
from scbasset_tl.genome import Motif


@pytest.fixture
def trained(trained):
    """Logits of a model that was trained for a second are below a thousandth, where no edit is worth making."""
    trained.obsm["X_scbasset"] *= 1000
    return trained


@pytest.fixture
def designed(trained):
    motif = Motif("M1", "TF1", np.eye(4)[sb.genome.encode("GATAAGAT")])
    call = {"groupby": "kind", "group": "b", "n_sequences": 4, "n_rounds": 3}
    sb.tl.design(trained, **call, motifs=motif, n_places=200)
    return trained


def test_lines_and_points_are_the_values(designed):
    course, groups, _ = sb.pl.design(designed, show=False)
    rows, table = sb.get.design(designed, course=True), sb.get.design(designed)
    lines = course.get_lines()
    assert len(lines) == 5
    for name, line in zip(table.index, lines, strict=False):
        drawn = line.get_ydata()
        np.testing.assert_allclose(drawn[np.isfinite(drawn)], rows.loc[rows["name"] == name, "score"])
    np.testing.assert_allclose(lines[-1].get_ydata()[-1], table["score"].mean())
    np.testing.assert_allclose(lines[-1].get_ydata()[0], table["start_score"].mean())
    assert [tick.get_text() for tick in groups.get_xticklabels()] == ["a", "b"]
    before_a, after_a, _, after_b = (points.get_offsets()[:, 1] for points in groups.collections)
    np.testing.assert_allclose(after_a, table["logit_a"], rtol=1e-5)
    np.testing.assert_allclose(after_b, table["logit_b"], rtol=1e-5)
    np.testing.assert_allclose(before_a, rows.loc[rows["round"] == 0, "logit_a"], rtol=1e-5)
    assert groups.get_title() == "designed for b"


def test_letters_are_what_the_bases_add_to_the_score(designed):
    *_, ax = sb.pl.design(designed, sequence="design_2", window=(80, 100), show=False)
    sequence = sb.get.design(designed)["sequence"].loc["design_2"]

    def score(texts):
        codes = np.array([sb.genome.encode(text) for text in texts])
        both = [sb.get.accessibility(designed, sequences=part, groupby="kind").to_numpy() for part in (
            codes, sb.genome.reverse_complement(codes).copy()
        )]  # fmt: skip
        a, b = np.mean(both, axis=0)
        return b - a

    found = {}
    for path in ax.collections[0].get_paths():
        y = path.vertices[:, 1]
        found[round(path.vertices[:, 0].mean())] = y.max() if y.max() > -y.min() else y.min()
    assert set(found) == set(range(80, 100))
    for place in (80, 91, 99):
        mutants = [sequence[:place] + base + sequence[place + 1 :] for base in "ACGT"]
        expected = score([sequence])[0] - score(mutants).mean()
        assert found[place] == pytest.approx(expected, abs=2e-5)
    assert ax.get_title() == "design_2, score"


def test_motifs_that_are_there_are_marked(designed):
    entry = designed.uns["design"]
    rows = np.flatnonzero(entry["edits"]["motif"] == "TF1")
    assert len(rows)
    owner = int(entry["edits"]["sequence"][rows[0]])
    *_, ax = sb.pl.design(designed, sequence=owner, show=False)
    labels = [text.get_text() for text in ax.texts]
    assert labels
    assert set(labels) <= {"TF1 +", "TF1 -"}


def test_default_is_the_best_and_options(designed, assert_nothing_cut, shown):
    best = sb.get.design(designed)["score"].idxmax()
    axes = sb.pl.design(designed, show=False)
    assert axes[2].get_title() == f"{best}, score"
    assert len(sb.pl.design(designed, logo=False, palette=["red", "blue"], show=False)) == 2
    figure = sb.pl.design(designed, return_fig=True)
    assert isinstance(figure, Figure)
    assert_nothing_cut(figure)
    assert tuple(sb.pl.design(designed, figsize=(9, 4), return_fig=True).get_size_inches()) == (9, 4)
    assert shown == []
    assert sb.pl.design(designed, show=True) is None
    assert len(shown) == 1


def test_sequences_that_are_done_and_a_single_one(trained, assert_nothing_cut):
    sb.tl.design(trained, groupby="kind", group="b", n_sequences=1, n_rounds=30, window=(90, 91))
    start = sb.get.design(trained)["sequence"].to_dict()
    sb.tl.design(trained, groupby="kind", group="b", start=start, window=(90, 91))
    assert_nothing_cut(sb.pl.design(trained, return_fig=True))
