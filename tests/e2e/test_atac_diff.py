"""ATAC-Diff on toy data: planted cell types are found in codes, in generated cells and in imputed peaks."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

import scbasset_tl as sb

CHANCE = 0.2  # five types of equal size


@pytest.fixture
def fitted(trained_toy):
    sb.tl.atac_diff(trained_toy, condition_keys="cell_type", max_steps=300, batch_size=128)
    return trained_toy


def test_planted_types_are_found_again(fitted):
    assert sb.metrics.label_score(fitted, label_key="cell_type", use_rep="X_atac_diff", k=30) > 3 * CHANCE

    known = KNeighborsClassifier(15).fit(fitted.obsm["X_scbasset"], fitted.obs["cell_type"])
    for condition in ("type_2", "type_5"):
        drawn = sb.tl.generate(fitted, 100, condition={"cell_type": condition})
        assert (known.predict(drawn.obsm["X_scbasset"]) == condition).mean() > 3 * CHANCE
    right = [
        (known.predict(drawn.obsm["X_scbasset"]) == drawn.obs["cell_type"]).mean()
        for drawn in (sb.tl.generate(fitted, 400, guidance=guidance) for guidance in (0, 4))
    ]
    assert right[1] > right[0] - 0.05

    # open peaks, not only vectors: those of a type are open where its motifs are
    drawn = sb.tl.generate(fitted, 600)
    of_type = fitted.varm["toy_effect"] - fitted.varm["toy_effect"].mean(axis=1, keepdims=True)
    names = list(fitted.uns["toy"]["cell_types"])
    evidence = drawn.X @ of_type
    assert np.mean(np.array(names)[evidence.argmax(1)] == drawn.obs["cell_type"]) > 2.5 * CHANCE

    depth = drawn.obs["atac_diff_depth"].to_numpy()
    assert np.corrcoef(np.log(depth), np.log1p(np.asarray(drawn.X.sum(1)).ravel()))[0, 1] > 0.9

    sb.tl.impute(fitted, n_samples=2, steps=20)
    means = sb.get.imputed(fitted, scale="logit").groupby(fitted.obs["cell_type"].to_numpy()).mean().to_numpy()
    means = means - means.mean(axis=0)
    assert np.corrcoef(means.ravel(), of_type.T.ravel())[0, 1] > 0.6
