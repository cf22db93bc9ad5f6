import anndata
import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl.metrics import batch_mixing, compare_models, label_score

CALL = {"batch_key": "batch", "label_key": "cell_type", "k": 20, "k_mixing": 30}


@pytest.fixture
def cells():
    """Four representations of 200 cells: as measured, mixed, mixed with the types half lost, and types lost."""
    rng = np.random.default_rng(0)
    batch, kind = rng.integers(0, 2, 200), np.repeat([0, 1], 100)
    noise = rng.normal(size=(200, 3))
    places = {
        "raw": noise + np.outer(kind, [6, 0, 0]) + np.outer(batch, [0, 6, 0]),
        "mixed": noise + np.outer(kind, [6, 0, 0]) + np.outer(batch, [0, 1.5, 0]),
        "mixed_more": noise + np.outer(kind, [2.5, 0, 0]),
        "lost": noise,
    }
    adata = anndata.AnnData(obsm=places)
    adata.obs["batch"], adata.obs["cell_type"] = np.array(["x", "y"])[batch], np.array(["B", "T"])[kind]
    return adata


def test_rows_are_the_two_scores(cells):
    table = compare_models(cells, list(cells.obsm), **CALL)
    assert table.index.tolist() == list(cells.obsm)
    for key, row in table.iterrows():
        assert row["label_score"] == label_score(cells, label_key="cell_type", use_rep=key, k=20)
        ilisi = batch_mixing(cells, batch_key="batch", label_key="cell_type", use_rep=key, k=30)["ilisi"]
        assert row["ilisi"] == pytest.approx(ilisi)
        assert np.isnan(row["l2_cell"])


@pytest.mark.parametrize(("max_loss", "expected"), [(0.02, "mixed"), (0.2, "mixed_more"), (1, "lost")])
def test_recommended_is_the_best_mixed_within_the_loss(cells, max_loss, expected):
    table = compare_models(cells, list(cells.obsm), max_loss=max_loss, **CALL)
    near = table[table["label_score"] >= table["label_score"].max() - max_loss]
    assert table.index[table["recommended"]].tolist() == [near["ilisi"].idxmax()]
    assert near["ilisi"].idxmax() == expected


def test_models_say_how_strong_they_were(tiny):
    for key, call in {"plain": {}, "weak": {"batch_key": "batch"}}.items():
        sb.tl.scbasset(tiny, trunk=4, max_epochs=1, l2_cell=1e-7, l2_batch=1e-3, key_added=key, **call)
    tiny.obsm["X_harmony"] = tiny.obsm["weak"]
    call = {**CALL, "label_key": "kind"}
    table = compare_models(tiny, ["weak", "plain", "X_harmony"], **call)
    assert table.loc["weak", ["l2_cell", "l2_batch"]].tolist() == [1e-7, 1e-3]
    assert table.loc[["plain", "X_harmony"], ["l2_cell", "l2_batch"]].isna().all(axis=None)
    assert table.loc["weak", "ilisi"] == table.loc["X_harmony", "ilisi"]


def test_cells_that_lack_a_value_are_in_no_score(cells):
    cells.obs["batch"] = cells.obs["batch"].where(np.arange(200) % 4 > 0)
    cells.obs["cell_type"] = cells.obs["cell_type"].where(np.arange(200) % 5 > 0)
    known = cells[cells.obs.notna().all(axis=1)].copy()
    call = {**CALL, "k": 10, "k_mixing": 20}
    assert compare_models(cells, ["raw", "mixed"], **call).equals(compare_models(known, ["raw", "mixed"], **call))
