"""tl.scbasset: what it refuses. A case is (what is wrong, how it is made, the call, error, words of the message)."""

import errno
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import scbasset_tl as sb

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 2, "batch_size": 32, "accelerator": "cpu"}


def taken(world):
    world.data.obsm["mine"], world.data.varm["mine"] = np.ones((60, 3)), np.ones((90, 2))
    world.data.uns["mine"], world.data.obs["mine_bias"] = "something", "else"


def train(**arguments):
    """The call with these arguments; those of a path are in the folder of the case."""

    def call(world):
        files = ("checkpoint", "warm_start", "index_file")
        given = {
            name: world.folder / value if name in files and isinstance(value, str) else value
            for name, value in arguments.items()
        }
        sb.tl.scbasset(world.data, **{**SMALL, **given})

    return call


def codes(change):
    """Sequences that ``change`` spoiled."""
    return lambda world: world.data.varm.__setitem__("dna_code", change(world.data.varm["dna_code"]))


def put(value, row=3, column=5):
    """A copy of an array with one value replaced."""

    def change(array):
        array = array.astype(np.result_type(array, np.min_scalar_type(value)))
        array[row, column] = value
        return array

    return change


def matrix(change):
    """A dense matrix that ``change`` spoiled."""
    return lambda world: setattr(world.data, "X", change(world.data.X.toarray()))


def column(table, name, values):
    """A column of obs or var."""

    def make(world):
        frame = getattr(world.data, table)
        frame[name] = values

    return make


def without_sequences(world):
    del world.data.varm["dna_code"]


def as_for_scvi_tools(world):
    """Peaks × cells with the codes in obsm."""
    frame = pd.DataFrame(world.data.varm["dna_code"], index=world.data.var_names)
    other = ad.AnnData(world.data.X.T.tocsr(), obs=world.data.var, var=world.data.obs)
    other.obsm["dna_code"] = frame
    return other


def mudata(**names):
    """A MuData whose modalities carry these names."""

    def make(world):
        rna = ad.AnnData(np.ones((60, 4), dtype=np.float32), obs=pd.DataFrame(index=world.data.obs_names))
        return md.MuData({names["rna"]: rna, names["atac"]: world.data})

    return make


def no_matrix(world):
    return ad.AnnData(obs=world.data.obs, var=world.data.var, varm=dict(world.data.varm))


def split(**sizes):
    return column("var", "split", np.repeat(list(sizes), list(sizes.values())))


def negative_layer(world):
    world.data.layers["counts"] = -world.data.X


def a_view(world):
    world.data.varm["dna_code"][4, 7] = 9
    return world.data[:50, 2:]


def several(counts):
    counts[3, 5], counts[7, 9], counts[7, 10] = -1, np.nan, np.inf
    return counts


def empty_cells(counts):
    counts[[1, 4, 9, 11]] = 0
    return counts


