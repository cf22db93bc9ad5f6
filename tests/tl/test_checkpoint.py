"""Stopping and resuming: the AnnData stays as it was, and a resumed run ends like one that was never stopped."""

import os
import signal
import subprocess
import sys
import time

import anndata as ad
import numpy as np
import pytest

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 5, "batch_size": 32}

SCRIPT = """
import sys, anndata as ad, torch, scbasset_tl as sb
import scbasset_tl.train.loop as loop
torch.set_num_threads(1)
sb.settings.verbosity = 0
original = loop._epoch
def slow(state, *rest):
    if state.epoch == 3:
        print("ready", flush=True)
        import time; time.sleep(60)
    return original(state, *rest)
loop._epoch = slow
adata = ad.read_h5ad(sys.argv[1])
sb.tl.scbasset(adata, trunk=4, n_latent=6, max_epochs=5, batch_size=32, checkpoint=sys.argv[2])
"""


def interrupt_after(monkeypatch, n_epochs, error):
    """Make training fail in the middle of epoch ``n_epochs`` + 1."""
    import scbasset_tl.train.loop as loop

    original, steps = loop._optimizer_step, []

    def step(state, *rest):
        if state.epoch == n_epochs and state.step % 2:
            raise error
        steps.append(state.epoch)
        original(state, *rest)

    monkeypatch.setattr(loop, "_optimizer_step", step)


@pytest.mark.parametrize("changes", [{}, {"batch_key": "batch"}, {"cells_per_step": 25}])
@pytest.mark.parametrize("recipe", ["fast", "paper"])
def test_a_resumed_run_ends_as_an_uninterrupted_one(tiny, tmp_path, monkeypatch, recipe, changes):
    call = {**SMALL, "recipe": recipe, **changes}
    whole = sb.tl.scbasset(tiny, **call, copy=True)
    path = tmp_path / "run.safetensors"
    before = tiny.copy()
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            sb.tl.scbasset(tiny, **call, checkpoint=path)
    assert set(tiny.uns) == set(before.uns)
    assert "split" not in tiny.var
    assert not list(tiny.obsm)
    sb.tl.scbasset(tiny, **call, checkpoint=path, resume=True)
    np.testing.assert_array_equal(tiny.obsm["X_scbasset"], whole.obsm["X_scbasset"])
    np.testing.assert_array_equal(tiny.uns["scbasset"]["weights"], whole.uns["scbasset"]["weights"])
    ours, theirs = sb.get.history(tiny), sb.get.history(whole)
    np.testing.assert_array_equal(ours.drop(columns="seconds"), theirs.drop(columns="seconds"))


def test_the_paper_recipe_goes_on_for_more_epochs(tiny, tmp_path):
    call, path = {**SMALL, "recipe": "paper", "max_epochs": 3}, tmp_path / "run"
    whole = sb.tl.scbasset(tiny, **call, copy=True)
    sb.tl.scbasset(tiny, **{**call, "max_epochs": 1}, checkpoint=path, copy=True)
    longer = sb.tl.scbasset(tiny, **call, checkpoint=path, resume=True, copy=True)
    np.testing.assert_array_equal(longer.obsm["X_scbasset"], whole.obsm["X_scbasset"])
    with pytest.raises(ValueError, match="max_epochs: saved 3, now 2"):
        sb.tl.scbasset(tiny, **{**call, "max_epochs": 2}, checkpoint=path, resume=True)


def test_checkpoints_that_take_long_are_written_less_often(tiny, tmp_path, monkeypatch):
    import scbasset_tl.train.checkpoint as checkpoint

    path, written, original = tmp_path / "run", [], checkpoint.save_checkpoint

    def slow(path, state):
        original(path, state)
        written.append(len(state.tensors["history.loss"]))

    monkeypatch.setattr(checkpoint, "save_checkpoint", slow)
    monkeypatch.setattr(checkpoint, "_SHORT_S", 1e-9)
    monkeypatch.setattr(checkpoint, "_SHARE", 0.0)
    whole = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, copy=True)
    assert written == [0, 5]
    again = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True, copy=True)
    np.testing.assert_array_equal(whole.obsm["X_scbasset"], again.obsm["X_scbasset"])


