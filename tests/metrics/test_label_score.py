import anndata
import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from sklearn.neighbors import NearestNeighbors

import scbasset_tl as sb
from scbasset_tl.metrics import label_score


@pytest.fixture
def cells():
    """60 cells in 2 dimensions, two types that overlap."""
    rng = np.random.default_rng(0)
    kind = np.repeat(["B", "T"], 30)
    adata = anndata.AnnData(obsm={"X_scbasset": rng.standard_normal((60, 2)) + (kind == "T")[:, None]})
    adata.obs["cell_type"] = kind
    return adata


def by_hand(x, kinds, k):
    _, indices = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(x).kneighbors(x)
    return np.mean([np.mean(kinds[row[1:]] == kinds[row[0]]) for row in indices])


def test_against_brute_force(cells):
    x, kinds = cells.obsm["X_scbasset"], cells.obs["cell_type"].to_numpy()
    expected = {k: by_hand(x, kinds, k) for k in (3, 10, 50)}
    assert label_score(cells, label_key="cell_type") == pytest.approx(expected[50])
    assert label_score(cells, label_key="cell_type", k=(3, 10, 50)) == pytest.approx(expected)


def test_cosine_ignores_the_length_of_the_vectors(cells):
    kinds = cells.obs["cell_type"].to_numpy()
    x = cells.obsm["X_scbasset"]
    cells.obsm["longer"] = x * np.random.default_rng(5).uniform(0.1, 10, (60, 1))
    expected = by_hand(x / np.linalg.norm(x, axis=1, keepdims=True), kinds, 10)
    assert expected != by_hand(x, kinds, 10)
    for rep in ("X_scbasset", "longer"):
        score = label_score(cells, label_key="cell_type", use_rep=rep, metric="cosine", k=10)
        assert score == pytest.approx(expected)
    with pytest.raises(ValueError, match="metric must be one of .*, got 'manhattan'"):
        label_score(cells, label_key="cell_type", metric="manhattan")


def test_of_each_label(cells):
    x, kinds = cells.obsm["X_scbasset"], cells.obs["cell_type"].to_numpy()
    _, indices = NearestNeighbors(n_neighbors=11, algorithm="brute").fit(x).kneighbors(x)
    own = np.array([np.mean(kinds[row[1:]] == kinds[row[0]]) for row in indices])
    found = label_score(cells, label_key="cell_type", k=10, by_label=True)
    assert found.to_dict() == pytest.approx({kind: own[kinds == kind].mean() for kind in ("B", "T")})
    several = label_score(cells, label_key="cell_type", k=[3, 10], by_label=True)
    assert several[10].to_dict() == found.to_dict()
    assert several.shape == (2, 2)


def test_cells_without_a_label_are_no_neighbours(cells, capsys):
    known = np.arange(60) % 3 > 0
    cells.obs["cell_type"] = cells.obs["cell_type"].where(known).astype("category")
    before = cells.obs.copy()
    with sb.settings.override(verbosity=2):
        score = label_score(cells, label_key="cell_type", k=5)
    assert score == label_score(cells[known].copy(), label_key="cell_type", k=5)
    assert "20 of 60 cells have no cell_type" in capsys.readouterr().err
    assert_frame_equal(cells.obs, before)
    assert [*cells.obsm, *cells.obsp, *cells.uns] == ["X_scbasset"]


@pytest.mark.filterwarnings("ignore:From 0.4 .update")
def test_modality_of_a_mudata(cells):
    mudata = pytest.importorskip("mudata")
    mdata = mudata.MuData({"peaks": cells})
    assert label_score(mdata, label_key="cell_type", mod="peaks") == label_score(cells, label_key="cell_type")


def test_what_is_missing_or_wrong(cells):
    with pytest.raises(KeyError, match=r"no column 'type'.*\['cell_type'\]"):
        label_score(cells, label_key="type")
    with pytest.raises(KeyError, match=r"obsm has no 'X_pca'.*\['X_scbasset'\]"):
        label_score(cells, label_key="cell_type", use_rep="X_pca")
    with pytest.raises(ValueError, match="k must be from 1 to 59"):
        label_score(cells, label_key="cell_type", k=[10, 60])
    for k in (0, 2.5, "many", []):
        with pytest.raises(ValueError, match="k "):
            label_score(cells, label_key="cell_type", k=k)
    cells.obs["nothing"] = np.nan
    with pytest.raises(ValueError, match="no cell has a value"):
        label_score(cells, label_key="nothing")
    cells.obsm["X_scbasset"][[4, 7], 1] = np.nan
    with pytest.raises(ValueError, match=r"'X_scbasset'\] is NaN or infinite for 2 cells, first \['4', '7'\]"):
        label_score(cells, label_key="cell_type")