CELL_3 = ["the first is", "in cell 'cell3', peak 'chr1:5000-5300'", "layer="]
DATA = [
    ("no sequences", without_sequences, train(), KeyError, "varm['dna_code']", "pp.add_sequences"),
    ("peaks × cells, codes in `obsm`, as scvi-tools wants them", as_for_scvi_tools, train(), KeyError,
     "varm['dna_code']", "obsm['dna_code'] is there", "adata.T.copy()"),
    ("letters instead of codes", codes(lambda x: np.array(list("ACGTN"))[x]), train(), ValueError,
     "varm['dna_code']", "<U1", "pp.add_sequences"),
    ("a code of 5", codes(put(5)), train(), ValueError, "1 of 17280 values outside 0 to 4", "5 in peak", "position 5"),
    ("a code of -1", codes(put(-1)), train(), ValueError, "1 of 17280 values outside 0 to 4", "-1 in peak", "pp.add_sequences"),
    ("codes as fractions", codes(lambda x: x / 2), train(), ValueError, "float", "whole numbers", "pp.add_sequences"),
    ("one-hot instead of codes", codes(lambda x: np.eye(5, dtype=np.uint8)[x]), train(), ValueError,
     "(90, 192, 5)", "(n_vars, seq_len)"),
    ("nothing but N", codes(lambda x: np.full_like(x, 4)), train(), ValueError, "varm['dna_code']", "nothing but N"),
    ("no bases at all", codes(lambda x: x[:, :0]), train(), ValueError, "seq_len", "got 0"),
    ("a length that the pooling does not divide", codes(lambda x: np.tile(x, 8)[:, :1500]), train(), ValueError,
     "seq_len=1500", "pp.add_sequences(..., seq_len=1536)"),
    ("no matrix", no_matrix, train(), ValueError, "adata.X is None", "layer="),
    ("a layer that is not there", None, train(layer="counts"), KeyError, "no layer 'counts'", "layer=None"),
    ('`layer="X"`', None, train(layer="X"), KeyError, "no layer 'X'", "layer=None for adata.X"),
    ('`layer=["counts"]`', None, train(layer=["counts"]), ValueError, "layer", "['counts']"),
    ("negative values in the layer", negative_layer, train(layer="counts"), ValueError,
     "adata.layers['counts'] has", "negative", "in cell 'cell0'"),
    ("a negative value", matrix(put(-1.0)), train(), ValueError, "adata.X has 1 negative", *CELL_3),
    ("NaN", matrix(put(np.nan)), train(), ValueError, "NaN values", *CELL_3),
    ("an infinite value", matrix(put(np.inf)), train(), ValueError, "infinite", *CELL_3),
    ("several kinds of bad value", matrix(several), train(), ValueError, "adata.X has 3 negative, infinite or NaN", *CELL_3),
    ("complex numbers", matrix(lambda x: x.astype(complex)), train(), ValueError, "adata.X has dtype complex128"),
    ("text for numbers", matrix(lambda x: x.astype(str)), train(), ValueError, "adata.X has dtype <U32", ".astype"),
    ("all zero", matrix(lambda x: 0 * x), train(), ValueError, "60 cells without an open peak", "filter_cells"),
    ("empty cells", matrix(empty_cells), train(), ValueError, "4 cells without an open peak",
     "['cell1', 'cell4', 'cell9']", "filter_cells"),
    ("no zeros, as in imputed data", matrix(lambda x: x + 0.1), train(), ValueError, "adata.X", "imputed", "layer="),
    ("no peaks", lambda w: w.data[:, :0].copy(), train(), ValueError, "60 cells and 0 peaks"),
    ("no cells", lambda w: w.data[:0].copy(), train(), ValueError, "0 cells and 90 peaks"),
    ("one cell", lambda w: w.data[:1].copy(), train(), ValueError, "1 cell;", "at least 2"),
    ("too few peaks to hold any out", lambda w: w.data[:, :30].copy(), train(), ValueError,
     "train 28, val 1, test 1", "pp.split_peaks"),
    ("one peak in a part of the split", split(train=70, val=1, test=19), train(), ValueError,
     "var['split'] has 1 val peak", "at least 2", "pp.split_peaks"),
    ("no training peaks", split(test=90), train(), ValueError, "0 train peak", "pp.split_peaks"),
    ("other labels in the split", split(train=70, validation=10, test=10), train(), ValueError,
     "var['split'] has values ['validation']", "['train', 'val', 'test']", "pp.split_peaks"),
    ("peaks without a part in the split", column("var", "split", ["train"] * 80 + ["test"] * 9 + [np.nan]), train(),
     ValueError, "var['split'] has values ['nan']", "pp.split_peaks"),
    ("a view, with a code of 9", a_view, train(), ValueError, "9 in peak 'chr1:4000-4300'"),
    ("a MuData whose modality has another name", mudata(rna="rna", atac="peaks"), train(), KeyError,
     "no modality 'atac'", "['rna', 'peaks']", "mod="),
    ("the wrong modality", mudata(rna="rna", atac="atac"), train(mod="rna"), KeyError, "varm['dna_code']", "mod="),
    ("a table", lambda w: pd.DataFrame(w.data.X.toarray()), train(), TypeError, "AnnData or a MuData", "DataFrame",
     "anndata.AnnData(matrix)"),
    ("a sparse matrix", lambda w: sp.csr_matrix(w.data.X), train(), TypeError, "csr_matrix", "anndata.AnnData(matrix)"),
    ("a path", lambda w: "atac.h5ad", train(), TypeError, "AnnData or a MuData", "str"),
]  # fmt: skip

WHOLE = "must be a whole number of at least"
SEED = ["rng must be a whole number from 0 to 4294967295", "Generator"]
NAME = "key_added must be a name without '/'"


def no_gpu(world):
    world.patch.setattr("torch.cuda.is_available", lambda: False)


def two_gpus(world):
    world.patch.setattr("torch.cuda.is_available", lambda: True)
    world.patch.setattr("torch.cuda.device_count", lambda: 2)


def in_a_script(world):
    world.patch.setattr("sys.argv", ["/home/train.py"])


def by_torchrun(world):
    """As one of two processes."""
    in_a_script(world)
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        world.patch.setenv(name, "2")
    world.patch.setenv("TORCHELASTIC_RUN_ID", "x")


