"""tl.denoise, tl.denoised_pca, metrics.denoised_asw, and get.accessibility of groups and new DNA: what is refused."""

import numpy as np
import pandas as pd
import pytest
from changes import put, trained

import scbasset_tl as sb
from scbasset_tl import _space


def little(what):
    """A machine without memory or disk."""

    def make(world):
        if what == "memory":
            world.patch.setattr(_space, "available_memory", lambda: 1000)
        else:
            usage = type("Usage", (), {"free": 1000})
            world.patch.setattr(_space.shutil, "disk_usage", lambda folder: usage)
        return trained()(world)

    return make


def nan(field, name):
    def change(data):
        values = np.array(getattr(data, field)[name])
        values[3] = np.nan
        getattr(data, field)[name] = values

    return change


def alike(data):
    data.obsm["X_scbasset"] = np.ones_like(data.obsm["X_scbasset"])


def one_cell(world):
    return trained()(world)[:1].copy()


def denoise(file=None, **arguments):
    return lambda world: sb.tl.denoise(world.data, **({"path": world.folder / file} if file else {}), **arguments)


def fit_decoder(**arguments):
    return lambda world: sb.tl.fit_decoder(world.data, **arguments)


def without_peaks(data):
    del data.varm["scbasset"]


def masked(fraction):
    return lambda world: sb.pp.downsample_counts(world.data, fraction, by="entries", copy=True)


def other_entries(world):
    data = world.data.copy()
    data.layers["other"] = data.X[:, ::-1].copy()
    return data


def impute(change=lambda table: table, **arguments):
    def call(world):
        data = world.data
        sb.metrics.imputation(data, change(pd.DataFrame(data.X.toarray(), data.obs_names, data.var_names)), **arguments)

    return call


def fasta(name, text):
    def make(world):
        world.file(name, text)
        return trained()(world)

    return make


def read_file(name):
    return lambda world: sb.get.accessibility(world.data, fasta=world.folder / name)


def pca(**arguments):
    return lambda world: sb.tl.denoised_pca(world.data, **arguments)


def asw(**arguments):
    return lambda world: sb.metrics.denoised_asw(world.data, **{"label_key": "kind", **arguments})


def read(**arguments):
    return lambda world: sb.get.accessibility(world.data, **arguments)


