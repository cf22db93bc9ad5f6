"""tl.map_cells and tl.annotate: what is refused. A case is (what is wrong, how it is made, the call, error, words)."""

import numpy as np
import pytest
from changes import drop, put

import scbasset_tl as sb

_MODELS = {}


def trained(data, **arguments):
    name = str(arguments)
    if name not in _MODELS:
        _MODELS[name] = sb.tl.scbasset(data, trunk=4, n_latent=6, max_epochs=1, copy=True, **arguments)
    return _MODELS[name].copy()


def query(*changes):
    """Data without a model, changed in turn."""

    def make(world):
        for change in changes:
            change(world.data)

    return make


def onto(*changes, batch_key=None, **arguments):
    """Map the data onto a model of the same cells before the changes, itself changed in turn."""

    def call(world):
        reference = world.reference
        sb.tl.map_cells(world.data, reference, **arguments)

    def prepare(world):
        world.reference = trained(world.data.copy(), **({} if batch_key is None else {"batch_key": batch_key}))
        for change in changes:
            change(world.reference)

    call.prepare = prepare
    return call


def genome(checksum, fasta):
    return put("uns", "dna_code", {"checksum": checksum, "fasta": fasta})


def rename(data):
    data.var_names = [name.replace("chr1", "scaffold_1") for name in data.var_names]


def other_bases(data):
    codes = data.varm["dna_code"]
    data.varm["dna_code"] = np.where(codes < 4, 3 - codes, codes)


def blank(data):
    data.X = data.X.toarray()
    data.X[[3, 7]] = 0


def onto_itself(world):
    sb.tl.map_cells(world.reference, world.reference)


onto_itself.prepare = onto().prepare


def vote(*changes, **arguments):
    """Annotate data that have places from data with labels, changed in turn."""

    def call(world):
        reference = world.data.copy()
        for change in changes:
            change(reference)
        sb.tl.annotate(world.data, reference, **{"label_key": "kind", **arguments})

    call.prepare = lambda world: None
    return call


PLACES = put("obsm", "X_scbasset", np.arange(120.0).reshape(60, 2))
HOLES = np.where(np.arange(120) == 8, np.nan, np.arange(120.0)).reshape(60, 2)
CASES = {
    "tl.map_cells": [
        ("`min_overlap` for a scBasset model", None, onto(min_overlap=5), ValueError, "min_overlap= is for models of tl.scembed",
         "of tl.scbasset"),
        ("a reference without a model", None, onto(drop("uns", "scbasset")), KeyError, "uns['scbasset'] of the reference holds no trained model",
         "tl.scbasset"),
        ("another `key`", None, onto(key="mine"), KeyError, "uns['mine']", "models here: ['scbasset']"),
        ("a reference without peak vectors", None, onto(drop("varm", "scbasset")), KeyError, "varm has no peak embeddings"),
        ("no sequences", query(drop("varm", "dna_code")), onto(), KeyError, "varm['dna_code']", "pp.add_sequences"),
        ("sequences of another length", query(put("varm", "dna_code", np.zeros((90, 384), np.uint8))), onto(), ValueError,
         "384 bp", "192", "pp.add_sequences(query, fasta, seq_len=192)"),
        ("another genome", query(genome("mm10digest", "mm10.fa"), other_bases), onto(genome("hg38digest", "hg38.fa")),
         ValueError, "another genome (mm10.fa)", "(hg38.fa)", "bases differ in 90 of 90 windows"),
        ("a genome that cannot be compared", query(genome("mm10digest", "mm10.fa"), rename),
         onto(genome("hg38digest", "hg38.fa")), ValueError, "may be of another genome", "pp.add_sequences"),
        ("no shared contigs", query(rename), onto(), ValueError, "no contig of its peaks (['scaffold_1'])",
         "(['chr1'])"),
        ("cells without an open peak", query(blank), onto(), ValueError, "adata.X has 2 cells", "'cell3'", "filter_cells"),
        ("a matrix without zeros", query(put("layers", "scaled", np.ones((60, 90)))), onto(layer="scaled"), ValueError,
         "adata.layers['scaled'] has 60 cells", "layer="),
        ("no such layer", None, onto(layer="counts"), KeyError, "no layer 'counts'"),
        ("no column of batches", query(drop("obs", "batch")), onto(batch_key="batch"), KeyError, "obs['batch']",
         "query.obs['batch'] = 'query'"),
        ("cells without a batch", query(lambda data: put("obs", "batch", ["x", None] * 30)(data)), onto(batch_key="batch"),
         ValueError, "obs['batch']", "no value for 30 cells"),
        ("vectors that are all alike", None, onto(put("obsm", "X_scbasset", np.zeros((60, 6), np.float32))), ValueError,
         "all alike", "pass l2="),
        ("`l2=-1`", None, onto(l2=-1), ValueError, "l2 must be a finite number at least 0, got -1"),
        ('`peaks="val"`', None, onto(peaks="val"), ValueError, "peaks must be one of ['train', 'all'], got 'val'"),
        ("no peak that may be fitted to", None, onto(put("var", "split", ["val", "test"] * 45)), ValueError,
         "holds all of its peaks out", 'peaks="all"'),
        ('`rng="a"`', None, onto(rng="a"), ValueError, "rng must be a whole number", "got 'a'"),
        ('`accelerator="tpu"`', None, onto(accelerator="tpu"), ValueError, "accelerator must be one of"),
        ('`key_added="ism"`', None, onto(key_added="ism"), ValueError, "another name"),
        ("the query is the reference", None, onto_itself, ValueError, "its own model 'scbasset'", "key_added="),
    ],
    "tl.annotate": [
        ("no vectors", None, vote(PLACES), KeyError, "obsm has no 'X_scbasset'", "use_rep="),
        ("a reference without vectors", query(PLACES), vote(drop("obsm", "X_scbasset")), KeyError, "obsm has no 'X_scbasset'"),
        ("no such labels", query(PLACES), vote(label_key="type"), KeyError, "no column 'type'"),
        ("no cell has a label", query(PLACES), vote(put("obs", "kind", np.nan)), ValueError, "no cell has a value"),
        ("vectors of another width", query(PLACES), vote(put("obsm", "X_scbasset", np.ones((60, 3)))), ValueError,
         "2 columns, the reference's vectors 3", "tl.map_cells"),
        ("NaN among the vectors", query(put("obsm", "X_scbasset", HOLES)), vote(PLACES), ValueError, "NaN or infinite for 1 cells"),
        ("more neighbours than cells", query(PLACES), vote(k=61), ValueError, "60 labelled cells, fewer than k=61"),
        ("`threshold=50`", query(PLACES), vote(threshold=50), ValueError, "threshold", "at most 1, got 50"),
        ('`metric="manhattan"`', query(PLACES), vote(metric="manhattan"), ValueError, "['euclidean', 'cosine']"),
        ('`weights="inverse"`', query(PLACES), vote(weights="inverse"), ValueError, "['distance', 'uniform']"),
        ("labels of one's own of that name", query(PLACES), vote(key_added="batch"), ValueError, "obs['batch'] is there already",
         "another key_added"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("section", "case"), [pytest.param(s, c, id=f"{s}: {c[0]}") for s in CASES for c in CASES[s]])
def test_refused(refused, section, case):
    what, prepare, call, *expected = case

    def make(world):
        call.prepare(world)
        return prepare(world) if prepare else None

    refused(section, what, make, call, *expected)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