def warm(**arguments):
    """A call that starts from the trunk of another model, in the same data or in a file."""

    def call(world):
        start = sb.tl.scbasset(world.data, **SMALL, copy=True)
        sb.tl.scbasset(world.data, **{**SMALL, "trunk": None, **arguments}, warm_start=start)

    return call


def shorter(world):
    """Sequences of another length than those of the trunk in ``run``."""
    a_trunk(world)
    world.data.varm["dna_code"] = np.tile(world.data.varm["dna_code"], 2)


def a_damaged_trunk(world):
    a_trunk(world)
    path = world.folder / "run"
    path.write_bytes(path.read_bytes()[:-100])


def batches(*values):
    """A column of batches, these values in turn."""
    return column("obs", "batch", np.resize(np.array(values, dtype=object), 60))


ARGUMENTS = [
    ("`batch_key` that is no column", None, train(batch_key="donor"), KeyError, "no column 'donor'", "['kind', 'batch']"),
    ("`batch_key` with missing values", batches("x", "y", None), train(batch_key="batch"), ValueError,
     "obs['batch'] has no value for 20 cells"),
    ("`batch_key` of one batch", batches("x"), train(batch_key="batch"), ValueError, "one batch, ['x']", "leave"),
    ("`batch_key` with a batch for each cell", batches(*range(60)), train(batch_key="batch"), ValueError,
     "60 batches for 60 cells", "few categories"),
    ("`batch_key` names a column twice", None, train(batch_key=["batch", "batch"]), ValueError, "twice"),
    ("`batch_key=3`", None, train(batch_key=3), ValueError, "batch_key must be text, got 3"),
    ('`recipe="quick"`', None, train(recipe="quick"), ValueError, "recipe", "'fast'", "'paper'", "'quick'"),
    *((f"`max_epochs={value!r}`", None, train(max_epochs=value), ValueError, f"max_epochs {WHOLE} 1, got {value!r}")
      for value in (0, 2.5, True)),
    ("`batch_size=1`", None, train(batch_size=1), ValueError, f"batch_size {WHOLE} 2, got 1"),
    ("`n_latent=0`", None, train(n_latent=0), ValueError, f"n_latent {WHOLE} 1, got 0"),
    ("`patience=0`", None, train(patience=0), ValueError, f"patience {WHOLE} 1, got 0"),
    *((f"`lr={value!r}`", None, train(lr=value), ValueError, f"lr must be a finite number above 0, got {value!r}")
      for value in (0, -0.1, float("nan"))),
    ("a learning rate at which training explodes, `lr=1e30`", None, train(lr=1e30), FloatingPointError,
     "loss became nan in epoch 1", "lower lr (now 1e+30)"),
    ("`l2_cell=-1`", None, train(l2_cell=-1), ValueError, "l2_cell must be a finite number at least 0, got -1"),
    ("`l2_batch=inf`", None, train(l2_batch=np.inf), ValueError, "l2_batch must be a finite number", "inf"),
    *((f"`trunk={value!r}`", None, train(trunk=value), ValueError, f"trunk {WHOLE} 1, got {value!r}")
      for value in (0, "big")),
    ('`trunk={"width": 96}`', None, train(trunk={"width": 96}), ValueError, "trunk has ['width']", "'channels'"),
    ('`trunk={"channels": [32, 32]}`', None, train(trunk={"channels": [32, 32]}), ValueError, "channels=(32, 32)",
     "equally long"),
    ('`trunk={"dropout": 1.5}`', None, train(trunk={"dropout": 1.5}), ValueError, "dropout", "below 1, got 1.5"),
    *((f"`cells_per_step={value!r}`", None, train(cells_per_step=value), ValueError,
       f"cells_per_step {WHOLE} 2, got {value!r}") for value in (1, 2.5)),
    ("more `cells_per_step` than cells", None, train(cells_per_step=61), ValueError, "cells_per_step=61", "60 cells"),
    ("`warm_start=3`", None, train(warm_start=3), TypeError, "warm_start must be a path, got 3"),
    ("`warm_start` with a file that is not there", None, train(warm_start="no"), FileNotFoundError, "warm_start=",
     "no such file"),
    ("`warm_start` with a damaged file", a_damaged_trunk, train(warm_start="run"), ValueError, "warm_start=", "run' is damaged",
     "io.write_trunk"),
    ("`warm_start` with the file of a whole data set", None, train(warm_start="other.h5ad"), ValueError,
     "other.h5ad' is a whole data set", "pass what you get"),
    ("`warm_start` with data that have no model", None, lambda w: train(warm_start=w.data)(w), KeyError,
     "uns['scbasset'] holds no trained model"),
    ("`warm_start` with another `n_latent`", None, warm(n_latent=5), ValueError, "warm_start is a trunk of another shape",
     "n_latent: 6 there, 5 wanted"),
    ("`warm_start` with another `trunk`", None, warm(trunk=8), ValueError, "another shape", "channels: [4, 4, "),
    ("`warm_start` with sequences of another length", shorter, train(warm_start="run", trunk=None), ValueError,
     "seq_len: 192 there, 384 wanted", "pp.add_sequences"),
    ("`index_file=3`", None, train(index_file=3), TypeError, "index_file must be a path, got 3"),
    ("`index_file` in a folder that is not there", None, train(index_file="no/index"), FileNotFoundError, "index_file=",
     "does not exist"),
    ('`accelerator="tpu"`', None, train(accelerator="tpu"), ValueError, "accelerator", "'cpu'", "'tpu'"),
    ('`accelerator="cuda"` without one', no_gpu, train(accelerator="cuda"), ValueError, "accelerator='cuda'", "'auto'"),
    *((f"`{name}={value!r}`", None, train(**{name: value}), ValueError, f"{name} {WHOLE} 1, got {value!r}")
      for name, value in (("devices", 0), ("devices", "auto"), ("num_nodes", 1.5))),
    ("more `devices` than there are", two_gpus, train(accelerator="cuda", devices=3), ValueError,
     "devices=3: torch finds 2 on this node"),
    ("`devices=2` in a notebook or a plain script", in_a_script, train(devices=2), ValueError, "this is one alone",
     "torchrun --nproc-per-node=2 train.py"),
    ("`num_nodes=2` in a notebook or a plain script", in_a_script, train(devices=4, num_nodes=2), ValueError,
     "need 8 processes", "torchrun --nnodes=2", "--nproc-per-node=4 train.py"),
    ("other `devices` than `torchrun` started", by_torchrun, train(devices=4), ValueError, "make 4 processes, but torchrun "
     "started 2, 2 on this node"),
    ("`torchrun` with one device asked for", by_torchrun, train(), ValueError, "make 1 processes, but torchrun started 2"),
    *((f'`precision="{value}"`', None, train(precision=value), ValueError, "precision must be one of", "32-true", value)
      for value in ("64-bit", "16-mixed")),
    ('`average="both"`', None, train(average="both"), ValueError, "['none', 'strands', 'strands_shifts']"),
    *((f"`rng={value!r}`", None, train(rng=value), ValueError, *SEED, repr(value)) for value in ("a", -1, 1.5)),
    *((f"`key_added={value!r}`", None, train(key_added=value), ValueError, NAME, repr(value))
      for value in ("", "a/b", 3)),
    ("`key_added` whose slots are taken", taken, train(key_added="mine"), ValueError, "uns['mine'] is there already",
     "choose another key_added"),
    ('`key_added="dna_code"`', None, train(key_added="dna_code"), ValueError, "key_added='dna_code'", "another name"),
    ('`key_added="tf_activity"`', None, train(key_added="tf_activity"), ValueError, "key_added='tf_activity'", "another name"),
]  # fmt: skip


