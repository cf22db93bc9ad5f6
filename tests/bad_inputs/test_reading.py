"""get, metrics, io and datasets: what they refuse. A case is (what is wrong, how it is made, the call, error, words)."""

import errno
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from changes import drop, put, trained
from scipy import sparse

import scbasset_tl as sb

REFERENCE = Path(__file__).parents[1] / "reference"


_BATCHES = []


def batched(*changes):
    """The same with a model that knows batches."""

    def make(world):
        if not _BATCHES:
            _BATCHES.append(sb.tl.scbasset(world.data, trunk=4, n_latent=6, max_epochs=1, batch_key="batch", copy=True))
        world.model = _BATCHES[0]
        return world.trained(*changes)

    return make


def entry(**changes):
    """The model's entry of uns with some of it replaced, or left out if ``None``."""

    def change(data):
        parts = {**data.uns["scbasset"], **changes}
        data.uns["scbasset"] = {name: value for name, value in parts.items() if value is not None}

    return change


def damaged(data):
    data.uns["scbasset"]["weights"] = data.uns["scbasset"]["weights"][:1000]


def same_peak_names(data):
    data.var_names = ["peak"] * data.n_vars


def not_finite(data):
    data.obsm["X_scbasset"][2:5, 1] = np.nan


def accessibility(**arguments):
    return lambda world: sb.get.accessibility(world.data, **arguments)


def model(**arguments):
    return lambda world: sb.get.model(world.data, **arguments)


def history(**arguments):
    return lambda world: sb.get.history(world.data, **arguments)


def report(**arguments):
    return lambda world: sb.get.report(world.data, **arguments)


def from_keras(world):
    """Weights that were read from a file, without sequences."""
    data = world.data[:6].copy()
    sb.tl.load_keras_weights(data, REFERENCE / "keras_plain.h5")
    return data


