import numpy as np
import pytest

from scbasset_tl._adata.model.store import pack_trunk, read_network
from scbasset_tl.io import read_trunk, write_trunk
from scbasset_tl.nn.embed import embed
from scbasset_tl.tl import load_keras_weights


@pytest.fixture
def trained(adata, reference):
    load_keras_weights(adata, reference / "keras_plain.h5")
    return adata


def test_round_trip(trained, tmp_path):
    path = tmp_path / "trunk.safetensors"
    write_trunk(trained, path)
    trunk = read_trunk(path)
    assert trunk.config == read_network(trained).trunk().config
    assert not trunk.training
    np.testing.assert_array_equal(pack_trunk(trunk), trained.uns["scbasset"]["weights"])
    np.testing.assert_array_equal(embed(trunk, trained.varm["dna_code"]).numpy(), trained.varm["scbasset"])


def test_errors(trained, tmp_path):
    path = tmp_path / "trunk.safetensors"
    with pytest.raises(KeyError, match="no trained model"):
        write_trunk(trained, path, key="other")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_trunk(trained, tmp_path / "nowhere" / "trunk.safetensors")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_trunk(path)


@pytest.mark.parametrize("share", [0, 0.00005, 0.01, 0.5, 0.999])
def test_cut_files_are_refused(trained, tmp_path, share):
    path = tmp_path / "trunk.safetensors"
    write_trunk(trained, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"trunk.safetensors' is damaged, or no trunk"):
        read_trunk(path)


def test_other_safetensors_are_refused(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "other.safetensors"
    save_file({"weight": np.ones(3, dtype=np.float32)}, path)
    with pytest.raises(ValueError, match="no trunk of io.write_trunk"):
        read_trunk(path)
