"""The threads of the process are the user's, and a run knows how many it had."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import scbasset_tl as sb
from scbasset_tl._threads import same_threads

CALL = """
import os
os.environ["NUMBA_NUM_THREADS"] = "2"  # whatever the machine has
import torch, numpy as np, scbasset_tl.stats.neighbors as neighbors
torch.set_num_threads({n})
neighbors.EXACT_UP_TO = 10
x = np.random.default_rng(0).normal(size=(200, 4)).astype("f4")
neighbors.nearest(x, 5, rng=np.random.default_rng(0))
neighbors.nearest_among(x, 5, x[:9], rng=np.random.default_rng(0))
import numba
print(torch.get_num_threads(), numba.get_num_threads())
"""


@pytest.mark.parametrize("n", [1])
def test_neighbours_leave_the_threads_of_torch_and_numba(n):
    run = subprocess.run([sys.executable, "-c", CALL.format(n=n)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(n), "2"]


def test_threads_are_restored_after_an_error():
    before = torch.get_num_threads()

    def fail():
        with same_threads():
            torch.set_num_threads(before + 2)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before


def test_a_run_that_resumes_with_other_threads_is_told(tmp_path, capsys):
    data = sb.datasets.toy(n_obs=40, n_vars=60)
    how = {"trunk": 4, "n_latent": 4, "accelerator": "cpu", "checkpoint": tmp_path / "run", "recipe": "paper"}
    before = torch.get_num_threads()
    sb.tl.scbasset(data, max_epochs=1, **how)
    assert data.uns["scbasset"]["threads"] == before
    with sb.settings.override(verbosity=1):
        sb.tl.scbasset(data, max_epochs=2, resume=True, **how)
        assert "threads" not in capsys.readouterr().err
        try:
            torch.set_num_threads(before + 1)
            sb.tl.scbasset(data, max_epochs=3, resume=True, **how)
        finally:
            torch.set_num_threads(before)
    said = capsys.readouterr().err
    assert (
        f"WARNING: the checkpoint was written with torch.get_num_threads() == {before}, now it is {before + 1}" in said
    )
    assert f"torch.set_num_threads({before})" in said
    assert np.isfinite(data.obsm["X_scbasset"]).all()