NO_MODEL = ["uns['scbasset'] holds no trained model", "tl.scbasset"]
RANDOM = "silently returns a random initialisation (get_latent_representation)"
GET = [
    ("`get.accessibility` before training", None, accessibility(), KeyError, *NO_MODEL),
    ("`get.model` before training", None, model(), KeyError, *NO_MODEL),
    ("`get.history` before training", None, history(), KeyError, *NO_MODEL),
    ("`get.report` before training", None, report(), KeyError, *NO_MODEL),
    ("`pl.history` before training", None, lambda w: sb.pl.history(w.data, show=False), KeyError, *NO_MODEL),
    ("another `key`", trained(), accessibility(key="mine"), KeyError, "uns['mine']", "models here: ['scbasset']"),
    ("a `key` of something else", trained(put("uns", "pca", {"variance": 3})), model(key="pca"), KeyError, "uns['pca']"),
    ("a `key` of a number", trained(put("uns", "n", 3)), accessibility(key="n"), KeyError, "uns['n'] holds no"),
    ("`key=3`", trained(), accessibility(key=3), ValueError, "key must be text, got 3"),
    ("cell vectors are gone", trained(drop("obsm", "X_scbasset")), accessibility(), KeyError, "obsm['X_scbasset']",
     "tl.scbasset"),
    ("cell biases are gone", trained(drop("obs", "scbasset_bias")), accessibility(), KeyError, "obs['scbasset_bias']"),
    ("peak vectors are gone", trained(drop("varm", "scbasset")), accessibility(), KeyError, "no peak embeddings 'scbasset'",
     "tl.scbasset again"),
    ("weights were read without sequences", from_keras, accessibility(), KeyError, "pp.add_sequences", "tl.load_keras"),
    ("weights were read, there was no training", from_keras, history(), KeyError, "no history", "read from a file"),
    ("cell vectors of another model", trained(put("obsm", "X_scbasset", np.ones((60, 4)))), accessibility(), ValueError,
     "obsm['X_scbasset'] and varm['scbasset'] have different widths [4, 6]"),
    ("weights are gone", trained(entry(weights=None)), model(), KeyError, "uns['scbasset'] lacks ['weights']", "tl.scbasset"),
    ("weights are cut", trained(damaged), model(), ValueError, "uns['scbasset']['weights']", "damaged",
     "tl.scbasset"),
    ("a model of a later version", trained(entry(schema_version=99)), accessibility(), ValueError, "schema 99", "update"),
    ('`scale="probability"`', trained(), accessibility(scale="probability"), ValueError, "['logit', 'sigmoid']"),
    ('`average="both"`', trained(), accessibility(average="both"), ValueError, "['none', 'strands', 'strands_shifts']"),
    ("another `average` without sequences", trained(drop("varm", "dna_code")), accessibility(average="none"), KeyError,
     "varm['dna_code'] is missing", "pp.add_sequences"),
    ("cells that are not there", trained(), accessibility(obs=["cell1", "nobody", "none"]), KeyError,
     "obs: 2 of 3 names", "['nobody', 'none']"),
    ("a peak that is not there", trained(), accessibility(var="chr9:1-2"), KeyError, "var: 1 of 1 names", "chr9:1-2"),
    ("a position past the end", trained(), accessibility(obs=[3, 99]), KeyError, "obs: position 99", "60"),
    ("positions as fractions", trained(), accessibility(obs=[1.5]), ValueError, "obs must be names, positions", "[1.5]"),
    ("a mask of another length", trained(), accessibility(obs=[True] * 3), ValueError, "obs: the mask has 3", "60"),
    ("a mask in another order", trained(), lambda w: sb.get.accessibility(w.data, obs=(w.data.obs["kind"] == "a")[::-1]),
     ValueError, "obs: the mask's index is not data.obs_names", "mask.loc[data.obs_names]"),
    ("a name of several peaks", trained(same_peak_names), accessibility(var="peak"), ValueError, "var_names repeat"),
    ("a batch that the model does not know", batched(put("obs", "batch", ["x", "z"] * 30)),
     accessibility(normalize_depth=False), ValueError, "obs['batch'] has batches ['z']", "['x', 'y']"),
    ("the batch column is gone", batched(drop("obs", "batch")), accessibility(normalize_depth=False),
     KeyError, "obs['batch']"),
    ("`groupby` that is no column", trained(), model(groupby="cell_type"), KeyError, "no column 'cell_type'", "'kind'"),
    ("`groupby` without any value", trained(put("obs", "kind", np.nan)), model(groupby="kind"), ValueError,
     "no cell has a value in obs['kind']"),
    ("a report without a split", trained(drop("var", "split")), report(), KeyError, "var['split']", "pp.split_peaks"),
    ("a report without held-out peaks", trained(put("var", "split", "train")), report(), ValueError, "var['split']"),
    ("a table for the data", lambda w: pd.DataFrame(), accessibility(), TypeError, "AnnData or a MuData", "DataFrame"),
]  # fmt: skip


def score(name, **arguments):
    """A score of the kinds of cells, or of two representations."""
    given = {} if name == "accessibility_auc" else {"other_rep": "X_scbasset"} if name == "neighbor_score" else {
        "label_key": "kind"
    }  # fmt: skip
    return lambda world: getattr(sb.metrics, name)(world.data, **{**given, **arguments})


def two_modalities(world):
    rna = ad.AnnData(np.ones((50, 4), dtype=np.float32), obs=pd.DataFrame(index=world.data.obs_names[:50]))
    rna.obsm["X_pca"] = np.ones((50, 3))
    return md.MuData({"rna": rna, "atac": trained()(world)})


