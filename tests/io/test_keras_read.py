"""Files written by tf_keras, read and held against what the same models predict there."""

import hashlib
import zipfile

import h5py
import mudata as md
import numpy as np
import pytest
from scipy.special import expit

from scbasset_tl._adata.model.store import read_model, read_network
from scbasset_tl._settings import settings
from scbasset_tl.nn.keras_layout import Dense, KerasWeights, read_weights, write_weights
from scbasset_tl.tl import load_keras_weights

FILES = {
    "keras_plain.h5": None,
    "keras_plain_bytes.h5": None,
    "keras_plain_whole.h5": None,
    "keras_latent5.h5": None,
    "keras_batch.h5": "donor",
    "keras_batch_whole.h5": "donor",
}


def assert_same(before, after):
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=str(name))


@pytest.mark.parametrize("name", FILES)
def test_predictions_of_the_model_that_wrote_the_file(adata, reference, keras_predictions, name):
    load_keras_weights(adata, reference / name, batch_key=FILES[name])
    expected = {
        key: keras_predictions[f"{name.split('_')[1].removesuffix('.h5')}/{key}"]
        for key in ("h", "probability", "normalised_logit")
    }
    model = read_model(adata)
    h = model.peak_embedding.astype(np.float64)
    np.testing.assert_allclose(h, expected["h"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(h @ model.cell_embedding.T, expected["normalised_logit"], rtol=0, atol=1e-5)
    weight, bias = model.raw_head(adata.obs)
    np.testing.assert_allclose(expit(h @ weight.T + bias), expected["probability"], rtol=0, atol=1e-5)


def test_slots_and_record(adata, reference, slots):
    before = slots(adata)
    path = reference / "keras_plain.h5"
    load_keras_weights(adata, path, key_added="original")
    written = {("obsm", "original"), ("obs", "original_bias"), ("varm", "original"), ("uns", "original")}
    assert slots(adata).keys() - before.keys() == written
    params = adata.uns["original"]["params"]
    assert params["source"] == path.name
    assert params["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert adata.uns["original"]["history"] == {}
    config = read_network(adata, "original").trunk().config
    assert (config.seq_len, config.n_latent, config.channels) == (384, 32, (8, 8, 9, 10, 11, 12, 14, 7))


def test_copy_and_view(adata, reference, slots):
    path, before = reference / "keras_plain.h5", slots(adata)
    expected = load_keras_weights(adata, path, copy=True)
    assert_same(before, slots(adata))
    view = adata[:, :2]
    assert load_keras_weights(view, path) is None
    np.testing.assert_allclose(view.varm["scbasset"], expected.varm["scbasset"][:2], rtol=0, atol=1e-6)
    assert_same(before, slots(adata))


def test_mudata(adata, reference):
    mdata = md.MuData({"peaks": adata})
    changed = load_keras_weights(mdata, reference / "keras_plain.h5", mod="peaks", copy=True)
    assert isinstance(changed, md.MuData)
    assert changed["peaks"].obsm["X_scbasset"].shape == (6, 32)
    assert "X_scbasset" not in mdata["peaks"].obsm


@pytest.mark.parametrize("codes", [None, np.zeros((4, 192), np.uint8)])
def test_without_fitting_sequences_there_are_no_peak_vectors(adata, reference, capsys, codes):
    del adata.varm["dna_code"]
    if codes is not None:
        adata.varm["dna_code"] = codes
    with settings.override(verbosity=2):
        load_keras_weights(adata, reference / "keras_plain.h5")
    assert "scbasset" not in adata.varm
    assert read_model(adata).peak_embedding is None
    assert "seq_len=384" in capsys.readouterr().err


def test_peak_vectors_of_another_model_are_not_left_standing(adata, reference, slots):
    load_keras_weights(adata, reference / "keras_plain.h5")
    del adata.varm["dna_code"]
    before = slots(adata)
    with pytest.raises(ValueError, match=r"varm\['scbasset'\] belongs to another model"):
        load_keras_weights(adata, reference / "keras_latent5.h5")
    assert_same(before, slots(adata))


def test_lengths_decide_where_the_cells_come_before_the_batches(adata, reference, edited):
    def swap(file):
        names = list(file.attrs["layer_names"])
        first, second = names.index("dense_2"), names.index("dense_1")
        names[first], names[second] = names[second], names[first]
        file.attrs["layer_names"] = names

    expected = load_keras_weights(adata, reference / "keras_batch.h5", batch_key="donor", copy=True)
    load_keras_weights(adata, edited("keras_batch.h5", swap), batch_key="donor")
    np.testing.assert_array_equal(adata.obsm["X_scbasset"], expected.obsm["X_scbasset"])
    np.testing.assert_array_equal(adata.uns["scbasset"]["batch"]["bias"], expected.uns["scbasset"]["batch"]["bias"])


def test_order_decides_where_there_are_as_many_batches_as_cells(adata, reference, tmp_path):
    weights = read_weights(reference / "keras_plain.h5")
    batch = Dense(np.ones((6, 32), np.float32), np.ones(6, np.float32))
    write_weights(tmp_path / "model.h5", KerasWeights(weights.trunk, [batch, *weights.heads]))
    adata.obs["well"] = list("abcdef")
    load_keras_weights(adata, tmp_path / "model.h5", batch_key="well")
    np.testing.assert_array_equal(adata.obsm["X_scbasset"], weights.heads[0].weight)
    np.testing.assert_array_equal(adata.uns["scbasset"]["batch"]["weight"], batch.weight)


def test_several_batch_columns_share_the_layer(adata, reference, tmp_path):
    weights = read_weights(reference / "keras_plain.h5")
    batch = Dense(np.zeros((4, 32), np.float32), np.array([1, 2, 10, 20], np.float32))
    write_weights(tmp_path / "model.h5", KerasWeights(weights.trunk, [batch, *weights.heads]))
    load_keras_weights(adata, tmp_path / "model.h5", batch_key=["donor", "half"])
    bias = read_model(adata).raw_head(adata.obs)[1] - adata.obs["scbasset_bias"].to_numpy()
    donor, half = adata.obs["donor"].map({"one": 1, "two": 2}), adata.obs["half"].map({"x": 10, "y": 20})
    np.testing.assert_allclose(bias, donor.astype(float) + half, rtol=1e-6)


def test_columns_and_categories_in_sorted_order(adata, reference):
    load_keras_weights(adata, reference / "keras_batch.h5", batch_key="donor")
    stored = adata.uns["scbasset"]["batch"]
    assert (stored["columns"], stored["categories"]) == (["donor"], ["one", "two"])


def replace(path, value):
    def change(file):
        del file[path]
        file[path] = value

    return change


def drop_layer(file):
    names = list(file.attrs["layer_names"])
    names.remove("conv1d_3")
    file.attrs["layer_names"] = names


DAMAGED = {
    "conv1d/conv1d/kernel:0 shape": (
        replace("conv1d/conv1d/kernel:0", np.ones((17, 5, 8), "f4")),
        r"'conv1d' has shapes \[\(17, 5, 8\)\]",
    ),
    "even kernel": (replace("conv1d_2/conv1d_2/kernel:0", np.ones((4, 8, 9), "f4")), "odd width, 8, filters"),
    "two axes": (replace("conv1d/conv1d/kernel:0", np.ones((17, 4), "f4")), "odd width, 4, filters"),
    "batch norm": (replace("batch_normalization_1/batch_normalization_1/beta:0", np.ones(9, "f4")), r"\(8,\) each"),
    "bottleneck": (replace("dense/dense/kernel:0", np.ones((15, 32), "f4")), "positions × 7, n_latent"),
    "bottleneck norm": (replace("dense/dense/kernel:0", np.ones((14, 31), "f4")), r"\(31,\) each"),
    "head kernel": (replace("dense_1/dense_1/kernel:0", np.ones((31, 6), "f4")), r"\(32, units\) and \(units,\)"),
    "head bias": (replace("dense_1/dense_1/bias:0", np.ones(5, "f4")), r"\(32, units\) and \(units,\)"),
    "NaN": (replace("conv1d/conv1d/kernel:0", np.full((17, 4, 8), np.nan)), "not finite"),
    "text": (replace("conv1d/conv1d/kernel:0", "kernel"), "not finite"),
    "nothing": (replace("dense/dense/kernel:0", np.ones((0, 32), "f4")), "'dense' is empty"),
    "a layer less": (drop_layer, "holds 46 arrays in 18 layers"),
    "an array gone": (
        lambda file: file.__delitem__("conv1d_4/conv1d_4/kernel:0"),
        "damaged, or no weight file of Keras",
    ),
    "a group gone": (lambda file: file.__delitem__("conv1d_4"), "damaged, or no weight file of Keras"),
    "no layer_names": (lambda file: file.attrs.__delitem__("layer_names"), "not a Keras weight file"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_refused(adata, slots, edited, case):
    change, message = DAMAGED[case]
    path, before = edited("keras_plain.h5", change), slots(adata)
    with pytest.raises(ValueError, match=message):
        load_keras_weights(adata, path)
    assert_same(before, slots(adata))


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(adata, reference, tmp_path, slots, share):
    whole, path, before = (reference / "keras_plain.h5").read_bytes(), tmp_path / "part.h5", slots(adata)
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"part.h5'? is (damaged, or no weight file of Keras|not an HDF5 file)"):
        load_keras_weights(adata, path)
    assert_same(before, slots(adata))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an HDF5 file"),
        (b"chr1\t1\t2\n", "not an HDF5 file"),
        (b"PK\x03\x04", "is damaged, or no weight file of Keras"),
    ],
)
def test_other_files_are_refused(adata, tmp_path, content, message):
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_keras_weights(adata, tmp_path / "model.h5")


def test_keras_3_files_are_read_as_legacy_files_of_the_same_model(reference, tmp_path):
    """Whole model and weights only, and the layout of the first versions of Keras 3."""
    from scbasset_tl.nn.keras_layout import read_weights

    early = tmp_path / "early.weights.h5"
    with h5py.File(reference / "keras_3_batch.weights.h5") as file, h5py.File(early, "w") as other:
        file.copy("layers", other, name="_layer_checkpoint_dependencies")
    for path, legacy in (
        (reference / "keras_3_plain.keras", "keras_plain.h5"),
        (reference / "keras_3_batch.weights.h5", "keras_batch.h5"),
        (early, "keras_batch.h5"),
    ):
        found, expected = read_weights(path), read_weights(reference / legacy)
        assert list(found.trunk) == list(expected.trunk)
        for name, array in expected.trunk.items():
            np.testing.assert_array_equal(found.trunk[name], array)
        for one, two in zip(found.heads, expected.heads, strict=True):
            np.testing.assert_array_equal(one.weight, two.weight)
            np.testing.assert_array_equal(one.bias, two.bias)


def test_keras_3_into_the_data(adata, reference):
    other = adata.copy()
    load_keras_weights(adata, reference / "keras_3_batch.weights.h5", batch_key="donor")
    load_keras_weights(other, reference / "keras_batch.h5", batch_key="donor")
    for slot in ("obsm", "varm"):
        for name, array in getattr(other, slot).items():
            np.testing.assert_array_equal(getattr(adata, slot)[name], array)


def test_other_models_of_keras_3(adata, reference, tmp_path):
    with pytest.raises(ValueError, match=r"holds 2 arrays in 1 layers, \[2\]. .*not a scBasset model"):
        load_keras_weights(adata, reference / "keras_3.weights.h5")
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match=r"a.keras' is damaged.*model.weights.h5"):
        load_keras_weights(adata, tmp_path / "a.keras")
    whole = (reference / "keras_3_plain.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut.keras' is damaged"):
        load_keras_weights(adata, tmp_path / "cut.keras")


def test_missing_file(adata, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        load_keras_weights(adata, tmp_path / "model.h5")
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        load_keras_weights(adata, tmp_path)


@pytest.mark.parametrize(
    ("name", "batch_key", "error", "message"),
    [
        ("keras_batch.h5", None, ValueError, "corrected for 2 batches, and no batch_key"),
        ("keras_batch.h5", ["donor", "half"], ValueError, "corrected for 2 batches, and .* has 4"),
        ("keras_batch.h5", "sample", KeyError, "no column 'sample'"),
        ("keras_plain.h5", "donor", ValueError, "not batch-corrected: leave batch_key='donor' out"),
    ],
)
def test_batches_that_do_not_fit(adata, reference, slots, name, batch_key, error, message):
    before = slots(adata)
    with pytest.raises(error, match=message):
        load_keras_weights(adata, reference / name, batch_key=batch_key)
    assert_same(before, slots(adata))


def test_another_number_of_cells(adata, reference):
    with pytest.raises(ValueError, match=r"trained on 6 cells, data has 4. The order of the cells is not stored"):
        load_keras_weights(adata[:4].copy(), reference / "keras_plain.h5")
    with pytest.raises(ValueError, match=r"trained on 6 or 2 cells, data has 4"):
        load_keras_weights(adata[:4].copy(), reference / "keras_batch.h5", batch_key="donor")


def test_the_reference_files_hold_what_their_names_say(reference):
    kinds = {}
    for name in ("keras_plain.h5", "keras_plain_bytes.h5", "keras_latent5.h5"):
        with h5py.File(reference / name) as file:
            kinds[name] = type(file.attrs["layer_names"][0]), "conv1d" in file
    assert kinds == {
        "keras_plain.h5": (str, True),
        "keras_plain_bytes.h5": (np.bytes_, True),
        "keras_latent5.h5": (str, False),
    }
