import shutil
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture
def reference():
    """The folder of files made by independent code."""
    return REFERENCE


@pytest.fixture(scope="session")
def keras_predictions():
    """Sequences and float64 outputs of the models in the Keras files."""
    with np.load(REFERENCE / "keras_predictions.npz") as stored:
        return dict(stored)


@pytest.fixture
def adata(keras_predictions):
    """The cells and sequences that the Keras files were made with."""
    batch = pd.Categorical(np.array(["one", "two"])[keras_predictions["batch_of_cell"]])
    obs = pd.DataFrame({"donor": batch, "half": list("xyxyyx")}, index=[f"cell{i}" for i in range(6)])
    codes = keras_predictions["codes"]
    var = pd.DataFrame(index=[f"peak{i}" for i in range(len(codes))])
    return ad.AnnData(np.eye(6, len(codes), dtype=np.float32), obs=obs, var=var, varm={"dna_code": codes})


@pytest.fixture
def slots():
    """Everything in an AnnData, to compare before and after."""

    def collect(adata):
        fields = {name: getattr(adata, name) for name in ("obs", "var", "obsm", "varm", "uns", "layers")}
        return {(name, key): np.array(field[key]) for name, field in fields.items() for key in field}

    return collect


@pytest.fixture
def edited(tmp_path):
    """A copy of a reference file with some change made to it."""

    def edit(name, change):
        import h5py

        path = tmp_path / name
        shutil.copy(REFERENCE / name, path)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return edit
