"""The comparison that the other tests rest on: it sees a change wherever there is one, and none where there is none."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def full(tiny):
    """Data with something in every slot."""
    tiny.layers["counts"] = tiny.X.toarray()
    tiny.obsm["X_pca"], tiny.obsm["table"] = np.ones((60, 3)), pd.DataFrame({"a": range(60)}, index=tiny.obs_names)
    tiny.obsp["near"] = tiny.X[:, :60].copy()
    tiny.obs["kind"] = pd.Categorical(tiny.obs["kind"], categories=["a", "b", "c"])
    tiny.obs["number"] = np.where(np.arange(60) % 2, np.nan, 1.0)
    tiny.uns["made"] = {"by": {"version": 1, "names": ["a", "b"]}, "weights": np.zeros(4, dtype=np.uint8)}
    return tiny


def zero_stored(data):
    data.X = data.X.tolil().tocsr()
    data.X.data[0] = 0


def reassign(data, **columns):
    data.obs = data.obs.assign(**columns)


CHANGES = {
    ".X": lambda data: data.X.data.__setitem__(0, 9),
    ".X.data": zero_stored,
    ".X.indices": lambda data: setattr(data, "X", data.X.tocsc().tocsr().sorted_indices()[:, ::-1]),
    ".layers": lambda data: data.layers["counts"].__setitem__((3, 3), 7),
    ".layers['counts']": lambda data: data.layers.__setitem__("counts", data.layers["counts"].astype(np.float64)),
    ".obs.index": lambda data: setattr(data, "obs_names", [f"c{row}" for row in range(60)]),
    ".obs['kind'].categories": lambda data: reassign(data, kind=data.obs["kind"].cat.remove_unused_categories()),
    ".obs['number']": lambda data: reassign(data, number=data.obs["number"].astype(np.float32)),
    ".obs": lambda data: setattr(data, "obs", data.obs[["batch", "kind", "number"]]),
    ".var": lambda data: setattr(data, "var", data.var.assign(split="train")),
    ".obsm['table']": lambda data: data.obsm["table"].__setitem__("b", 1),
    ".varm": lambda data: data.varm["dna_code"].__setitem__((4, 4), 4),
    ".obsp": lambda data: data.obsp.__delitem__("near"),
    ".uns['made']['by']": lambda data: data.uns["made"]["by"].__setitem__("version", 1.0),
    ".uns['made']['by']['names']": lambda data: data.uns["made"]["by"]["names"].append("c"),
    ".uns['made']['weights']": lambda data: data.uns["made"]["weights"].__setitem__(2, 1),
}


def differences(before, after):
    return [place for place in {**before, **after} if before.get(place) != after.get(place)]


@pytest.mark.parametrize("place", CHANGES)
def test_a_change_is_seen_where_it_is(full, snapshot, place):
    before = snapshot(full)
    assert differences(before, snapshot(full)) == []
    assert differences(before, snapshot(full.copy())) == []
    CHANGES[place](full)
    changed = differences(before, snapshot(full))
    assert any(name.startswith(f"data{place}") for name in changed)


def test_a_view_that_became_actual_is_seen(full, snapshot):
    view = full[:30]
    before = snapshot(view)
    view._init_as_actual(view.copy())
    assert "data" in differences(before, snapshot(view))


def test_changes_in_a_mudata_are_seen(full, snapshot):
    rna = ad.AnnData(np.ones((60, 2), dtype=np.float32), obs=pd.DataFrame(index=full.obs_names))
    data = md.MuData({"atac": full, "rna": rna})
    before = snapshot(data)
    data["rna"].uns["new"] = 1
    assert differences(before, snapshot(data)) == ["data.mod['rna'].uns", "data.mod['rna'].uns['new']"]
    before = snapshot(data)
    data.obs["new"] = 1
    assert [name.split("[")[0] for name in differences(before, snapshot(data))][0] == "data.obs"


def test_data_in_a_file_are_compared_with_their_matrix(full, snapshot, tmp_path):
    full.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    in_memory = ad.read_h5ad(tmp_path / "a.h5ad")
    one, other = snapshot(backed), snapshot(in_memory)
    backed.file.close()
    assert one["data"] != other["data"]
    assert one["data.X[:].data"] == other["data.X.data"]