def finished(world, **changes):
    """Train a copy, with its checkpoint in ``run``."""
    sb.tl.scbasset(world.data.copy(), **{**SMALL, **changes}, checkpoint=world.folder / "run")


def cut(world):
    finished(world)
    path = world.folder / "run"
    path.write_bytes(path.read_bytes()[:-100])


def other_counts(world):
    finished(world)
    world.data.X = world.data.X[::-1].copy()


def a_trunk(world):
    trained = sb.tl.scbasset(world.data, **SMALL, copy=True)
    sb.io.write_trunk(trained, world.folder / "run")


def interrupt(world):
    """Ctrl-C in the middle of the second epoch."""
    import scbasset_tl.train.loop as loop

    original = loop._optimizer_step

    def step(state, *rest):
        if state.epoch == 1:
            raise KeyboardInterrupt
        original(state, *rest)

    world.patch.setattr(loop, "_optimizer_step", step)


go_on = train(checkpoint="run", resume=True)
ANOTHER = "the checkpoint belongs to another run"
CHECKPOINTS = [
    ("`resume=True` without a checkpoint", None, train(resume=True), ValueError, "resume=True needs checkpoint="),
    ("`checkpoint=3`", None, lambda w: sb.tl.scbasset(w.data, checkpoint=3), TypeError, "checkpoint must be a path"),
    ("a checkpoint that exists, without `resume`", finished, train(checkpoint="run"), FileExistsError, "resume=True"),
    ("a checkpoint in a folder that is not there", None, train(checkpoint="no/run"), FileNotFoundError,
     "checkpoint=", "does not exist"),
    ("a checkpoint that is a folder", None, train(checkpoint=""), IsADirectoryError, "checkpoint=", "is a folder"),
    ("resuming from a file that is not there", None, go_on, FileNotFoundError, "nothing to resume", "resume=False"),
    ("a checkpoint of other arguments", finished, train(checkpoint="run", resume=True, lr=0.05), ValueError, ANOTHER,
     "(lr: saved 0.02, now 0.05)"),
    ("a checkpoint of another seed", finished, train(checkpoint="run", resume=True, rng=5), ValueError, ANOTHER,
     "seed: saved 0, now 5"),
    ("a checkpoint of other cells in a step", finished, train(checkpoint="run", resume=True, cells_per_step=20), ValueError,
     ANOTHER, "cells_per_step: saved None, now 20"),
    ("a checkpoint of other data", other_counts, go_on, ValueError, ANOTHER, "data: other sequences, matrix"),
    ("a truncated checkpoint", cut, go_on, ValueError, "checkpoint=", "not a whole safetensors file", "delete it"),
    ("a file that is no checkpoint", lambda w: w.file("run", "hello") and None, go_on, ValueError, "not a whole"),
    ("the file of a trunk for a checkpoint", a_trunk, go_on, ValueError, "not written by scbasset_tl", "another path"),
    ("a checkpoint that may not be written", lambda w: w.fail_to_write(errno.EACCES), train(checkpoint="run"),
     PermissionError, "checkpoint=", "cannot be written: Permission denied"),
    ("a file system that is read-only", lambda w: w.fail_to_write(errno.EROFS), train(checkpoint="run"), OSError,
     "checkpoint=", "cannot be written: Read-only file system"),
    ("one file for `checkpoint` and `index_file`", None, train(checkpoint="run", index_file="run"), ValueError,
     "name the same file", "give each its own"),
    ("a checkpoint in the way of `index_file`", None, train(checkpoint="run.partial", index_file="run"), ValueError,
     "name the same file", "give each its own"),
    ("a learning rate at which training explodes, with a checkpoint", None, train(lr=1e30, checkpoint="run"),
     FloatingPointError, "lower lr (now 1e+30), and name another checkpoint"),
    ("a disk that is full after the first epoch", lambda w: w.fail_to_write(errno.ENOSPC, after=1),
     train(checkpoint="run"), OSError, "checkpoint=", "cannot be written: No space left on device"),
    ("Ctrl-C in the second epoch", interrupt, train(checkpoint="run"), KeyboardInterrupt),
]  # fmt: skip

