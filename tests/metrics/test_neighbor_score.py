import anndata
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from scbasset_tl.metrics import neighbor_score


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    atac = rng.standard_normal((50, 3))
    return anndata.AnnData(obsm={"X_scbasset": atac, "X_rna": atac + 0.3 * rng.standard_normal((50, 3))})


def by_hand(one, other, k):
    lists = [NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors()[1] for x in (one, other)]
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(*lists, strict=True)])


def test_against_brute_force(cells):
    one, other = cells.obsm["X_scbasset"], cells.obsm["X_rna"]
    expected = {k: by_hand(one, other, k) for k in (1, 10, 49)}
    assert neighbor_score(cells, other_rep="X_rna", k=[1, 10, 49]) == pytest.approx(expected)
    assert neighbor_score(cells, other_rep="X_rna", k=10) == pytest.approx(expected[10])
    assert neighbor_score(cells, other_rep="X_scbasset", k=10) == 1
    assert expected[49] == 1


@pytest.mark.filterwarnings("ignore:From 0.4 .update")
def test_modalities_with_the_same_cells_in_another_order(cells):
    mudata = pytest.importorskip("mudata")
    rna = anndata.AnnData(obs=cells.obs.copy(), obsm={"X_pca": cells.obsm["X_rna"]})[::-1].copy()
    mdata = mudata.MuData({"atac": cells, "rna": rna})
    score = neighbor_score(mdata, other_rep="X_pca", other_mod="rna", k=10)
    assert score == neighbor_score(cells, other_rep="X_rna", k=10)
    with pytest.raises(KeyError, match="'X_pca'"):
        neighbor_score(mdata, other_rep="X_pca", k=10)


@pytest.mark.filterwarnings("ignore:From 0.4 .update")
def test_modalities_with_other_cells(cells):
    mudata = pytest.importorskip("mudata")
    mdata = mudata.MuData({"atac": cells, "rna": cells[10:].copy()})
    with pytest.raises(ValueError, match=r"'atac' has 50 cells, 'rna' 40, 40 of them in both.*intersect_obs"):
        neighbor_score(mdata, other_rep="X_rna", other_mod="rna", k=5)
