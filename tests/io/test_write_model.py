"""A model written into the file of its data: its slots are there, nothing else is touched."""

import errno
import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace

import anndata as ad
import h5py
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.model import file as model_file
from scbasset_tl.io import write_model

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "batch_size": 32, "accelerator": "cpu"}
pytestmark = [
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata"),  # anndata's own
]


def with_more(data):
    data.layers["counts"] = data.X.copy()
    data.obsm["X_pca"] = np.arange(120.0).reshape(60, 2)
    data.uns["other"] = {"colours": np.array(["red", "blue"])}
    data.raw = data.copy()
    return data


@pytest.fixture
def untrained(tiny):
    return with_more(tiny)


@pytest.fixture
def trained(trained_tiny):
    return with_more(trained_tiny)


def written(data, folder, kind):
    path = folder / f"cells.{kind}"
    if kind == "h5mu":
        rna = ad.AnnData(np.ones((60, 4), dtype=np.float32), obs=pd.DataFrame(index=data.obs_names))
        md.MuData({"rna": rna, "atac": data}).write_h5mu(path)
    else:
        getattr(data, f"write_{kind}")(path)
    return path


def read(path):
    if path.suffix == ".h5mu":
        return md.read_h5mu(path)["atac"]
    return ad.read_zarr(path) if path.suffix == ".zarr" else ad.read_h5ad(path)


def same_model(found, expected):
    for field, name in (("obsm", "X_scbasset"), ("obs", "scbasset_bias"), ("obs", "scbasset_se"), ("varm", "scbasset")):
        np.testing.assert_array_equal(getattr(found, field)[name], getattr(expected, field)[name])
    assert list(found.var["split"]) == list(expected.var["split"])
    np.testing.assert_array_equal(sb.get.accessibility(found), sb.get.accessibility(expected))
    pd.testing.assert_frame_equal(sb.get.history(found), sb.get.history(expected))