def test_a_checkpoint_with_the_batches_of_cells_is_read(tiny, tmp_path):
    """As written by former versions, which stored them beside the weights."""
    import json

    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    path, call = tmp_path / "run", {**SMALL, "max_epochs": 2, "batch_key": "batch"}
    whole = sb.tl.scbasset(tiny, **call, checkpoint=path, copy=True)
    with safe_open(path, framework="pt") as file:
        parts, header = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    assert not any("design" in name for name in parts)
    parts |= {name: torch.zeros(60, 1, dtype=torch.int64) for name in ("head.design", "best.head.design")}
    header["meta"] = json.dumps({k: v for k, v in json.loads(header["meta"]).items() if k != "checksum"})
    save_file(parts, path, header)
    again = sb.tl.scbasset(tiny, **call, checkpoint=path, resume=True, copy=True)
    np.testing.assert_array_equal(whole.obsm["X_scbasset"], again.obsm["X_scbasset"])


def test_resuming_a_finished_run_gives_it_again(tiny, tmp_path):
    path = tmp_path / "run.safetensors"
    whole = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, copy=True)
    again = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True, copy=True)
    np.testing.assert_array_equal(whole.obsm["X_scbasset"], again.obsm["X_scbasset"])


def test_a_seed_from_a_generator_comes_from_the_checkpoint(tiny, tmp_path):
    path = tmp_path / "run.safetensors"
    whole = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, rng=None, copy=True)
    again = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, rng=None, resume=True, copy=True)
    np.testing.assert_array_equal(whole.obsm["X_scbasset"], again.obsm["X_scbasset"])
    assert whole.uns["scbasset"]["params"]["seed"] == again.uns["scbasset"]["params"]["seed"]


def test_a_killed_process_resumes_to_the_same_result(tiny, tmp_path):
    source, path = tmp_path / "a.h5ad", tmp_path / "run.safetensors"
    tiny.write_h5ad(source)
    content = source.read_bytes()
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    child = subprocess.Popen([sys.executable, script, source, path], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert source.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".run")] == []
    adata = ad.read_h5ad(source)
    whole = sb.tl.scbasset(adata, **SMALL, copy=True)
    started = time.perf_counter()
    sb.tl.scbasset(adata, **SMALL, checkpoint=path, resume=True)
    assert time.perf_counter() - started < 50
    np.testing.assert_array_equal(adata.obsm["X_scbasset"], whole.obsm["X_scbasset"])


def test_other_data_or_parameters_are_refused(tiny, tmp_path):
    path = tmp_path / "run.safetensors"
    sb.tl.scbasset(tiny, **SMALL, checkpoint=path, copy=True)
    with pytest.raises(ValueError, match="another run.*lr"):
        sb.tl.scbasset(tiny, **SMALL, lr=0.05, checkpoint=path, resume=True)
    other = tiny.copy()
    other.X = other.X[::-1]
    with pytest.raises(ValueError, match="another run.*data"):
        sb.tl.scbasset(other, **SMALL, checkpoint=path, resume=True)
    with pytest.raises(FileExistsError, match="resume=True"):
        sb.tl.scbasset(tiny, **SMALL, checkpoint=path)


def test_files_that_are_no_checkpoint_are_refused(tiny, tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True)
    sb.tl.scbasset(tiny, **SMALL, checkpoint=path, copy=True)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True)
    sb.tl.scbasset(tiny, **SMALL)
    path.write_bytes(tiny.uns["scbasset"]["weights"].tobytes())
    with pytest.raises(ValueError, match="not written by scbasset_tl"):
        sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True)


