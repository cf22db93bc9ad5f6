"""tl.scbasset with index_file, and io.write_model: what they refuse. Cases are as in test_scbasset.py."""

import errno
from types import SimpleNamespace

import anndata as ad
import h5py
import numpy as np
import pytest

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "batch_size": 32, "accelerator": "cpu"}


def train(name="cells.index"):
    """Training with an index file in the folder of the case."""
    return lambda world: sb.tl.scbasset(world.data, **SMALL, index_file=world.folder / name)


def built(world):
    sb.tl.scbasset(world.data.copy(), **SMALL, index_file=world.folder / "cells.index")


def damaged(change):
    """An index file whose bytes ``change`` spoiled."""

    def make(world):
        built(world)
        path = world.folder / "cells.index"
        path.write_bytes(change(path.read_bytes()))

    return make


def then(change):
    """An index file, and data that are not those of the file any more."""

    def make(world):
        built(world)
        return change(world.data)

    return make


def moved(data):
    """One cell's entries at other peaks, as many as before."""
    counts = data.X.toarray()
    counts[30] = np.roll(counts[30], 1)
    data.X = type(data.X)(counts)


def negative(world):
    world.data.X = -world.data.X


def full(world):
    world.patch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=100))


def no_locks(world):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    world.patch.setattr("fcntl.flock", flock)


def empty_cells(world):
    counts = world.data.X.toarray()
    counts[[1, 4]] = 0
    world.data.X = type(world.data.X)(counts)


NAME = "index_file='"
AGAIN = ["Delete it", "builds it again"]
OTHER = "is of another matrix than adata.X: "
INDEX = [
    ("`index_file=3`", None, lambda w: sb.tl.scbasset(w.data, **SMALL, index_file=3), TypeError,
     "index_file must be a path, got 3"),
    ("a folder that is not there", None, train("no/cells.index"), FileNotFoundError, NAME, "does not exist"),
    ("a folder for a file", None, train(""), IsADirectoryError, NAME, "is a folder"),
    ("a disk without room for it", full, train(), OSError, NAME, "would take 0.0 MB", "0.0 MB left", "another disk"),
    ("a file system without locks", no_locks, train(), OSError, NAME, "has no locks", "a file on a local disk"),
    ("some other file", lambda w: w.file("cells.index", "chr1\t0\t300") and None, train(), ValueError, NAME,
     "no index file of scbasset_tl", "another file"),
    ("a file that was cut", damaged(lambda content: content[:-100]), train(), ValueError, NAME, "bytes", *AGAIN),
    ("a header that was cut", damaged(lambda content: content[:50]), train(), ValueError, "header cannot be read", *AGAIN),
    ("a byte that changed", damaged(lambda content: content[:-1] + b"\x07"), train(), ValueError, "checksum", *AGAIN),
    ("a file of a later version", damaged(lambda content: content.replace(b'"version": 1', b'"version": 9')), train(),
     ValueError, "a later scbasset_tl"),
    ("a file of more cells", then(lambda data: data[:50].copy()), train(), ValueError, OTHER, "60 × 90", "50 × 90"),
    ("a file of the same cells in another order", then(lambda data: data[::-1].copy()), train(), ValueError, OTHER,
     "another indptr"),
    ("a file of other entries", then(moved), train(), ValueError, OTHER, "other open entries", "Delete it"),
    ("negative values, before there is a file", negative, train(), ValueError, "negative", "in cell 'cell0'"),
    ("empty cells, before there is a file", empty_cells, train(), ValueError, "2 cells without an open peak"),
]  # fmt: skip


def trained(change=lambda world: None):
    """Data with a model, the file they came from, and what ``change`` makes of either."""

    def make(world):
        world.data.write_h5ad(world.folder / "cells.h5ad")
        world.data = world.trained()
        return change(world)

    return make


def write(name="cells.h5ad", **arguments):
    return lambda world: sb.io.write_model(world.data, world.folder / name, **arguments)


def renamed(world):
    world.data.obs_names = [*world.data.obs_names[:-1], "nobody"]


def open_elsewhere(world):
    world.other = h5py.File(world.folder / "cells.h5ad")


WRITE = [
    ("no model", lambda w: w.data.write_h5ad(w.folder / "cells.h5ad"), write(), KeyError, "no trained model"),
    ("a file that is not there", trained(), write("peaks.h5ad"), FileNotFoundError, "no such file"),
    ("a file of something else", trained(lambda w: w.file("a.bed", "chr1\t0\t300") and None), write("a.bed"), ValueError,
     "neither an h5ad or h5mu file nor a zarr store"),
    ("a folder of something else", trained(), write(""), ValueError, "is a folder, but no zarr store"),
    ("a file of more cells", trained(lambda w: w.data[:50].copy()), write(), ValueError, "has 60 cells, data has 50"),
    ("a file of other peaks", trained(lambda w: w.data[:, ::-1].copy()), write(), ValueError,
     "other peaks than data in 90 places"),
    ("a file of cells by other names", trained(renamed), write(), ValueError, "'cell59' for 'nobody'"),
    ("a file that is open elsewhere", trained(open_elsewhere), write(), BlockingIOError, "cannot be written", "Close it there"),
    ("a disk that is full", trained(full), write(), OSError, "the model in", "0.0 MB left", "make room"),
    ("`key` without a model", trained(), write(key="mine"), KeyError, "uns['mine']", "models here: ['scbasset']"),
]  # fmt: skip

CASES = {"tl.scbasset: the index file": INDEX, "io.write_model": WRITE}


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, world, section, case):
    refused(section, *case)
    assert [file.name for file in world.folder.glob("cells.index.*")] == []
    if section == "io.write_model" and (world.folder / "cells.h5ad").exists():
        if hasattr(world, "other"):
            world.other.close()
        assert list(ad.read_h5ad(world.folder / "cells.h5ad").obsm) == []


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
