import anndata
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from scbasset_tl.metrics import cell_type_asw


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    kind = np.array(["B", "T", "NK"])[rng.integers(0, 3, 40)]
    adata = anndata.AnnData(obsm={"X_scbasset": rng.standard_normal((40, 2)) + 2 * (kind == "T")[:, None]})
    adata.obs["cell_type"] = kind
    return adata


def by_hand(x, kinds):
    distances, widths = cdist(x, x), []
    for i, kind in enumerate(kinds):
        same = kinds == kind
        inside = distances[i, same].sum() / (same.sum() - 1)
        outside = min(distances[i, kinds == other].mean() for other in set(kinds) - {kind})
        widths.append((outside - inside) / max(inside, outside))
    return (np.mean(widths) + 1) / 2


def test_against_the_definition(cells):
    x, kinds = cells.obsm["X_scbasset"], cells.obs["cell_type"].to_numpy()
    assert cell_type_asw(cells, label_key="cell_type") == pytest.approx(by_hand(x, kinds))
    kept = kinds != "NK"
    cells.obs["cell_type"] = cells.obs["cell_type"].where(kept)
    assert cell_type_asw(cells, label_key="cell_type") == pytest.approx(by_hand(x[kept], kinds[kept]))


def test_needs_several_labels_and_fewer_than_cells(cells):
    cells.obs["one"], cells.obs["each"] = "B", cells.obs_names
    with pytest.raises(ValueError, match="'one'.* has 1 different labels for 40 cells"):
        cell_type_asw(cells, label_key="one")
    with pytest.raises(ValueError, match="'each'.* has 40 different labels for 40 cells"):
        cell_type_asw(cells, label_key="each")