REP = "obsm has no 'X_scbasset'"
METRICS = [
    *((f"`metrics.{name}` before training", None, score(name), KeyError, *words)
      for name, words in (("label_score", [REP, "tl.scbasset"]), ("neighbor_score", [REP]), ("cell_type_asw", [REP]),
                          ("clustering_scores", [REP]), ("accessibility_auc", NO_MODEL))),
    ("a representation that is not there", trained(), score("label_score", use_rep="X_lsi"), KeyError, "'X_lsi'",
     "['X_scbasset']", "use_rep="),
    ("a sparse representation", trained(put("obsm", "X_lsi", sparse.csr_matrix(np.ones((60, 3))))),
     score("label_score", use_rep="X_lsi"), ValueError, "obsm['X_lsi'] must be a dense numeric array", "csr_matrix of shape (60, 3)"),
    ("NaN in a representation", trained(not_finite), score("label_score"), ValueError, "NaN or infinite for 3 cells",
     "['cell2', 'cell3', 'cell4']"),
    ("labels that are no column", trained(), score("label_score", label_key="cell_type"), KeyError, "'cell_type'",
     "'kind'"),
    ("no cell with a label", trained(put("obs", "kind", np.nan)), score("label_score"), ValueError, "obs[['kind']]"),
    ("one label, for a silhouette", trained(put("obs", "kind", "a")), score("cell_type_asw"), ValueError, "obs['kind']",
     "1 different labels", "at least 2"),
    *((f"`k={value!r}`", trained(), score("label_score", k=value), ValueError, word)
      for value, word in ((0, "k must be a whole number of at least 1, got 0"), (60, "k must be from 1 to 59"),
                          ([], "k is empty"))),
    ("a clustering that is no column", trained(), score("clustering_scores", cluster_key="leiden"), KeyError, "'leiden'"),
    ("too few cells to cluster", trained(lambda data: data[:10].copy()), score("clustering_scores"), ValueError,
     "10 labelled cells", "cluster_key="),
    ('`rng="a"`', trained(), score("clustering_scores", rng="a"), ValueError, "rng must be a whole number", "'a'"),
    ("modalities of other cells", two_modalities, score("neighbor_score", other_mod="rna", other_rep="X_pca"), ValueError,
     "60 cells", "50", "muon.pp.intersect_obs"),
    ('`split="dev"`', trained(), score("accessibility_auc", split="dev"), ValueError, "split", "'held-out'", "'dev'"),
    ('`accessibility_auc(average="both")`', trained(), score("accessibility_auc", average="both", split=None), ValueError,
     "['none', 'strands', 'strands_shifts']"),
    ("no split to score", trained(drop("var", "split")), score("accessibility_auc"), KeyError, "var['split']",
     "pp.split_peaks"),
    ("no test peaks", trained(put("var", "split", "train")), score("accessibility_auc"), ValueError, "no peak has test"),
]  # fmt: skip


def read_keras(name=None, **arguments):
    """The call with a file of the folder, or of the reference files."""
    return lambda world: sb.tl.load_keras_weights(
        world.data, world.folder / "weights.h5" if name is None else REFERENCE / name, **arguments
    )


def six_cells(world):
    return world.data[:6].copy()


def keras_file(share):
    def make(world):
        content = (REFERENCE / "keras_plain.h5").read_bytes()
        world.file("weights.h5", content[: int(share * len(content))])

    return make


def h5ad_file(world):
    world.data.write_h5ad(world.folder / "weights.h5")


def write(verb, name):
    return lambda world: getattr(sb.io, verb)(world.data, world.folder / name)


def full_disk(world):
    world.fail_to_write(errno.ENOSPC)
    return trained()(world)


def trunk_file(world):
    sb.io.write_trunk(trained()(world), world.folder / "trunk")
    content = (world.folder / "trunk").read_bytes()
    world.file("trunk", content[:-9])


def read_trunk(name):
    return lambda world: sb.io.read_trunk(world.folder / name)


