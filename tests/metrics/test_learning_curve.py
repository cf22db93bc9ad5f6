"""metrics.learning_curve: what it trains on and scores, its sentences, and whether more data give more on the toy data."""

import mudata as md
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import scbasset_tl as sb
from scbasset_tl._adata.compare import learning_curve as curve
from scbasset_tl.metrics._learning_curve import _fits, _words

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "batch_size": 16}


@pytest.fixture
def split(tiny):
    sb.pp.split_peaks(tiny, fractions=(0.6, 0.2, 0.2))
    return tiny


def test_the_largest_model_is_that_of_tl_scbasset(split):
    """Taking all cells in their order gives the same network, and the same scores as the metric's on held-out peaks."""
    order = np.random.default_rng(5).permutation(split.n_obs)
    found = sb.metrics.learning_curve(split, cells=[60, 30], reads=(1.0,), rng=5, label_key="kind", **SMALL)
    generator = np.random.default_rng(5)
    generator.permutation(split.n_obs)
    seed = int(generator.integers(2**31 - 1))
    for n, row in zip((30, 60), found.table.itertuples(), strict=True):
        part = split[order[:n]].copy()
        sb.tl.scbasset(part, recipe="fast", rng=seed, **SMALL)
        auc = sb.metrics.accessibility_auc(part[:30].copy(), split="held-out")
        assert row.auroc_per_cell == pytest.approx(auc.mean_per_cell, abs=1e-6)
        assert row.auroc_per_peak == pytest.approx(auc.mean_per_peak, abs=1e-6)
        label = sb.metrics.label_score(part[:30].copy(), label_key="kind", k=3)
        assert row.label_score == pytest.approx(label, abs=1e-9)
        assert row.depth == np.median(np.asarray((part.X > 0).sum(axis=1)))


def test_reads_are_thinned_for_training_and_whole_for_scores(split, monkeypatch):
    seen = []
    original = curve._open_entries
    monkeypatch.setattr(curve, "_open_entries", lambda counts: seen.append(counts.sum()) or original(counts))
    found = sb.metrics.learning_curve(split, cells=60, reads=(0.4, 1), **SMALL)
    assert found.table["reads"].tolist() == [0.4, 1]
    total = split.X.sum()
    assert seen[0] == pytest.approx(0.4 * total, rel=0.1)
    assert seen[1] == seen[2] == seen[3] == total
    assert found.table["depth"].iloc[0] < found.table["depth"].iloc[1]
    assert set(found.fits["axis"]) == {"reads"}


def test_cells_without_a_read_left_are_left_out(split):
    counts = split.X.toarray()
    counts[:5] = 0
    counts[:5, 0] = 1
    split.X = sparse.csr_matrix(counts)
    found = sb.metrics.learning_curve(split, cells=60, reads=(0.2, 1), **SMALL)
    assert found.table["n_cells"].iloc[0] < 60
    assert np.isfinite(found.table["auroc_per_cell"]).all()


def test_data_stay_as_they_are_and_the_seed_decides(split):
    before = split.copy()
    call = {"cells": [20, 40, 60], "reads": (0.5, 1.0), **SMALL}
    tables = [sb.metrics.learning_curve(data, **call).table for data in (split, md.MuData({"atac": split}))]
    pd.testing.assert_frame_equal(*(table.drop(columns="seconds") for table in tables))
    assert tables[0][["axis", "n_cells", "reads"]].to_numpy().tolist() == [
        ["cells", 20, 1.0], ["cells", 40, 1.0], ["cells", 60, 1.0], ["reads", 60, 0.5], ["reads", 60, 1.0]
    ]  # fmt: skip
    assert before.obs.equals(split.obs)
    assert list(before.uns) == list(split.uns)


@pytest.mark.slow
def test_more_cells_and_reads_give_better_models_of_the_toy_data():
    adata = sb.datasets.toy(n_obs=160, n_vars=1500, depth=200)
    found = sb.metrics.learning_curve(
        adata, cells=[20, 160], reads=(0.2, 1.0), label_key="cell_type", trunk=8, batch_size=32, max_epochs=20
    )
    for axis in ("cells", "reads"):
        few, many = found.table.loc[found.table["axis"] == axis, "auroc_per_cell"]
        assert many > few
    assert all("held-out auROC per cell is" in text or "label score is" in text for text in found.answer)
    assert repr(found) == "\n".join(found.answer)


def test_sentences_say_whether_more_helps():
    n = np.array([100, 200, 400, 800])
    table = pd.DataFrame({"axis": "cells", "n_cells": n, "depth": 50.0, "auroc_per_cell": 0.8 - 2 * n**-0.5})
    assert _words(table, _fits(table)) == [
        "With 800 cells the held-out auROC per cell is 0.729; twice as many cells would add about 0.021, and the curve levels "
        "off at 0.80."
    ]
    table["auroc_per_cell"] = 0.8 - 2 * n**-1.0
    assert "would add less than .005: there are enough" in _words(table, _fits(table))[0]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"cells": [5, 60]}, ValueError, "cells must be whole numbers from 10 to the 60"),
        ({"cells": [20, 61]}, ValueError, "got 61"),
        ({"cells": [20.5, 60]}, ValueError, "got 20.5"),
        ({"cells": []}, ValueError, "cells is empty"),
        ({"reads": (0.0, 1.0)}, ValueError, "reads must be shares"),
        ({"cells": [60], "reads": (1.0,)}, ValueError, "make no curve"),
        ({"label_key": "x"}, KeyError, "no column 'x'"),
        ({"trunk": 0}, ValueError, "trunk"),
        ({"layer": "x"}, KeyError, "no layer 'x'"),
    ],
)
def test_bad_calls(split, arguments, error, words):
    with pytest.raises(error, match=words):
        sb.metrics.learning_curve(split, **arguments)


def test_fractions_are_no_reads(split):
    split.X = split.X * 0.5
    with pytest.raises(ValueError, match="no whole numbers"):
        sb.metrics.learning_curve(split, cells=60, reads=(0.5, 1.0), **SMALL)
