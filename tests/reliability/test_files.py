"""What writers replace and what they do not, and damage in our own files; ``test_gauntlet.py`` kills them."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl._files import beside, check_own, clear_stale, replacing
from scbasset_tl._folders import replacing_folder, restore

N = int(os.environ.get("SCBASSET_TL_LONG", "60"))
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
    of_the_user = tmp_path / ".x.h5.old.scbtmp"
    for file in (own, dead, other, of_the_user):
        file.write_text("half")
    clear_stale(path)
    assert (own.exists(), dead.exists(), other.exists(), of_the_user.exists()) == (True, False, True, True)


def test_threads_that_write_on_after_an_interrupt_leave_no_folder(tmp_path):
    """As those of zarr do, which make the folders that they miss."""

    def write_on(folder):
        for number in range(20):
            (folder / f"{number}").mkdir(parents=True, exist_ok=True)
            time.sleep(0.01)

    def interrupted():
        with replacing_folder(tmp_path / "a", None) as folder:
            threads.append(threading.Thread(target=write_on, args=(folder,)))
            threads[0].start()
            raise KeyboardInterrupt

    threads = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    threads[0].join()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["cells[1].zarr", "x" * 160 + ".zarr"])
def test_a_folder_that_a_killed_call_had_put_aside(tmp_path, name):
    path = tmp_path / name
    aside = beside(path, "-aside")
    aside.mkdir()
    (aside / "array").write_text("whole")
    restore(path)
    assert (path / "array").read_text() == "whole"


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


@pytest.mark.parametrize("kind", ["trunk", "scembed", "checkpoint", "tokens", "keras"])
def test_a_flipped_bit_is_seen(models, tmp_path, kind):
    from scbasset_tl.nn.keras_layout import read_weights
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
    elif kind == "tokens":
        pytest.importorskip("pyarrow")
        file = tmp_path / "t.parquet"
        sb.io.write_tokens(models[0], file)
        found = lambda: {"tokens": sb.io.read_tokens(file, n_regions=90).toarray()}
        whole = found()
    elif kind == "keras":
        file = tmp_path / "w.h5"
        sb.io.write_keras_weights(models[0], file)
        found = lambda: dict(read_weights(file).trunk)
        whole = found()
    else:
        file = tmp_path / "run"
        sb.tl.scbasset(sb.datasets.toy(n_obs=60, n_vars=90), **SMALL, checkpoint=file)
        found = lambda: dict(load_checkpoint(file).tensors)
        whole = found()
    refused, blob = 0, file.read_bytes()
    for mutant in mutants(blob, N):
        file.write_bytes(mutant)
        try:
            values = found()
        except ValueError:
            refused += 1
            continue
        assert all(np.array_equal(np.asarray(values[name]), np.asarray(array)) for name, array in whole.items())
    print(kind, refused)
    assert refused


def test_relative_names_after_a_change_of_folder(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(models[0], Path("cells.h5ad"))
    backed = ad.read_h5ad("cells.h5ad", backed="r")
    sb.tl.scbasset(backed, **SMALL, rng=5)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="no such file"):
        sb.io.write_model(backed, "cells.h5ad")
    with pytest.raises(ValueError, match="is the file that data are read from"):
        sb.tl.denoise(backed, path="../cells.h5ad")
    sb.io.write_model(backed, "../cells.h5ad")
    assert backed.X[:3].shape == (3, 90)  # open again
    backed.file.close()
    assert is_model(read(tmp_path / "cells.h5ad"), backed)


def test_genomes_and_compressed_files_of_others_are_kept(tmp_path):
    genome, packed = tmp_path / "hg38.fa", tmp_path / "a.fa.gz"
    genome.write_text(">chr1\nACGT\n>chr10\nACGT\n")
    packed.write_bytes(gzip.compress(b"a table"))
    for write, path in ((sb.datasets.toy_genome, genome), (lambda path: sb.genome.bgzip(genome, path), packed)):
        before = path.read_bytes()
        with pytest.raises(FileExistsError, match="is not replaced"):
            write(path)
        assert path.read_bytes() == before
    for _ in range(2):  # its own is replaced
        sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=20)
        sb.genome.bgzip(genome, tmp_path / "b.fa.gz")


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_the_command_line_replaces_data_only(models, tmp_path, suffix, capsys):
    from scbasset_tl._cli import main

    written(models[0], tmp_path / "data.h5ad")
    out = tmp_path / f"out{suffix}"
    if suffix == ".zarr":
        out.mkdir()
        (out / "notes.txt").write_text("mine")
    else:
        out.write_text("mine")
    assert main(["train", str(tmp_path / "data.h5ad"), "none.fa", "-o", str(out)]) == 1
    assert "is not replaced" in capsys.readouterr().err
    assert ((out / "notes.txt") if suffix == ".zarr" else out).read_text() == "mine"


def test_atac_diff_writes_over_no_other_run(models, tmp_path, monkeypatch):
    from scbasset_tl.train import diffusion

    path, fit_check = tmp_path / "run", diffusion._check

    def check(*arguments):  # another run comes in between
        if not (tmp_path / "was").exists():
            (tmp_path / "was").touch()
            path.unlink()
            sb.tl.atac_diff(models[1].copy(), max_steps=5, checkpoint=path, rng=2, accelerator="cpu")
        fit_check(*arguments)

    monkeypatch.setattr(diffusion, "_check", check)
    with pytest.raises(FileExistsError, match=f"was written by process {os.getpid()} .* give each run a file"):
        sb.tl.atac_diff(models[0].copy(), max_steps=5, checkpoint=path, rng=1, accelerator="cpu")


def test_checkpoints_of_other_versions(tmp_path):
    from safetensors.torch import load_file, save_file

    from scbasset_tl.train.checkpoint import load_checkpoint

    data, path = sb.datasets.toy(n_obs=60, n_vars=90), tmp_path / "run"
    train = {**SMALL, "recipe": "paper", "rng": 1}
    whole = sb.tl.scbasset(data, **{**train, "max_epochs": 2}, copy=True)
    sb.tl.scbasset(data, **train, checkpoint=path, copy=True)
    tensors, meta = load_file(path), dict(load_checkpoint(path).meta)
    for later in ("writer", "threads"):  # the first version stored neither these nor a checksum
        del meta[later]
    save_file(tensors, path, {"format": "scbasset_tl checkpoint 1", "meta": json.dumps(meta)})
    sb.tl.scbasset(data, **{**train, "max_epochs": 2}, checkpoint=path, resume=True)
    np.testing.assert_array_equal(data.obsm["X_scbasset"], whole.obsm["X_scbasset"])
    for header in ({"format": "scbasset_tl checkpoint 2", "meta": json.dumps(meta)}, {"meta": "{}"}, {}):
        save_file(tensors, path, header)
        with pytest.raises(ValueError, match="run' was not written by"):
            sb.tl.scbasset(data, **train, checkpoint=path, resume=True)


@pytest.mark.parametrize("dtype", ["f2", ">f4", ">i2"])
def test_half_precision_and_foreign_byte_orders_train_alike(tmp_path, dtype):
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    sb.tl.scbasset(data, **SMALL, rng=1)
    for form in ("csr", "dense"):
        other = sb.datasets.toy(n_obs=60, n_vars=90)
        matrix = other.X.copy()
        matrix.data = matrix.data.astype(dtype)
        other.X = matrix if form == "csr" else other.X.toarray().astype(dtype)
        sb.tl.scbasset(other, **SMALL, rng=1, index_file=tmp_path / form)
        np.testing.assert_array_equal(other.obsm["X_scbasset"], data.obsm["X_scbasset"])
