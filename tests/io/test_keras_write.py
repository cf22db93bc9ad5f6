import h5py
import numpy as np
import pytest
import torch

from scbasset_tl import _files
from scbasset_tl._adata.model.store import write_model
from scbasset_tl.io import write_keras_weights
from scbasset_tl.nn.trunk import Trunk, TrunkConfig
from scbasset_tl.tl import load_keras_weights

FILES = {"keras_plain.h5": None, "keras_latent5.h5": None, "keras_batch_whole.h5": "donor"}


def arrays(path):
    """Name and value of every array, in the order that Keras assigns them."""
    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        text = lambda name: name.decode() if isinstance(name, bytes) else name
        layers = [root[text(name)] for name in root.attrs["layer_names"]]
        return [(text(name), layer[text(name)][()]) for layer in layers for name in layer.attrs["weight_names"]]


@pytest.mark.parametrize("name", FILES)
def test_read_then_written_is_the_same_file(adata, reference, tmp_path, name):
    load_keras_weights(adata, reference / name, batch_key=FILES[name])
    write_keras_weights(adata, tmp_path / "model.h5")
    written, original = arrays(tmp_path / "model.h5"), arrays(reference / name)
    assert len(written) == len(original)
    for (path, value), (original_path, original_value) in zip(written, original, strict=True):
        assert path.rpartition("/")[2] == original_path.rpartition("/")[2]
        np.testing.assert_array_equal(value, original_value)
        assert value.dtype == original_value.dtype
    if name != "keras_latent5.h5":  # the one whose layer names carry other numbers
        assert [path for path, _ in written] == [path for path, _ in original]


@pytest.mark.parametrize("name", FILES)
def test_written_then_read_is_the_same_model(adata, reference, tmp_path, name):
    load_keras_weights(adata, reference / name, batch_key=FILES[name])
    write_keras_weights(adata, str(tmp_path / "model.h5"))
    load_keras_weights(adata, str(tmp_path / "model.h5"), batch_key=FILES[name], key_added="again")
    np.testing.assert_array_equal(adata.obsm["again"], adata.obsm["X_scbasset"])
    np.testing.assert_array_equal(adata.obs["again_bias"], adata.obs["scbasset_bias"])
    np.testing.assert_array_equal(adata.varm["again"], adata.varm["scbasset"])
    np.testing.assert_array_equal(adata.uns["again"]["weights"], adata.uns["scbasset"]["weights"])
    for part in adata.uns["scbasset"]["batch"]:
        np.testing.assert_array_equal(adata.uns["again"]["batch"][part], adata.uns["scbasset"]["batch"][part])


def test_layout(adata, reference, tmp_path):
    load_keras_weights(adata, reference / "keras_batch.h5", batch_key="donor")
    write_keras_weights(adata, tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        names = [name.decode() for name in file.attrs["layer_names"]]
        assert file.attrs["backend"] == b"tensorflow"
        assert file.attrs["keras_version"].decode() >= "2"
        assert set(file) == set(names)
    assert names[:3] == ["conv1d", "batch_normalization", "conv1d_1"]
    assert names[-4:] == ["dense", "batch_normalization_8", "dense_2", "dense_1"]


def test_a_failed_write_leaves_the_old_file(adata, reference, tmp_path, monkeypatch):
    def full(_):
        message = "No space left on device"
        raise OSError(message)

    load_keras_weights(adata, reference / "keras_plain.h5")
    path = tmp_path / "model.h5"
    old = (reference / "keras_latent5.h5").read_bytes()
    path.write_bytes(old)
    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_keras_weights(adata, path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    write_keras_weights(adata, path)
    assert path.read_bytes() != old


def test_what_cannot_be_written(adata, reference, tmp_path):
    with pytest.raises(KeyError, match="no trained model"):
        write_keras_weights(adata, tmp_path / "model.h5")
    load_keras_weights(adata, reference / "keras_plain.h5")
    with pytest.raises(ValueError, match="version 3 format"):
        write_keras_weights(adata, tmp_path / "model.weights.h5")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_keras_weights(adata, tmp_path / "nowhere" / "model.h5")
    trunk = Trunk(TrunkConfig(384, (4, 4), 32, (5, 1), (2, 1)), torch.Generator())
    write_model(
        adata,
        None,
        trunk=trunk,
        cell_embedding=adata.obsm["X_scbasset"],
        cell_bias=adata.obs["scbasset_bias"],
        peak_embedding=None,
        params={},
        history={},
    )
    with pytest.raises(ValueError, match=r"pools by \(2, 1\); the original pools by \(3, 2"):
        write_keras_weights(adata, tmp_path / "model.h5")
    assert list(tmp_path.iterdir()) == []
