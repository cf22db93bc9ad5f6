"""Two processes over gloo against one that does the same work in two halves, and the same slots on every rank."""

import copy
import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import anndata as ad
import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import scbasset_tl as sb
from scbasset_tl.nn.codes import augment, one_hot
from scbasset_tl.nn.head import Head
from scbasset_tl.nn.trunk import Trunk, TrunkConfig
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train.distributed import Ranks
from scbasset_tl.train.draws import epoch_steps
from scbasset_tl.train.loop import _whole_head
from scbasset_tl.train.muon import Muon
from scbasset_tl.train.problem import Problem
from scbasset_tl.train.recipe import make_recipe
from scbasset_tl.train.start import svd_vectors

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 4, "batch_size": 16, "accelerator": "cpu"}
CONFIG = TrunkConfig(seq_len=48, channels=(6, 7, 5), kernels=(5, 3, 1), pools=(3, 2, 1), n_latent=4)
SEED, N_TRAIN = 3, 41
CHANGES = {"batch_size": 8, "max_epochs": 2, "l2_cell": 1e-3, "l2_batch": 1e-3}

# what each of two processes runs: the arguments are a folder and what to do
WORKER = """
import os, shutil, sys
from pathlib import Path
import anndata as ad, numpy as np, torch
import scbasset_tl as sb
from scbasset_tl.nn.trunk import TrunkConfig
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train import loop
from scbasset_tl.train.device import make_fabric
from scbasset_tl.train.problem import Problem
from scbasset_tl.train.recipe import make_recipe

torch.set_num_threads(1)
sb.settings.verbosity = 0
folder, rank = Path(sys.argv[1]), os.environ["RANK"]
SMALL, CONFIG, CHANGES, SEED = eval((folder / "settings").read_text(), {"TrunkConfig": TrunkConfig})
adata = ad.read_h5ad(folder / "tiny.h5ad")

def interrupted(epoch, do):
    original = loop._optimizer_step
    def step(state, *rest):
        if state.epoch == epoch:
            do()
        original(state, *rest)
    loop._optimizer_step = step
    return original

def scbasset(name, **call):
    changed = sb.tl.scbasset(adata, **{**SMALL, "devices": 2, **call}, copy=True)
    model = changed.uns["scbasset"]
    np.savez(folder / f"{name}{rank}.npz", cells=changed.obsm["X_scbasset"], bias=changed.obs["scbasset_bias"],
             peaks=changed.varm["scbasset"], weights=model["weights"], history=sb.get.history(changed).to_numpy(),
             batch=model["batch"].get("weight", np.empty(0)))

def oracle():
    stored = dict(np.load(folder / "problem.npz"))
    entries = OpenEntries(stored.pop("indptr"), stored.pop("indices"), len(stored["design"]))
    problem = Problem(open_entries=entries, n_batches=2, **stored)
    torch.set_default_dtype(torch.float64)
    def keep(state):
        tensors = {f"trunk.{key}": value.clone() for key, value in state.trunk.state_dict().items()}
        tensors |= {f"head.{key}": value.clone() for key, value in state.head.state_dict().items()}
        tensors["head.design"] = state.head.design
        np.savez(folder / f"oracle{rank}.npz", loss=state.history["loss"], **tensors)
    recipe = make_recipe("fast", len(problem.train), **CHANGES)
    loop.fit(problem, CONFIG, recipe, make_fabric("cpu", None, devices=2), seed=SEED, on_epoch=keep)
    torch.set_default_dtype(torch.float32)

if sys.argv[2] == "all":
    oracle()
    scbasset("plain", batch_key="batch", l2_batch=1e-3)
    scbasset("some", cells_per_step=21, index_file=folder / "index", rng=None)
    scbasset("resumed", checkpoint=folder / "of_one", resume=True)
    def stop():
        raise KeyboardInterrupt
    original = interrupted(2, stop)
    try:
        scbasset("never", checkpoint=folder / "of_two")
    except KeyboardInterrupt:
        loop._optimizer_step = original
    own = shutil.copy(folder / "of_two", folder / f"of_two{rank}")
    scbasset("gone_on", checkpoint=own, resume=True)
    scbasset("whole")
else:
    def wait():
        if rank == "1":
            print("ready", flush=True)
            import time; time.sleep(60)
    interrupted(1, wait)
    scbasset("never", checkpoint=folder / "lost")
"""


def make_problem():
    rng = np.random.default_rng(5)
    dense = rng.random((60, 11)) < 0.3
    dense[:, 0] |= ~dense.any(1)
    indptr = np.concatenate([[0], dense.sum(1).cumsum()])
    arrays = {
        "codes": rng.integers(0, 5, (60, 48), dtype=np.uint8),
        "indptr": indptr,
        "indices": np.nonzero(dense)[1].astype(np.int32),
        "train": rng.permutation(60)[:N_TRAIN],
        "val": np.arange(0),
        "design": rng.integers(0, 2, (11, 1)),
    }
    return arrays, dense


