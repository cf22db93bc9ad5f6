"""Shared fixtures: quiet runs, one thread, the real data when it is there."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet():
    """No progress bars, and one thread so that results do not depend on the machine's load.

    Anew for each test: the thread pool that pynndescent starts through numba resets torch's number of threads.
    """
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(1)
    # torch.export, which tangermeme tries, leaves it off: other kernels, other bits
    torch.backends.mkldnn.enabled = True
    with sb.settings.override(verbosity=0):
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with the real data; tests that need it are skipped where it is absent."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("SCBASSET_TL_REAL_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip("real data not found: set SCBASSET_TL_REAL_DATA to their folder")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of the test's own."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def _tiny():
    import anndata as ad
    import scipy.sparse as sp

    generator = np.random.default_rng(1)
    n_obs, n_vars = 60, 90
    codes = generator.integers(0, 4, (n_vars, 192), dtype=np.uint8)
    codes[:, :3] = 4
    kind, programme = generator.integers(0, 2, n_obs), generator.integers(0, 2, n_vars)
    for peak in np.flatnonzero(programme):
        codes[peak, 90:98] = [2, 0, 3, 0, 0, 2, 3, 1]
    density = np.where(kind[:, None] == programme[None], 0.5, 0.1)
    counts = (generator.random((n_obs, n_vars)) < density) * generator.integers(1, 4, (n_obs, n_vars))
    adata = ad.AnnData(sp.csr_matrix(counts.astype(np.float32)))
    adata.obs_names = [f"cell{number}" for number in range(n_obs)]
    adata.var_names = [f"chr1:{1000 * number}-{1000 * number + 300}" for number in range(n_vars)]
    adata.obs["kind"] = np.array(["a", "b"])[kind]
    adata.obs["batch"] = np.array(["x", "y"])[generator.integers(0, 2, n_obs)]
    adata.varm["dna_code"] = codes
    return adata


@pytest.fixture
def tiny(_tiny):
    """60 cells × 90 peaks of 192 bp with sequences, two kinds of cells, and no split: trains in well under a second."""
    return _tiny.copy()


@pytest.fixture(scope="session")
def _trained_tiny(_tiny):
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(1)
    with sb.settings.override(verbosity=0):
        return sb.tl.scbasset(_tiny, trunk=4, n_latent=6, max_epochs=1, accelerator="cpu", copy=True)


@pytest.fixture
def trained_tiny(_trained_tiny):
    """The tiny data with a model and a split; a copy of the test's own."""
    return _trained_tiny.copy()


@pytest.fixture(scope="session")
def _trained_toy_mudata():
    import torch

    import scbasset_tl as sb

    torch.set_num_threads(1)
    with sb.settings.override(verbosity=0):
        mdata = sb.datasets.toy_mudata()
        sb.pp.split_peaks(mdata)
        sb.tl.scbasset(mdata, trunk=32, precision="32-true")  # the same thresholds on processors with bf16
    return mdata


@pytest.fixture
def trained_toy_mudata(_trained_toy_mudata):
    """The toy data of the main job with their RNA and a trained model; a copy of the test's own."""
    return _trained_toy_mudata.copy()


@pytest.fixture
def trained_toy(_trained_toy_mudata):
    """The toy data of the main job with a trained model; a copy of the test's own."""
    return _trained_toy_mudata["atac"].copy()


@pytest.fixture
def no_garbage_collection():
    """Its time grows with all that other tests left behind."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def _no_figures_left():
    """Close the figures that pyplot keeps for the caller."""
    import sys

    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
