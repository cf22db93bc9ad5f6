import anndata
import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from scbasset_tl.metrics import batch_mixing
from scbasset_tl.stats.mixing import inverse_simpson, kbet_p_values
from scbasset_tl.stats.neighbors import nearest


@pytest.fixture
def cells():
    """200 cells of two types and three batches that are mixed in one representation and lie apart in the other."""
    rng = np.random.default_rng(0)
    batch, kind = rng.choice(3, 200, p=[0.5, 0.3, 0.2]), np.repeat([0, 1], 100)
    mixed = rng.normal(size=(200, 2)) + 10 * kind[:, None]
    adata = anndata.AnnData(obsm={"X_scbasset": mixed, "apart": mixed + 100 * batch[:, None]})
    adata.obs["batch"], adata.obs["cell_type"] = np.array(["x", "y", "z"])[batch], np.array(["B", "T"])[kind]
    return adata


def test_the_scores_are_those_of_the_kernels(cells):
    found = batch_mixing(cells, batch_key="batch", label_key="cell_type", k=30, alpha=0.1)
    neighbors = nearest(cells.obsm["X_scbasset"], 29, rng=np.random.default_rng(0))
    batch, kind = (cells.obs[name].astype("category").cat.codes.to_numpy() for name in ("batch", "cell_type"))
    assert found["kbet"] == (kbet_p_values(neighbors[0], batch) >= 0.1).mean()
    assert found["ilisi"] == pytest.approx(np.median(inverse_simpson(*neighbors, batch, 10)))
    assert found["clisi"] == pytest.approx(np.median(inverse_simpson(*neighbors, kind, 10)))
    assert (found["n_batches"], found["n_labels"]) == (3, 2)


def test_mixed_scores_as_chance_and_apart_does_not(cells):
    mixed = batch_mixing(cells, batch_key="batch", label_key="cell_type", k=30)
    apart = batch_mixing(cells, batch_key="batch", use_rep="apart", k=30)
    assert mixed["kbet"] == pytest.approx(mixed["kbet_by_chance"], abs=0.1)
    assert mixed["kbet_by_chance"] > 0.8
    assert mixed["ilisi"] == pytest.approx(mixed["ilisi_by_chance"], rel=0.05)
    assert mixed["clisi"] == pytest.approx(1)
    assert (apart["kbet"], apart["ilisi"]) == (0, pytest.approx(1))
    assert "clisi" not in apart


def test_cells_without_a_batch_do_not_count_and_nothing_is_written(cells):
    known = np.arange(200) % 4 > 0
    cells.obs["batch"] = cells.obs["batch"].where(known).astype("category")
    before = cells.obs.copy()
    scores = batch_mixing(cells, batch_key="batch", k=30)
    assert scores == batch_mixing(cells[known], batch_key="batch", k=30)
    assert_frame_equal(cells.obs, before)


def test_modality_of_a_mudata(cells):
    from mudata import MuData

    mdata = MuData({"peaks": cells, "rna": cells[:, :0].copy()})
    scores = batch_mixing(mdata, batch_key="batch", k=30, mod="peaks")
    assert scores == batch_mixing(cells, batch_key="batch", k=30)
