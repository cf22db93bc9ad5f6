"""get.accessibility, get.model and get.history against the formulas they stand for."""

import numpy as np
import pytest
import torch
from scipy.special import expit

import scbasset_tl as sb
from scbasset_tl.nn.codes import one_hot

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "batch_size": 32}


@pytest.fixture
def trained(tiny):
    sb.tl.scbasset(tiny, **SMALL)
    return tiny


def test_four_values_of_an_entry(trained):
    h, w = trained.varm["scbasset"].astype(float), trained.obsm["X_scbasset"].astype(float)
    bias = trained.obs["scbasset_bias"].to_numpy(float)[:, None]
    for normalize, expected in ((True, w @ h.T), (False, w @ h.T + bias)):
        logit = sb.get.accessibility(trained, normalize_depth=normalize)
        assert logit.to_numpy().dtype == np.float32
        np.testing.assert_allclose(logit, expected, atol=1e-5)
        probability = sb.get.accessibility(trained, normalize_depth=normalize, scale="sigmoid")
        np.testing.assert_allclose(probability, expit(expected), atol=1e-6)


def test_blocks_by_name_position_mask_and_slice(trained):
    whole = sb.get.accessibility(trained)
    mask = np.arange(90) % 7 == 0
    for obs, var, rows, columns in [
        (["cell3", "cell1"], slice(2, 5), [3, 1], [2, 3, 4]),
        (-1, mask, [59], np.flatnonzero(mask)),
        ("cell7", [4], [7], [4]),
        (None, np.array([], dtype=int), range(60), []),
    ]:
        block = sb.get.accessibility(trained, obs=obs, var=var)
        expected = whole.iloc[list(rows), list(columns)]
        assert block.index.equals(expected.index)
        assert block.columns.equals(expected.columns)
        np.testing.assert_allclose(block, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"key": "nope"}, KeyError, "no trained model.*scbasset"),
        ({"obs": ["cell3", "nobody"]}, KeyError, "nobody"),
        ({"var": 90}, KeyError, "position 90"),
        ({"obs": np.ones(3, bool)}, ValueError, "mask has 3"),
        ({"scale": "log"}, ValueError, "scale"),
    ],
)
def test_bad_arguments(trained, arguments, error, words):
    with pytest.raises(error, match=words):
        sb.get.accessibility(trained, **arguments)


def test_names_that_repeat_are_refused(trained):
    trained.obs_names = ["same"] * 60
    with pytest.raises(ValueError, match="repeat"):
        sb.get.accessibility(trained, obs="same")
    assert sb.get.accessibility(trained, obs=[0, 1]).shape == (2, 90)


def test_needs_no_torch(trained, tmp_path):
    import subprocess
    import sys

    trained.write_h5ad(tmp_path / "a.h5ad")
    code = (
        "import sys, anndata, scbasset_tl as sb; sb.get.accessibility(anndata.read_h5ad(sys.argv[1]));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a.h5ad"], check=False).returncode == 0


def test_model_predicts_what_accessibility_reads(trained):
    model = sb.get.model(trained)
    assert not model.training
    codes = torch.from_numpy(trained.varm["dna_code"][:20])
    with torch.no_grad():
        logits = model(one_hot(codes))
    np.testing.assert_allclose(logits.T, sb.get.accessibility(trained).iloc[:, :20], atol=1e-5)
    grouped = sb.get.model(trained, groupby="kind")(one_hot(codes)).detach()
    for column, kind in enumerate(["a", "b"]):
        expected = logits[:, (trained.obs["kind"] == kind).to_numpy(copy=True)].mean(1)
        np.testing.assert_allclose(grouped[:, column], expected, atol=1e-5)
    with pytest.raises(KeyError, match="no column 'type'"):
        sb.get.model(trained, groupby="type")


def test_reading_a_model_leaves_the_global_generator_alone(trained):
    before = torch.get_rng_state()
    sb.get.model(trained)
    assert torch.equal(before, torch.get_rng_state())


def test_history(trained):
    history = sb.get.history(trained)
    assert list(history.columns) == ["loss", "train_auroc", "val_auroc", "lr", "seconds"]
    trained.uns["scbasset"]["history"] = {}
    with pytest.raises(KeyError, match="no history"):
        sb.get.history(trained)


def test_a_model_of_a_later_version_is_refused(trained):
    trained.uns["scbasset"]["schema_version"] = 99
    with pytest.raises(ValueError, match="update the package"):
        sb.get.accessibility(trained)


@pytest.mark.parametrize("field", ["obsm", "obs", "varm"])
def test_a_part_that_is_gone_is_named(trained, field):
    name = trained.uns["scbasset"]["slots"][field]
    del getattr(trained, field)[name]
    with pytest.raises(KeyError, match=name if field != "varm" else "no peak embeddings"):
        sb.get.accessibility(trained)