NO_MODEL = ["uns['scbasset'] holds no trained model", "tl.scbasset"]
CASES = {
    "tl.denoise": [
        ("before training", None, denoise(), KeyError, *NO_MODEL),
        ("peak vectors are gone", trained(lambda data: data.varm.__delitem__("scbasset")), denoise(), KeyError,
         "no peak embeddings"),
        ('`scale="linear"`', trained(), denoise(scale="linear"), ValueError, "['logit', 'sigmoid']"),
        ('`dtype="int8"`', trained(), denoise(dtype="int8"), ValueError, "['float32', 'float16']"),
        ("a layer that does not fit into memory", little("memory"), denoise(), MemoryError, "60 cells × 90 peaks", "path=",
         "get.accessibility"),
        ("a file that does not fit onto the disk", little("disk"), denoise("a.h5ad"), OSError, "disk", "dtype='float16'"),
        ("a folder that is not there", trained(), denoise("none/a.h5ad"), FileNotFoundError, "does not exist"),
        ("a file and `copy`", trained(), denoise("a.h5ad", copy=True), ValueError, "copy= or key_added="),
        ("a layer of that name, from elsewhere", trained(put("layers", "scbasset", np.ones((60, 90)))), denoise(), ValueError,
         "layers['scbasset'] is there already"),
        ('`key_added="scbasset"`', trained(), denoise(key_added="scbasset"), ValueError, "another name"),
        ("`key_added` of another entry", trained(put("uns", "mine", {"a": 1})), denoise(key_added="mine"), ValueError,
         "uns['mine'] is there already"),
        ("NaN in a cell's vector", trained(nan("obsm", "X_scbasset")), denoise(), ValueError, "obsm['X_scbasset']",
         "1 of 60 cells"),
        ("NaN in a cell's bias", trained(nan("obs", "scbasset_bias")), denoise(normalize_depth=False), ValueError,
         "obs['scbasset_bias']", "'cell3'"),
        ("a file that is not called .h5ad", trained(), denoise("a.zarr"), ValueError, ".h5ad file"),
        ("a column of several types, to a file", trained(put("obs", "odd", [1, "a"] * 30)), denoise("a.h5ad"), ValueError,
         "obs['odd']", "convert it"),
        ("`tl.denoised_pca` before training", None, pca(), KeyError, *NO_MODEL),
        ("`n_comps=0`", trained(), pca(n_comps=0), ValueError, "n_comps must be a whole number of at least 1"),
        ("components of one cell", one_cell, pca(), ValueError, "at least 2"),
        ("components over another embedding", trained(put("obsm", "X_pca", np.ones((60, 2)))), pca(key_added="X_pca"),
         ValueError, "obsm['X_pca'] is there already"),
        ("components of NaN", trained(nan("varm", "scbasset")), pca(), ValueError, "varm['scbasset']", "1 of 90"),
        ("components of cells that are all alike", trained(alike), pca(), ValueError, "do not differ"),
        ("`metrics.denoised_asw` before training", None, asw(), KeyError, *NO_MODEL),
        ("a silhouette of labels that are no column", trained(), asw(label_key="type"), KeyError, "'type'", "'kind'"),
        ("a silhouette of NaN", trained(nan("obsm", "X_scbasset")), asw(), ValueError, "obsm['X_scbasset']"),
        ("a silhouette of one label", trained(put("obs", "kind", "a")), asw(), ValueError, "1 different labels"),
    ],
    "tl.fit_decoder": [
        ("before training", None, fit_decoder(), KeyError, *NO_MODEL),
        ("a layer that is not there", trained(), fit_decoder(layer="counts"), KeyError, "'counts'"),
        ("slots of something else", trained(put("varm", "scbasset_decoder", np.ones((90, 2)))), fit_decoder(), ValueError,
         "varm['scbasset_decoder'] is there already, and not from tl.fit_decoder"),
        ("weights that came without sequences", trained(without_peaks), fit_decoder(), KeyError, "peak embeddings"),
        ("`decoder=\"fitted\"` before it was fitted", trained(), denoise(decoder="fitted"), KeyError, "tl.fit_decoder(data, key='scbasset') first"),
        ("another decoder", trained(), denoise(decoder="linear"), ValueError, "decoder must be", "'linear'"),
    ],
    "metrics.imputation": [
        ("without masked entries", None, impute(), KeyError, "'downsampled'"),
        ("nothing is masked", masked(1), impute(), ValueError, "nothing is masked"),
        ("a layer of other entries", other_entries, impute(masked="other"), ValueError, "not made from it by masking",
         "pp.downsample_counts"),
        ("predictions of some peaks", masked(0.5), impute(lambda table: table.iloc[:, 1:]), KeyError, "1 of 90 peaks"),
        ("predictions of other cells", masked(0.5), impute(lambda table: table.rename(index={"cell0": "x"})), KeyError,
         "1 of 60 cells are not in the data, first 'x'"),
        ("predictions of NaN", masked(0.5), impute(lambda table: table * np.nan), ValueError, "NaN or infinite"),
        ("predictions as an array", masked(0.5), impute(lambda table: table.to_numpy()), TypeError, "must be a DataFrame"),
        ("a layer of predictions that is not there", masked(0.5), impute(lambda table: "mine"), KeyError, "layers has no 'mine'"),
        ("labels that are no column", masked(0.5), impute(label_key="type"), KeyError, "no column 'type'"),
        ("`n_zeros=0`", masked(0.5), impute(n_zeros=0), ValueError, "n_zeros must be a whole number of at least 1"),
    ],
    "get.accessibility": [
        ("sequences for the fitted decoder", trained(), read(sequences="A" * 192, decoder="fitted"), ValueError, "own peaks only"),
        ("peaks and sequences at once", trained(), read(var=0, sequences="A" * 192), ValueError, "pass one of them"),
        ("a FASTA beside `var`", trained(), read(fasta="a.fa", var=0), ValueError, "goes with regions=, or alone"),
        ("a FASTA of sequences of another length", fasta("a.fa", ">a\nACGT\n"), read_file("a.fa"), ValueError,
         "1 of 1 sequences do not have the 192 bp"),
        ("regions without a FASTA", trained(), read(regions="chr1:5-9"), ValueError, "pass fasta="),
        ("regions that are none", trained(), read(regions=["GATA1"]), KeyError, "neither names of peaks"),
        ("a sequence of another length", trained(), read(sequences={"one": "ACGT"}), ValueError, "'one' with 4 bp", "192 bp"),
        ("a sequence of other letters", trained(), read(sequences="E" * 192), ValueError, "'sequence_1' cannot be read"),
        ("one-hot for a sequence", trained(), read(sequences=np.zeros((1, 192, 4))), ValueError, "codes 0 to 4"),
        ("no sequence", trained(), read(sequences=[]), ValueError, "sequences must be text"),
        ("groups without `groupby`", trained(), read(groups=["a"]), ValueError, "groupby="),
        ("`groupby` that is no column", trained(), read(groupby="type"), KeyError, "no column 'type'"),
        ("a group that is not there", trained(), read(groupby="kind", groups="c"), KeyError, "no group ['c']", "['a', 'b']"),
        ("cells and groups at once", trained(), read(groupby="kind", obs=[0]), ValueError, "not both"),
        ("a block that does not fit into memory", little("memory"), read(), MemoryError, "60 × 90", "tl.denoise"),
        ("sequences that do not fit into memory", little("memory"), read(sequences=["A" * 192] * 5), MemoryError, "60 × 5",
         "fewer cells, regions or sequences"),
        ("two sequences of one name", trained(), read(sequences={1: "A" * 192, "1": "C" * 192}), ValueError, "names unique"),
        ("a table of sequences", trained(), read(sequences=pd.DataFrame({"seq": ["ACGT"]})), ValueError, "got DataFrame"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
