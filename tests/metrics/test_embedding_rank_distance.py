import anndata
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from scbasset_tl.metrics import embedding_rank_distance


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    atac = rng.standard_normal((50, 3))
    return anndata.AnnData(obsm={"X_scbasset": atac, "X_rna": atac + 0.5 * rng.standard_normal((50, 3))})


def test_against_the_definition(cells):
    distances = cdist(cells.obsm["X_rna"], cells.obsm["X_scbasset"])
    ranks = [rankdata(matrix, axis=1).diagonal() for matrix in (distances, distances.T)]
    found = embedding_rank_distance(cells, other_rep="X_rna")
    np.testing.assert_allclose(found.per_cell, np.mean(ranks, axis=0))
    assert found.per_cell.index.equals(cells.obs_names)
    closer = [
        (distances < distances.diagonal()[:, None]).mean(1) * 50 / 49,
        (distances < distances.diagonal()).mean(0) * 50 / 49,
    ]
    assert found.foscttm == pytest.approx(np.mean(closer))
    assert repr(found).startswith(f"mean rank {found.mean_rank:.1f} of 50 cells")


def test_perfect_and_by_chance(cells):
    assert embedding_rank_distance(cells, other_rep="X_scbasset").foscttm == 0
    many = anndata.AnnData(
        obsm={name: np.random.default_rng(seed).normal(size=(2000, 3)) for seed, name in enumerate("ab")}
    )
    assert embedding_rank_distance(many, use_rep="a", other_rep="b").foscttm == pytest.approx(0.5, abs=0.03)


def test_modalities_with_the_same_cells_in_another_order(cells):
    from mudata import MuData

    rna = anndata.AnnData(obs=cells.obs.copy(), obsm={"X_cca": cells.obsm["X_rna"]})[::-1].copy()
    mdata = MuData({"atac": cells, "rna": rna})
    found = embedding_rank_distance(mdata, other_rep="X_cca", other_mod="rna")
    assert found.per_cell.equals(embedding_rank_distance(cells, other_rep="X_rna").per_cell)