def test_a_full_disk_keeps_the_last_checkpoint(tiny, tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    original, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        original(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        sb.tl.scbasset(tiny, **SMALL, checkpoint=path)
    monkeypatch.undo()
    assert "scbasset" not in tiny.uns
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]
    sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True)
    np.testing.assert_array_equal(tiny.obsm["X_scbasset"], sb.tl.scbasset(tiny, **SMALL, copy=True).obsm["X_scbasset"])


def test_a_checkpoint_of_before_the_aupr_is_read(tiny, tmp_path):
    from scbasset_tl.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

    path = tmp_path / "run"
    whole = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, copy=True)
    saved = load_checkpoint(path)
    tensors = {name: tensor for name, tensor in saved.tensors.items() if "auprc" not in name}
    save_checkpoint(path, Checkpoint(tensors, saved.meta))
    again = sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True, copy=True)
    history = sb.get.history(again)
    assert history["val_auprc"].isna().all()
    np.testing.assert_array_equal(history["loss"], sb.get.history(whole)["loss"])


def test_a_checkpoint_without_all_its_parts_is_refused(tiny, tmp_path):
    from scbasset_tl.train.checkpoint import load_checkpoint, save_checkpoint

    path = tmp_path / "run.safetensors"
    sb.tl.scbasset(tiny.copy(), **{**SMALL, "max_epochs": 1}, checkpoint=path)
    saved = load_checkpoint(path)
    del saved.tensors["best.trunk.dense.weight"]
    save_checkpoint(path, saved)
    with pytest.raises(ValueError, match=r"lacks 1 parts, first \['best.trunk.dense.weight'\]"):
        sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 1}, checkpoint=path, resume=True)
    assert "scbasset" not in tiny.uns


def test_resuming_at_another_precision_is_refused(tiny, tmp_path):
    path = tmp_path / "run.safetensors"
    sb.tl.scbasset(tiny.copy(), **{**SMALL, "max_epochs": 1}, checkpoint=path, precision="32-true")
    with pytest.raises(ValueError, match="precision: saved '32-true', now 'bf16-mixed'"):
        sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 1}, checkpoint=path, resume=True, precision="bf16-mixed")


def test_a_processor_with_bf16_goes_on_at_the_precision_of_the_run(tiny, tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    monkeypatch.setattr("scbasset_tl.train.device.cpu_has_bf16", lambda: False)
    whole = sb.tl.scbasset(tiny, **SMALL, copy=True)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            sb.tl.scbasset(tiny, **SMALL, checkpoint=path)
    monkeypatch.setattr("scbasset_tl.train.device.cpu_has_bf16", lambda: True)
    sb.tl.scbasset(tiny, **SMALL, checkpoint=path, resume=True)
    assert tiny.uns["scbasset"]["params"]["precision"] == "32-true"
    np.testing.assert_array_equal(tiny.obsm["X_scbasset"], whole.obsm["X_scbasset"])
    sb.tl.scbasset(tiny, **{**SMALL, "max_epochs": 1})
    assert tiny.uns["scbasset"]["params"]["precision"] == "bf16-mixed"


def test_training_twice_in_one_fresh_process_gives_the_same_bits(tiny, tmp_path):
    """Scoring must not change torch's number of threads on the way, as numba's thread pool once did."""
    tiny.write_h5ad(tmp_path / "tiny.h5ad")
    code = """
import sys, anndata as ad, scbasset_tl as sb, torch
sb.settings.verbosity = 0
runs, threads = [], torch.get_num_threads()
for _ in range(2):
    adata = ad.read_h5ad(sys.argv[1])
    sb.tl.scbasset(adata, trunk=4, n_latent=6, max_epochs=2, batch_size=32)
    runs.append(adata.obsm["X_scbasset"].tobytes())
print(runs[0] == runs[1], threads == torch.get_num_threads())
"""
    out = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "tiny.h5ad"], capture_output=True, text=True, check=True
    )
    assert out.stdout.split() == ["True", "True"]
