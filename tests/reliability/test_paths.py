"""Paths that are no file: pipes, devices, links in a circle, half a file; and results that no reader would take."""

import os

import numpy as np
import pytest

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "batch_size": 32, "accelerator": "cpu"}


@pytest.fixture(scope="module")
def models():
    """The same data with a model and with another."""
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    return [sb.tl.scbasset(data, **SMALL, rng=number, copy=True) for number in (0, 1)]


WRITERS = {
    "write_fasta": lambda model, path: sb.io.write_fasta({"a": "ACGT"}, path),
    "write_trunk": sb.io.write_trunk,
    "write_keras_weights": sb.io.write_keras_weights,
    "toy_genome": lambda model, path: sb.datasets.toy_genome(path, n_vars=20),
    "checkpoint": lambda model, path: sb.tl.scbasset(model.copy(), **SMALL, key_added="b", checkpoint=path),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("verb", WRITERS)
def test_pipes_and_devices_are_not_replaced(models, tmp_path, verb, linked):
    """A pipe stands for all that is neither file nor folder. No test names a device: root would replace it."""
    path = pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if linked:
        path = tmp_path / "link"
        path.symlink_to(pipe)
    with pytest.raises(FileExistsError, match="is a device, a pipe or a socket, which is not replaced"):
        WRITERS[verb](models[0], path)
    assert pipe.is_fifo()
    assert {each.name for each in tmp_path.iterdir()} == {"pipe"} | ({"link"} if linked else set())


def test_links_in_a_circle_are_named(models, tmp_path):
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    sb.tl.scembed(data, n_latent=4, max_epochs=1)
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    writes = (lambda path: sb.io.write_fasta({"a": "ACGT"}, path), lambda path: sb.io.write_scembed(data, path))
    for write in (*writes, lambda path: sb.io.write_model(models[0], path), sb.io.read_scembed):
        with pytest.raises(OSError, match="a'"):
            write(tmp_path / "a")
    assert (tmp_path / "a").is_symlink()


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_file_that_was_not_written_to_its_end_is_named(models, tmp_path, share):
    path = tmp_path / "cells.h5ad"
    models[0].write_h5ad(path)
    half = path.read_bytes()[: int(path.stat().st_size * share)]
    path.write_bytes(half)
    with pytest.raises(ValueError, match=r"cells\.h5ad' is damaged or was not written to its end"):
        sb.io.write_model(models[1], path)
    assert path.read_bytes() == half


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("verb", ["write_scembed", "write_geniml"])
def test_vectors_that_no_reader_takes_are_not_written(tmp_path, verb, value):
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    sb.tl.scembed(data, n_latent=4, max_epochs=1)
    data.varm["scembed"][3, 0] = value
    with pytest.raises(ValueError, match="the vectors of 1 of 90 regions are NaN or infinite, first 'chr"):
        getattr(sb.io, verb)(data, tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("lr", [1e10, 1e20])
def test_a_diffusion_that_diverges_names_its_rate(lr):
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    with pytest.raises(FloatingPointError, match="lower (its )?lr"):
        sb.tl.atac_diff(data, space="ae", hidden=8, max_steps=3, lr=lr, accelerator="cpu", rng=0)
    assert "atac_diff" not in data.uns
