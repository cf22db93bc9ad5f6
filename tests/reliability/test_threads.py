"""The threads of the process are the user's, and a run knows how many it had."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import scbasset_tl as sb
from scbasset_tl._threads import same_threads

POOL = """
import os
os.environ["NUMBA_NUM_THREADS"] = "2"
import numba, numpy as np, torch
from contextlib import nullcontext
from scbasset_tl._threads import same_threads

@numba.njit(parallel=True)
def total(x):
    found = 0.0
    for i in numba.prange(len(x)):
        found += x[i]
    return found

torch.set_num_threads(1)
with {context}():
    total(np.ones(99))
print(torch.get_num_threads(), numba.get_num_threads())
"""


def threads_after(context):
    """Threads of torch and numba in a process whose first parallel kernel of numba runs in this context."""
    run = subprocess.run(
        [sys.executable, "-c", POOL.format(context=context)], capture_output=True, text=True, check=True
    )
    return [int(number) for number in run.stdout.split()]


def test_the_pool_of_numba_leaves_torch_its_threads():
    if threads_after("nullcontext") == [1, 2]:
        pytest.skip("numba's pool is another than torch's here")
    assert threads_after("same_threads") == [1, 2]


def test_neighbours_and_clusters_leave_torch_its_threads(monkeypatch):
    """With a descent and a scanpy that do to torch what numba's pool does."""
    import pynndescent
    import scanpy

    from scbasset_tl.metrics import _clustering_scores
    from scbasset_tl.stats import neighbors

    class Descent:
        def __init__(self, x, n_neighbors, random_state):
            torch.set_num_threads(before + 3)
            self.neighbor_graph = neighbors._exact(x, n_neighbors, x)
            self.query = lambda queries, k: (torch.set_num_threads(before + 4), neighbors._exact(x, k, queries))[1]

    before, x = torch.get_num_threads(), np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    monkeypatch.setattr(neighbors, "EXACT_UP_TO", 10)
    monkeypatch.setattr(pynndescent, "NNDescent", Descent)
    neighbors.nearest(x, 5, rng=np.random.default_rng(0))
    assert torch.get_num_threads() == before
    neighbors.nearest_among(x, 5, x[:9], rng=np.random.default_rng(0))
    assert torch.get_num_threads() == before

    def neighbours(data, **how):
        torch.set_num_threads(before + 5)
        raise RuntimeError

    monkeypatch.setattr(scanpy.pp, "neighbors", neighbours)
    with pytest.raises(RuntimeError):
        _clustering_scores._cluster(x, 3, 0)
    assert torch.get_num_threads() == before


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