CASES = {
    "tl.scbasset: the data": DATA,
    "tl.scbasset: arguments": ARGUMENTS,
    "tl.scbasset: checkpoints and interruption": CHECKPOINTS,
}
# as measured with scvi-tools 1.4.2
TORCHMETRICS = "fails in the middle of training, in torchmetrics"
SCVI_TOOLS = {
    "no sequences": 'KeyError: "dna_code not found in adata.obsm"',
    "letters instead of codes": "TypeError: '<' between str and int",
    "a code of 5": '"Class values must be smaller than num_classes", which N (4) gives as well',
    "a code of -1": '"Class values must be non-negative"',
    "a length that the pooling does not divide": "1,500 bp are taken without a word; 1,000 bp give "
    '"mat1 and mat2 shapes cannot be multiplied"',
    "a negative value": TORCHMETRICS,
    "several kinds of bad value": TORCHMETRICS,
    "all zero": "trains without a word",
    "empty cells": "trains without a word",
}


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    refused(section, *case, peer=SCVI_TOOLS.get(case[0]))


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)


def test_a_resumed_run_follows_every_interruption_that_left_a_checkpoint(world):
    interrupt(world)
    with pytest.raises(KeyboardInterrupt):
        train(checkpoint="run")(world)
    world.patch.undo()
    world.fail_to_write(errno.ENOSPC, after=1)
    with pytest.raises(OSError, match="No space left"):
        go_on(world)
    world.patch.undo()
    whole = sb.tl.scbasset(world.data, **SMALL, copy=True)
    go_on(world)
    np.testing.assert_array_equal(world.data.obsm["X_scbasset"], whole.obsm["X_scbasset"])
    assert [path.name for path in Path(world.folder).iterdir()] == ["run"]
