"""Files after a kill, on a full disk and beside another writer; SCBASSET_TL_LONG=1 kills at every operation."""

import multiprocessing
import os
import resource
import subprocess
import sys
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl._files import beside, check_own, clear_stale, replacing

LONG = bool(os.environ.get("SCBASSET_TL_LONG"))
SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "batch_size": 32, "accelerator": "cpu"}
pytestmark = [
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata"),
]


@pytest.fixture(scope="module")
def models():
    """The same data with a model and with another."""
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    return [sb.tl.scbasset(data, **SMALL, rng=number, copy=True) for number in (0, 1)]


def written(data, path):
    (data.write_zarr if path.suffix == ".zarr" else data.write_h5ad)(path)
    return path


def read(path):
    return ad.read_zarr(path) if path.suffix == ".zarr" else ad.read_h5ad(path)


def is_model(found, model):
    same = [
        np.array_equal(getattr(found, field)[name], getattr(model, field)[name])
        for field, name in (("obsm", "X_scbasset"), ("obs", "scbasset_bias"), ("varm", "scbasset"))
    ]
    return all(same) and np.array_equal(found.uns["scbasset"]["weights"], model.uns["scbasset"]["weights"])


def leftovers(folder):
    return [file.name for file in folder.iterdir() if file.name.endswith(".scbtmp")]


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_killed_at_any_operation(models, tmp_path, kind):
    old, new = models
    target, results = written(old, tmp_path / f"cells.{kind}"), tmp_path / "results"
    model = written(new, tmp_path / "model.h5ad")
    results.mkdir()
    step = 1 if LONG else {"h5ad": 20, "zarr": 1200}[kind]
    script = Path(__file__).with_name("kill_at.py")
    done = subprocess.run(
        [sys.executable, script, model, target, results, str(step)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
    states, left = [], 0
    for folder in sorted(results.iterdir(), key=lambda folder: int(folder.name)):
        found = read(folder / target.name)
        np.testing.assert_array_equal(found.X.toarray(), old.X.toarray())
        states.append("old" if is_model(found, old) else "new" if is_model(found, new) else "neither")
        if leftovers(folder) and (LONG or not left):  # the next call clears it away
            left += 1
            sb.io.write_model(new, folder / target.name)
            assert leftovers(folder) == []
            assert is_model(read(folder / target.name), new)
    print(kind, done.stdout.strip(), {state: states.count(state) for state in set(states)}, "left:", left)
    assert "neither" not in states
    assert {"old", "new"} == set(states)
    assert left


def _limited(limit, call, send):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        call()
        send.put("written")
    except OSError as error:
        send.put(str(error))


@pytest.mark.parametrize("verb", ["denoise", "keras", "model"])
def test_a_full_disk_is_an_error_and_no_crash(models, tmp_path, verb):
    old, new = models
    path = tmp_path / {"denoise": "out.h5ad", "keras": "out.h5", "model": "cells.h5ad"}[verb]
    call = {
        "denoise": lambda: sb.tl.denoise(new, path=path),
        "keras": lambda: sb.io.write_keras_weights(new, path),
        "model": lambda: sb.io.write_model(new, path),
    }[verb]
    whole = tmp_path / "whole" / path.name
    whole.parent.mkdir()
    if verb == "model":
        written(old, path)
    context, answers = multiprocessing.get_context("fork"), []
    before = path.read_bytes() if path.exists() else None
    limits = np.linspace(100, 1 << 17, 60 if LONG else 8).astype(int).tolist()
    for limit in limits:
        send = context.SimpleQueue()
        child = context.Process(target=_limited, args=(limit, call, send))
        child.start()
        child.join(60)
        assert child.exitcode == 0, f"ended by {child.exitcode} at {limit} bytes"
        answers.append(send.get())
        if answers[-1] == "written":
            break
        assert str(path) in answers[-1]
        assert "left: make room" in answers[-1]
        assert (path.read_bytes() if path.exists() else None) == before
        assert leftovers(tmp_path) == []
    assert answers[0] != "written"


@pytest.mark.parametrize("verb", ["write_trunk", "write_keras_weights", "write_tokens"])
def test_the_data_are_not_replaced(models, tmp_path, verb):
    if verb == "write_tokens":
        pytest.importorskip("pyarrow")
    path = written(models[0], tmp_path / "atlas.h5ad")
    before = path.read_bytes()
    write = getattr(sb.io, verb)
    with pytest.raises(FileExistsError, match="is not replaced: name another file, or delete it"):
        write(models[0], path)
    with pytest.raises(FileExistsError, match="is not replaced"):
        sb.tl.denoise(models[0], path=path)
    assert path.read_bytes() == before
    own = tmp_path / "own.h5"
    write(models[0], own)
    write(models[1], own)  # its own is replaced


def test_a_second_writer_is_told(models, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    for kind in ("h5ad", "zarr"):
        path = written(models[0], tmp_path / f"cells.{kind}")
        handle = os.open(path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process writes it"):
            sb.io.write_model(models[1], path)
        os.close(handle)
        sb.io.write_model(models[1], path)
        assert is_model(read(path), models[1])


def test_temporaries_of_dead_processes_only(tmp_path):
    path = tmp_path / "x.h5"
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    own = beside(path)
    dead = own.with_name(own.name.replace(f"-{os.getpid()}-", f"-{child.pid}-"))
    other = own.with_name(own.name.replace(".x.h5.", ".y.h5.").replace(f"-{os.getpid()}-", f"-{child.pid}-"))
    for file in (own, dead, other):
        file.write_text("half")
    clear_stale(path)
    assert (own.exists(), dead.exists(), other.exists()) == (True, False, True)


def test_names_as_long_as_file_systems_allow(tmp_path):
    path = tmp_path / ("ä" * 120 + ".h5")
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert path.read_text() == "whole"


def test_only_what_is_known_is_replaced(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("notes")
    with pytest.raises(FileExistsError, match="is not a list"):
        check_own(path, lambda _: h5py.is_hdf5(path), "a list")


def mutants(blob, n):
    rng = np.random.default_rng(0)
    for at, bit in zip(rng.integers(len(blob), size=n), rng.integers(8, size=n), strict=True):
        changed = bytearray(blob)
        changed[at] ^= 1 << bit
        yield bytes(changed)


@pytest.mark.parametrize("kind", ["trunk", "scembed", "checkpoint"])
def test_a_flipped_bit_is_seen(models, tmp_path, kind):
    from scbasset_tl.train.checkpoint import load_checkpoint

    if kind == "trunk":
        file = tmp_path / "trunk.safetensors"
        sb.io.write_trunk(models[0], file)
        whole = sb.io.read_trunk(file).state_dict()
        found = lambda: sb.io.read_trunk(file).state_dict()
    elif kind == "scembed":
        data = sb.datasets.toy(n_obs=60, n_vars=90)
        sb.tl.scembed(data, n_latent=4, max_epochs=1)
        sb.io.write_scembed(data, tmp_path / "model")
        file = tmp_path / "model" / "model.safetensors"
        found = lambda: {"vectors": sb.io.read_scembed(tmp_path / "model").vectors}
        whole = found()
    else:
        file = tmp_path / "run"
        sb.tl.scbasset(sb.datasets.toy(n_obs=60, n_vars=90), **SMALL, checkpoint=file)
        found = lambda: dict(load_checkpoint(file).tensors)
        whole = found()
    refused, blob = 0, file.read_bytes()
    for mutant in mutants(blob, 1500 if LONG else 60):
        file.write_bytes(mutant)
        try:
            values = found()
        except ValueError:
            refused += 1
            continue
        assert all(np.array_equal(np.asarray(values[name]), np.asarray(array)) for name, array in whole.items())
    print(kind, refused)
    assert refused