def elements(path):
    """Digest of every array in a file by its place, and where it lies in an HDF5 file."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return {str(file.relative_to(path)): hashlib.blake2b(file.read_bytes()).digest() for file in files}
    found = {}

    def visit(name, node):
        attributes = {key: str(value) for key, value in node.attrs.items()}
        if isinstance(node, h5py.Dataset):
            found[name] = attributes, node.id.get_offset(), str(node[()].tolist() if node.shape else node[()])
        else:
            found[name] = attributes

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


OURS = ("obsm/X_scbasset", "obs/scbasset_bias", "obs/scbasset_se", "varm/scbasset", "uns/scbasset", "var/split")


def is_ours(name, path):
    name = name.removeprefix("mod/atac/")
    if name.startswith(OURS):
        return True
    attributes = (".zmetadata", "obs/.zattrs", "var/.zattrs", "zarr.json", "obs/zarr.json", "var/zarr.json")
    return name in ("obs", "var") or (path.is_dir() and name in attributes)


@pytest.mark.parametrize("kind", ["h5ad", "zarr", "h5mu"])
def test_the_model_is_there_and_all_else_as_it_was(trained, untrained, tmp_path, kind):
    path = written(untrained, tmp_path, kind)
    before = elements(path)
    write_model(trained, path)
    after = elements(path)
    changed = {name for name in {**before, **after} if before.get(name) != after.get(name)}
    assert {name for name in changed if not is_ours(name, path)} == set()
    found = read(path)
    same_model(found, trained)
    assert [*found.obs] == [*trained.obs] == [*untrained.obs, "scbasset_bias", "scbasset_se"]
    np.testing.assert_array_equal(found.obs["scbasset_se"], trained.obs["scbasset_se"])
    np.testing.assert_array_equal(found.X.toarray(), untrained.X.toarray())
    write_model(trained, path)  # over itself
    same_model(read(path), trained)


def test_cells_that_were_mapped(trained, untrained, tmp_path):
    """With their standard errors, the mark on odd ones, and the peaks that the model has seen."""
    path = written(untrained, tmp_path, "h5ad")
    sb.tl.map_cells(untrained, trained)
    write_model(untrained, path)
    found = read(path)
    for column in ("scbasset_bias", "scbasset_se", "scbasset_ood"):
        np.testing.assert_array_equal(found.obs[column], untrained.obs[column])
    np.testing.assert_array_equal(found.var["scbasset_seen"], untrained.var["scbasset_seen"])
    assert found.obs["scbasset_ood"].dtype == bool


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_a_file_without_empty_groups(trained, untrained, tmp_path, kind):
    path = written(untrained, tmp_path, kind)
    if kind == "zarr":
        shutil.rmtree(path / "obsm")
        (path / ".zmetadata").unlink(missing_ok=True)
    else:
        with h5py.File(path, "r+") as file:
            del file["obsm"]
    write_model(trained, path)
    np.testing.assert_array_equal(read(path).obsm["X_scbasset"], trained.obsm["X_scbasset"])


def test_zarr_without_consolidated_metadata(trained, untrained, tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "cells.zarr"
    ad.io.write_elem(zarr.open_group(path, mode="w", zarr_format=2), "/", untrained)  # anndata 0.12.0 cannot write 3
    write_model(trained, path)
    same_model(read(path), trained)


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_backed_by_the_same_file(untrained, tmp_path, mode):
    path = written(untrained, tmp_path, "h5ad")
    data = ad.read_h5ad(path, backed=mode)
    sb.tl.scbasset(data, **SMALL)
    write_model(data, path)
    assert data.isbacked
    np.testing.assert_array_equal(data.X[:3].toarray(), untrained.X[:3].toarray())
    data.file.close()
    same_model(read(path), data.to_memory())


def test_a_backed_mudata(untrained, tmp_path):
    path = written(untrained, tmp_path, "h5mu")
    data = md.read_h5mu(path, backed="r")
    sb.tl.scbasset(data, **SMALL)
    write_model(data, path)
    np.testing.assert_array_equal(data["atac"].X[:3].toarray(), untrained.X[:3].toarray())
    data.file.close()
    found = md.read_h5mu(path)
    np.testing.assert_array_equal(found["atac"].obsm["X_scbasset"], data["atac"].obsm["X_scbasset"])
    assert "X_scbasset" not in found.obsm


def test_the_matrix_is_never_read(trained, untrained, tmp_path, monkeypatch):
    path = written(untrained, tmp_path, "h5ad")
    read_names = []
    original = h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset, "__getitem__", lambda self, *a: (read_names.append(self.name), original(self, *a))[1]
    )
    write_model(trained, path)
    assert {name.split("/")[1] for name in read_names} == {"obs", "var"}


@pytest.mark.parametrize(("kind", "at"), [("h5ad", 0), ("h5ad", 4), ("zarr", 4)])
def test_an_error_while_the_new_slots_are_written(trained, untrained, tmp_path, monkeypatch, kind, at):
    path = written(untrained, tmp_path, kind)
    before = elements(path)
    original, calls = model_file.write_elem, []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == at + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(*arguments)

    monkeypatch.setattr(model_file, "write_elem", fail)
    with pytest.raises(OSError, match="No space left"):
        write_model(trained, path)
    assert elements(path) == before


def test_what_a_killed_call_left_is_cleared_away(trained, untrained, tmp_path):
    path = written(untrained, tmp_path, "h5ad")
    with h5py.File(path, "r+") as file:
        ad.io.write_elem(file["uns"], model_file.STAGE, {"obsm": {"X_scbasset": np.ones(3)}})
    assert read(path).n_obs == 60
    write_model(trained, path)
    assert model_file.STAGE not in read(path).uns
    same_model(read(path), trained)


def other_names(data):
    data.obs_names = [*data.obs_names[:7], "nobody", *data.obs_names[8:]]
    return data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:50].copy(), "has 60 cells, data has 50: pass the file of these data"),
        (lambda data: data[:, 3:].copy(), "has 90 peaks, data has 87"),
        (other_names, "other cells than data in 1 places, first 'cell7' for 'nobody'.*same order"),
        (lambda data: data[:, ::-1].copy(), "other peaks than data in 90 places"),
    ],
)
def test_a_file_of_other_data(trained, untrained, tmp_path, change, message):
    path = written(untrained, tmp_path, "h5ad")
    before = elements(path)
    with pytest.raises(ValueError, match=message):
        write_model(change(trained), path)
    assert elements(path) == before


def test_no_space(trained, untrained, tmp_path, monkeypatch):
    path = written(untrained, tmp_path, "h5ad")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(OSError, match="the model in .* would take .* MB, and the disk of .* has 0.0 MB left"):
        write_model(trained, path)


def test_open_elsewhere(trained, untrained, tmp_path):
    path = written(untrained, tmp_path, "h5ad")
    other = ad.read_h5ad(path, backed="r")
    with pytest.raises(OSError, match="cannot be written: it is open elsewhere.*Close it there"):
        write_model(trained, path)
    other.file.close()


def test_what_is_no_file_of_data(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        write_model(trained, tmp_path / "cells.h5ad")
    (tmp_path / "cells.txt").write_text("cells")
    with pytest.raises(ValueError, match="neither an h5ad or h5mu file nor a zarr store"):
        write_model(trained, tmp_path / "cells.txt")
    with pytest.raises(ValueError, match="is a folder, but no zarr store"):
        write_model(trained, tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 3
    with pytest.raises(ValueError, match="holds no AnnData"):
        write_model(trained, tmp_path / "other.h5")
    with pytest.raises(TypeError, match="path must be a path"):
        write_model(trained, 3)


def test_no_model_and_no_modality(trained, untrained, tmp_path):
    path = written(untrained, tmp_path, "h5mu")
    with pytest.raises(KeyError, match="no trained model"):
        write_model(untrained, path)
    with pytest.raises(KeyError, match="no modality 'peaks'.*'rna'"):
        write_model(trained, path, mod="peaks")
    assert Path(path).exists()


@pytest.mark.parametrize("kind", ["h5ad", "zarr", "h5mu"])
def test_every_slot_that_the_entry_names_is_in_the_file_and_no_other(trained, untrained, tmp_path, kind):
    path = written(untrained, tmp_path, kind)
    sb.tl.map_cells(trained, trained, key_added="mapped")
    for key in ("scbasset", "mapped"):
        write_model(trained, path, key=key)
    found = read(path)
    pd.testing.assert_frame_equal(found.obs, trained.obs, check_categorical=False, check_dtype=False)
    assert found.obs["mapped_ood"].dtype == bool
    np.testing.assert_array_equal(found.var["mapped_seen"], trained.var["mapped_seen"])
    sb.tl.scbasset(trained, **SMALL, recipe="paper")  # which has no standard errors
    write_model(trained, path)
    assert "scbasset_se" not in trained.obs
    assert [*read(path).obs] == [*trained.obs]
