"""Vectors of groups and contrasts, whatever the categories are."""

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_model
from scbasset_tl._adata.readout import output_vectors


@pytest.fixture
def vectors(trained_tiny):
    """A function that reads the vectors of groups ``of`` a column."""
    model = read_model(trained_tiny, "scbasset")

    def read(of, **chosen):
        trained_tiny.obs["group"] = of
        return output_vectors(trained_tiny, model, groupby="group", **chosen)

    return read


EVEN = np.arange(60) % 2 == 0
COLUMNS = {
    "bool": (EVEN, True, False),
    "numbers": (np.where(EVEN, 5, 1), 5, 1),
    "text": (np.where(EVEN, "1", "0"), "1", "0"),
    "categories of bool": (pd.Categorical(EVEN), True, False),
    "dates": (
        pd.to_datetime(np.where(EVEN, "2024-01-02", "2024-01-01")),
        *pd.to_datetime(["2024-01-02", "2024-01-01"]),
    ),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_groups_of_any_type(vectors, column):
    of, yes, no = COLUMNS[column]
    means = vectors(of)
    assert len(means) == 2
    chosen = vectors(of, groups=[yes, no])
    assert list(chosen.index) == [yes, no]
    np.testing.assert_array_equal(chosen, means.iloc[[1, 0]])
    np.testing.assert_array_equal(vectors(of, groups=(no,)), means.iloc[[0]])
    np.testing.assert_array_equal(vectors(of, groups=yes), means.iloc[[1]])
    contrast = vectors(of, contrast=(yes, no))
    assert list(contrast.index) == [f"{yes} - {no}"]
    np.testing.assert_array_equal(contrast, means.iloc[[1]].to_numpy() - means.iloc[[0]].to_numpy())


@pytest.mark.parametrize("contrast", [5, True, "ab", (True,), [True, True], (1, 2, 3)])
def test_a_contrast_is_of_two(vectors, contrast):
    with pytest.raises(ValueError, match="contrast must be two different groups"):
        vectors(EVEN, contrast=contrast)


@pytest.mark.parametrize("groups", [[[True]], np.array(1)])
def test_groups_that_cannot_be_categories(vectors, groups):
    with pytest.raises(ValueError, match="groups must be categories"):
        vectors(EVEN, groups=groups)


@pytest.mark.parametrize("groups", [3, [3, True], [], [("a", "b")]])
def test_groups_that_are_not_there(vectors, groups):
    with pytest.raises(KeyError, match=r"obs\['group'\] has no group .* it has \[False, True\]"):
        vectors(EVEN, groups=groups)


NULLABLE = {
    "string": pd.array(["a", "b", pd.NA] * 20, dtype="string"),
    "Int64": pd.array([1, 2, pd.NA] * 20, dtype="Int64"),
    "boolean": pd.array([True, False, pd.NA] * 20, dtype="boolean"),
    "Float64": pd.array([0.5, 1.5, pd.NA] * 20, dtype="Float64"),
}


@pytest.mark.parametrize("scale", ["logit", "sigmoid"])
@pytest.mark.parametrize("dtype", NULLABLE)
def test_groups_of_nullable_columns(trained_tiny, dtype, scale):
    trained_tiny.obs["group"] = NULLABLE[dtype]
    logits = trained_tiny.obsm["X_scbasset"].astype(float) @ trained_tiny.varm["scbasset"].astype(float).T
    values = logits if scale == "logit" else 1 / (1 + np.exp(-logits))
    groups = [NULLABLE[dtype][0], NULLABLE[dtype][1]]
    found = sb.get.accessibility(trained_tiny, groupby="group", groups=groups, scale=scale)
    np.testing.assert_allclose(found, [values[0::3].mean(0), values[1::3].mean(0)], rtol=1e-4, atol=1e-6)
    assert len(sb.get.accessibility(trained_tiny, groupby="group", scale=scale)) == 2