IO = [
    ("no such Keras file", None, read_keras(), FileNotFoundError, "weights.h5", "no such file"),
    ("`path=None`", None, lambda w: sb.tl.load_keras_weights(w.data, None), TypeError, "path must be a path, got None"),
    ("a file that is not HDF5", lambda w: w.file("weights.h5", "hello") and None, read_keras(), ValueError,
     "weights.h5 is not an HDF5 file"),
    ("a truncated Keras file", keras_file(0.5), read_keras(), ValueError, "weights.h5' is damaged", "again"),
    ("a Keras 3 file of another model", None, read_keras("keras_3.weights.h5"), ValueError, "2 arrays in 1 layers",
     "not a scBasset model"),
    ("an h5ad file for the weights", h5ad_file, read_keras(), ValueError, "not a Keras weight file"),
    ("a Keras file of another number of cells", None, read_keras("keras_plain.h5"), ValueError, "trained on 6 cells",
     "data has 60", "order"),
    ("a batch-corrected Keras file without `batch_key`", six_cells, read_keras("keras_batch.h5"), ValueError,
     "2 batches", "no batch_key"),
    ("a plain Keras file with `batch_key`", six_cells, read_keras("keras_plain.h5", batch_key="batch"), ValueError,
     "not batch-corrected", "batch_key='batch'"),
    ("sequences of another length, beside another model", lambda w: trained()(w)[:6].copy(),
     read_keras("keras_plain.h5"), ValueError, "varm['scbasset']", "384 bp", "192 bp", "key_added="),
    ('`key_added="dna_code"`', six_cells, read_keras("keras_plain.h5", key_added="dna_code"), ValueError, "another name"),
    *((f"`{verb}` before training", None, write(verb, "model.h5"), KeyError, *NO_MODEL)
      for verb in ("write_keras_weights", "write_trunk")),
    ("writing to a folder that is not there", trained(), write("write_keras_weights", "no/model.h5"), FileNotFoundError,
     "no/model.h5", "does not exist"),
    ("writing to a folder", trained(), write("write_trunk", ""), IsADirectoryError, "is a folder"),
    ("a name that Keras takes for version 3", trained(), write("write_keras_weights", "a.weights.h5"), ValueError,
     "'.weights.h5'", "'.h5'"),
    *((f"`{verb}` to a full disk", full_disk, write(verb, "model.h5"), OSError, "model.h5", "No space left on device")
      for verb in ("write_keras_weights", "write_trunk")),
    ("no such trunk", None, read_trunk("trunk"), FileNotFoundError, "trunk", "no such file"),
    ("a truncated trunk", trunk_file, read_trunk("trunk"), ValueError, "trunk' is damaged", "io.write_trunk"),
]  # fmt: skip


def toy(verb="toy", **arguments):
    return lambda world: getattr(sb.datasets, verb)(**arguments)


DATASETS = [
    ("`n_obs=0`", None, toy(n_obs=0), ValueError, "n_obs must be a whole number of at least 1, got 0"),
    ("`n_vars=3`", None, toy(n_vars=3), ValueError, "n_vars must be a whole number of at least 10, got 3"),
    ("`n_types=1`", None, toy(n_types=1), ValueError, "n_types must be a whole number of at least 2, got 1"),
    ("`n_types=30`", None, toy(n_types=30), ValueError, "n_types must be at most 20", "30"),
    ("more types than cells", None, toy(n_obs=3, n_types=5), ValueError, "n_types=5", "n_obs=3"),
    ("`depth=0`", None, toy(depth=0), ValueError, "depth must be a finite number above 0, got 0"),
    ("`seq_len=100`", None, toy(seq_len=100), ValueError, "seq_len must be a whole number of at least 168, got 100"),
    ("a compressed name for `toy_genome`", None, lambda w: sb.datasets.toy_genome(w.folder / "toy.fa.gz"), ValueError,
     "toy.fa.gz", "'toy.fa'"),
    ("`n_genes=-1`", None, toy("toy_mudata", n_genes=-1), ValueError, "n_genes", "-1"),
]  # fmt: skip

CASES = {"get": GET, "metrics": METRICS, "io": IO, "datasets": DATASETS}


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    refused(section, *case, peer=RANDOM if case[0] == "`get.accessibility` before training" else None)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
