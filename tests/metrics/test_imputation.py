"""metrics.imputation against the lines of the protocol written out."""

import mudata as md
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.metrics import average_precision_score, roc_auc_score

import scbasset_tl as sb
from scbasset_tl.stats.imputation import correlations


@pytest.fixture
def masked():
    adata = sb.datasets.toy(n_obs=40, n_vars=150, depth=60)
    sb.pp.downsample_counts(adata, 0.9, by="entries")
    return adata


@pytest.fixture
def predicted(masked):
    values = np.random.default_rng(0).random(masked.shape) + masked.X.toarray() * 0.2
    return pd.DataFrame(values, index=masked.obs_names, columns=masked.var_names)


def test_scores(masked, predicted):
    found = sb.metrics.imputation(masked, predicted, label_key="cell_type", n_zeros=10**6)
    full, kept = masked.X.toarray() > 0, masked.layers["downsampled"].toarray() > 0
    gone = full & ~kept
    labels = masked.obs["cell_type"].to_numpy()
    for cell, row in enumerate(found.itertuples()):
        assert row.n_masked == gone[cell].sum()
        seen = ~kept[cell]
        values = predicted.to_numpy()[cell]
        if gone[cell].any():
            np.testing.assert_allclose(row.auroc, roc_auc_score(gone[cell][seen], values[seen]))
            np.testing.assert_allclose(row.average_precision, average_precision_score(gone[cell][seen], values[seen]))
        else:
            assert np.isnan(row.auroc)
        mean = full[labels == labels[cell]].mean(0)
        np.testing.assert_allclose(row.pearson, stats.pearsonr(mean, values)[0])
        np.testing.assert_allclose(row.spearman, stats.spearmanr(mean, values)[0])


def test_some_cells_in_another_order_and_layers(masked, predicted):
    part = predicted.iloc[[5, 2], ::-1]
    found = sb.metrics.imputation(masked, part, n_zeros=10**6)
    assert found.index.tolist() == masked.obs_names[[5, 2]].tolist()
    masked.layers["by_model"] = predicted.to_numpy()
    whole = sb.metrics.imputation(masked, "by_model", n_zeros=10**6)
    pd.testing.assert_frame_equal(whole.iloc[[5, 2]], found)
    pd.testing.assert_frame_equal(sb.metrics.imputation(md.MuData({"atac": masked}), "by_model", n_zeros=10**6), whole)
    drawn = [sb.metrics.imputation(masked, "by_model", n_zeros=1, rng=seed) for seed in (0, 0, 1)]
    pd.testing.assert_frame_equal(drawn[0], drawn[1])
    assert not drawn[0].equals(drawn[2])
    perfect = sparse.csr_matrix(masked.X - masked.layers["downsampled"])
    masked.layers["truth"] = perfect
    scores = sb.metrics.imputation(masked, "truth").dropna()
    assert (scores[["auroc", "average_precision"]] == 1).all(axis=None)


def test_names_of_cells_that_repeat_and_labels_of_two_levels(masked, predicted, capsys):
    both = md.MuData({"atac": masked})
    both.obs["cell_type"] = "other"
    with sb.settings.override(verbosity=1):
        sb.metrics.imputation(both, predicted, label_key="cell_type")
    assert "'cell_type' is a column of mdata['atac'].obs and of mdata.obs" in capsys.readouterr().err
    masked.obs_names = ["x", "x", *masked.obs_names[2:]]
    with pytest.raises(ValueError, match=r"cell names repeat in the data, such as \['x'\]"):
        sb.metrics.imputation(masked, predicted)


def test_constant_scores_have_no_correlation():
    """The mean of many times 0.1 is not always 0.1 in floating point."""
    means = np.random.default_rng(0).random((1, 50))
    for n in range(3, 50):
        assert np.isnan(correlations([np.full(n, 0.1)], means[:, :n], np.array([0]))).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda a, p: {"predicted": p.iloc[:, 1:]}, KeyError, "1 of 150 peaks are missing in its columns"),
        (
            lambda a, p: {"predicted": p.rename(index={p.index[0]: "x"})},
            KeyError,
            "1 of 40 cells are not in the data, first 'x'",
        ),
        (
            lambda a, p: {"predicted": p.set_axis(["x", "x", *p.columns[2:]], axis=1)},
            ValueError,
            r"peak names repeat in its columns, such as \['x'\]",
        ),
        (lambda a, p: {"predicted": "nothing"}, KeyError, "layers has no 'nothing'"),
        (lambda a, p: {"predicted": p.to_numpy()}, TypeError, "must be a DataFrame"),
        (lambda a, p: {"predicted": p.where(p > 0.01)}, ValueError, "NaN or infinite"),
        (lambda a, p: {"predicted": p, "masked": "no"}, KeyError, "'no'"),
        (lambda a, p: {"predicted": p, "label_key": "no"}, KeyError, "obs has no column 'no'"),
        (lambda a, p: {"predicted": p, "n_zeros": 0}, ValueError, "n_zeros"),
        (lambda a, p: {"predicted": p, "masked": "all"}, ValueError, "nothing is masked"),
        (lambda a, p: {"predicted": p, "masked": "other"}, ValueError, "not made from it by masking"),
        (lambda a, p: {"predicted": p, "masked": "all", "layer": "all"}, ValueError, "are one layer"),
    ],
)
def test_refused(masked, predicted, change, error, words):
    masked.layers["all"] = masked.X.copy()
    masked.layers["other"] = sparse.csr_matrix((masked.X.toarray() == 0).astype(np.float32))
    with pytest.raises(error, match=words):
        sb.metrics.imputation(masked, **change(masked, predicted))