def launch(folder, what):
    """Two processes, as torchrun starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "settings").write_text(repr((SMALL, CONFIG, CHANGES, SEED)))
    (folder / "worker.py").write_text(WORKER)
    common = {
        "TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    return [
        subprocess.Popen(
            [sys.executable, folder / "worker.py", folder, what],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


def interrupt(monkeypatch, epoch):
    import scbasset_tl.train.loop as loop

    original = loop._optimizer_step

    def step(state, *rest):
        if state.epoch == epoch:
            raise KeyboardInterrupt
        original(state, *rest)

    monkeypatch.setattr(loop, "_optimizer_step", step)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory, tiny_once):
    """The folder after two processes did all there is to do."""
    folder = tmp_path_factory.mktemp("ranks")
    tiny_once.write_h5ad(folder / "tiny.h5ad")
    np.savez(folder / "problem.npz", **make_problem()[0])
    with pytest.MonkeyPatch.context() as patch, sb.settings.override(verbosity=0):
        interrupt(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            sb.tl.scbasset(tiny_once, **SMALL, checkpoint=folder / "of_one", copy=True)
    ended = [(process.communicate(timeout=300)[1], process.returncode) for process in launch(folder, "all")]
    assert [code for _, code in ended] == [0, 0], [errors[-3000:] for errors, _ in ended]
    return folder


@pytest.fixture(scope="module")
def tiny_once():
    """60 cells × 90 peaks of 192 bp, in two batches."""
    rng = np.random.default_rng(1)
    adata = ad.AnnData((rng.random((60, 90)) < 0.3).astype(np.float32))
    adata.obs["batch"] = np.array(["x", "y"])[rng.integers(0, 2, 60)]
    adata.varm["dna_code"] = rng.integers(0, 4, (90, 192), dtype=np.uint8)
    adata.var["split"] = ["train"] * 81 + ["val"] * 5 + ["test"] * 4  # two processes leave out a peak of each epoch
    return adata


def in_two_halves():
    """Plain torch, one process: each minibatch of two ranks is normalised in two halves, with dense targets."""
    arrays, dense = make_problem()
    generator = torch.Generator().manual_seed(SEED)
    trunk = Trunk(CONFIG, generator)
    head = Head(11, 4, n_batches=2, design=torch.from_numpy(arrays["design"]), generator=generator)
    density = dense[arrays["train"]].sum(0)
    entries = OpenEntries(arrays["indptr"], arrays["indices"], 11)
    problem = Problem(arrays["codes"], entries, arrays["train"], arrays["val"], arrays["design"], 2)
    with torch.no_grad():
        vectors = svd_vectors(problem, 4, SEED)
        head.weight[:, : vectors.shape[1]] = torch.from_numpy(vectors)
        head.bias.copy_(torch.from_numpy(np.log((density + 0.5) / (N_TRAIN - density + 0.5)).astype(np.float32)))
    trunk.generator = None
    twin = copy.deepcopy(trunk)  # the same weights, running statistics of its own
    for module, other in zip(trunk.modules(), twin.modules(), strict=True):
        other._parameters = module._parameters
    recipe = make_recipe("fast", N_TRAIN, **CHANGES)
    filters = [weight for weight in trunk.parameters() if weight.dim() > 1]
    muon = Muon(filters)
    groups = [
        {"params": [weight for weight in trunk.parameters() if weight.dim() == 1], "keras": recipe.eps},
        {"params": list(head.parameters()), "keras": 1e-12},
    ]
    adam = torch.optim.Adam(groups, lr=1.0, betas=recipe.betas)
    targets, codes = (torch.from_numpy(part[arrays["train"]]) for part in (dense, arrays["codes"]))
    losses, number, n_steps = [], 0, 3 * recipe.max_epochs
    for _ in range(recipe.max_epochs):
        state = generator.get_state()
        draws = []
        for rank in range(2):
            generator.set_state(state)
            ranks = Ranks(rank, 2)
            draws.append(
                list(epoch_steps(N_TRAIN, recipe, generator, ranks, torch.device("cpu"), n_latent=4, dropout=0.2))
            )
        total, n_seen = 0.0, 0
        for halves in zip(*draws, strict=True):
            h = torch.cat([
                network(one_hot(augment(codes[half.own], half.flip, half.by)), half.keep / 0.8)
                for network, half in zip((trunk.train(), twin.train()), halves, strict=True)
            ])  # fmt: skip
            weight = head.weight + head.batch_weight[head.design[:, 0]]
            bias = head.bias + head.batch_bias[head.design[:, 0]]
            rows = torch.cat([half.own for half in halves])
            loss = binary_cross_entropy_with_logits(h @ weight.T + bias, targets[rows].double())
            penalty = 1e-3 * head.weight.square().sum() + 1e-3 * head.batch_weight.square().sum()
            adam.zero_grad()
            muon.zero_grad()
            (loss + penalty).backward()
            for group in adam.param_groups:
                group["lr"] = recipe.lr_at(number, n_steps)
                group["eps"] = group["keras"] / (1 - recipe.betas[1] ** (number + 1)) ** 0.5
            adam.step()
            muon.step(recipe.muon * recipe.lr_at(number, n_steps))
            number += 1
            total, n_seen = total + loss.item() * len(rows), n_seen + len(rows)
        losses.append(total / n_seen)
        for one, other in zip(trunk.buffers(), twin.buffers(), strict=True):
            if one.is_floating_point():
                one.copy_((one + other) / 2)
                other.copy_(one)
    return losses, trunk, head


def test_two_processes_are_one_that_normalises_in_two_halves(of_two):
    torch.set_default_dtype(torch.float64)
    try:
        losses, trunk, head = in_two_halves()
    finally:
        torch.set_default_dtype(torch.float32)
    parts = [np.load(of_two / f"oracle{rank}.npz") for rank in range(2)]
    for part in parts:
        np.testing.assert_allclose(part["loss"], losses, rtol=1e-8)
        for name, tensor in trunk.state_dict().items():
            np.testing.assert_allclose(part[f"trunk.{name}"], tensor, rtol=1e-8, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(part["head.batch_weight"], head.batch_weight.detach(), rtol=1e-8)
        np.testing.assert_allclose(part["head.batch_bias"], head.batch_bias.detach(), rtol=1e-8)
    assert [len(part["head.bias"]) for part in parts] == [5, 6]
    for name in ("weight", "bias", "design"):
        whole = np.concatenate([part[f"head.{name}"] for part in parts])
        np.testing.assert_allclose(whole, getattr(head, name).detach(), rtol=1e-8)


@pytest.mark.parametrize("run", ["plain", "some", "resumed", "gone_on"])
def test_every_rank_gets_the_same_slots(of_two, run):
    one, other = (np.load(of_two / f"{run}{rank}.npz") for rank in range(2))
    assert one["cells"].shape == (60, 6)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    assert np.isfinite(one["history"][:, :2]).all()
    assert len(one["history"]) == 4


def test_a_run_of_two_ranks_resumes_on_one_and_of_one_on_two(of_two, tiny_once):
    sb.tl.scbasset(tiny_once, **SMALL, checkpoint=of_two / "of_two", resume=True)
    history = sb.get.history(tiny_once)
    assert len(history) == 4
    both = np.load(of_two / "resumed0.npz")["history"]
    whole = sb.get.history(sb.tl.scbasset(tiny_once, **SMALL, copy=True))
    np.testing.assert_array_equal(both[:2, :-1], whole.to_numpy()[:2, :-1])  # what one rank did
    for loss in (history["loss"].to_numpy(), both[:, list(whole).index("loss")]):
        np.testing.assert_allclose(loss, whole["loss"], rtol=0.03)


def test_an_interrupted_run_of_two_ranks_ends_as_an_uninterrupted_one(of_two):
    gone_on, whole = (np.load(of_two / f"{run}0.npz") for run in ("gone_on", "whole"))
    np.testing.assert_array_equal(gone_on["history"][:, :-1], whole["history"][:, :-1])  # all but the seconds
    for name in ("cells", "bias", "peaks", "weights"):
        np.testing.assert_array_equal(gone_on[name], whole[name])


def test_the_whole_head_is_in_one_place(monkeypatch):
    """Cells come to the CPU from all ranks; what every rank has follows, wherever it was (here: a device of no GPU)."""
    monkeypatch.setattr(Head, "to", lambda self, device: self.to_empty(device=device))
    monkeypatch.setattr(Ranks, "collect", lambda _self, part, n, everywhere: torch.zeros(n, *part.shape[1:]))
    design = np.zeros((7, 1), dtype=np.int64)
    with torch.device("meta"):
        head = Head(3, 4, n_batches=2, design=torch.zeros(3, 1, dtype=torch.int64))
    problem = SimpleNamespace(open_entries=SimpleNamespace(n_cells=7), design=design)
    _whole_head(head, SimpleNamespace(ranks=Ranks(0, 2), problem=problem))
    weight, bias = head()
    assert (weight.shape, bias.shape, weight.device.type, bias.device.type) == ((7, 4), (7,), "cpu", "cpu")


def test_a_lost_rank_ends_the_run_and_it_resumes(tmp_path, tiny_once):
    tiny_once.write_h5ad(tmp_path / "tiny.h5ad")
    survivor, lost = launch(tmp_path, "fault")
    assert lost.stdout.readline() == "ready\n"
    lost.send_signal(signal.SIGKILL)
    lost.communicate()
    _, errors = survivor.communicate(timeout=300)
    assert survivor.returncode == 1
    assert "rank 0 of 2 has lost another rank" in errors
    assert "resume=True goes on after the last finished epoch" in errors
    resumed = sb.tl.scbasset(tiny_once, **SMALL, checkpoint=tmp_path / "lost", resume=True, copy=True)
    assert len(sb.get.history(resumed)) == 4


def test_a_process_alone_is_all_ranks():
    alone = Ranks()
    assert alone.part(7) == slice(0, 7)
    tensor = torch.arange(3.0)
    assert alone.gather(tensor) is tensor
    assert alone.collect(tensor, 3) is tensor
    assert alone.total([1.0, 2.0], tensor.device) == [1.0, 2.0]
    parts = [Ranks(rank, 3).part(10) for rank in range(3)]
    assert [part.stop - part.start for part in parts] == [3, 3, 4]
