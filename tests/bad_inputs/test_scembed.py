"""scEmbed: what it refuses. A case is (what is wrong, how it is made, the call, error, words of the message)."""

import gzip

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import scbasset_tl as sb


def universe(chrom="chr1", shift=100, step=1000):
    start = np.arange(90) * step + shift
    return pd.DataFrame({"chr": chrom, "start": start, "end": start + 300})


def tokenize(table=None, **arguments):
    """The call with this universe."""
    return lambda world: sb.pp.tokenize_regions(world.data, universe() if table is None else table, **arguments)


def tokenize_bed(content):
    return lambda world: sb.pp.tokenize_regions(world.data, world.file("universe.bed", content))


def train(**arguments):
    return lambda world: sb.tl.scembed(world.data, **{"max_epochs": 1, **arguments})


def empty_matrix(world):
    world.data.X = sparse.csr_matrix(world.data.shape, dtype=np.float32)


def tokens_gone(world):
    sb.pp.tokenize_regions(world.data, universe())
    del world.data.obsm["X_tokens"]


def project(world):
    sb.tl.map_cells(world.data, world.data[:30].copy())


def project_with(**arguments):
    def call(world):
        reference = world.data[:30].copy()
        sb.tl.scembed(reference, n_latent=4, max_epochs=1)
        sb.tl.map_cells(world.data, reference, **arguments)

    return call


def geniml(*, cut=None, state=None, config="vocab_size: 9\nembedding_dim: 4\n", bed="chr1\t0\t9\nchr1\t20\t30\n"):
    """The call with a checkpoint of these contents; parts that are None are not there."""

    def call(world):
        folder = world.folder
        torch.save(state or {"projection.weight": torch.ones(9, 4)}, folder / "checkpoint.pt")
        (folder / "checkpoint.pt").write_bytes((folder / "checkpoint.pt").read_bytes()[:cut])
        for name, content in (("config.yaml", config), ("universe.bed", bed)):
            if content is not None:
                world.file(name, content)
        sb.io.read_geniml(folder)

    return call


def write_geniml(model=None):
    return lambda world: sb.io.write_geniml(world.data if model is None else model, world.folder / "model")


TWICE = sb.io.RegionEmbedding(
    sb.genome.read_regions(pd.DataFrame({"chr": "chr1", "start": [0, 50, 0], "end": [9, 90, 9]})),
    np.ones((3, 2), np.float32),
)
WHOLE = "must be a whole number of at least"
CASES = {
    "pp.tokenize_regions": [
        ("a universe of another assembly's contigs", None, tokenize(universe("NC_000002.12")), ValueError,
         "share no contig", "['chr1']", "['NC_000002.12']", "different assemblies"),
        ("a universe that no peak overlaps", None, tokenize(universe(shift=400)), ValueError, "no peak overlaps",
         "of another assembly?", "chr1:0-300", "chr1:400-700"),
        ("no such BED file", None, lambda w: sb.pp.tokenize_regions(w.data, w.folder / "no.bed"), FileNotFoundError,
         "universe=", "there is no such file"),
        ("a truncated gzip BED file", None, tokenize_bed(gzip.compress(b"chr1\t0\t100\n" * 99)[:-9]), ValueError,
         "universe=", "is damaged"),
        ("a BED file of two columns", None, tokenize_bed("chr1\t5\n"), ValueError, "no BED file", "1 of 1 lines"),
        ("a BED file with text for a position", None, tokenize_bed("chr1\tx\t5\n"), ValueError, "is missing or no number"),
        ("an empty BED file", None, tokenize_bed(""), ValueError, "has no regions"),
        ("a universe without regions", None, tokenize(universe().iloc[:0]), ValueError, "has no regions"),
        ("a universe without coordinates", None, tokenize(pd.DataFrame({"x": [1]}, index=["a"])), KeyError, "universe:"),
        ("`universe=3`", None, tokenize(3), TypeError, "universe must be a path, got 3"),
        ("`min_overlap=0`", None, tokenize(min_overlap=0), ValueError, f"min_overlap {WHOLE} 1, got 0"),
        ("`min_frac=2`", None, tokenize(min_frac=2), ValueError, "min_frac", "at most 1, got 2"),
        ("no such layer", None, tokenize(layer="x"), KeyError, "no layer 'x'"),
        ("the slot of another result as `key_added`", None, tokenize(key_added="scbasset"), ValueError, "key_added='scbasset'"),
    ],
    "tl.scembed": [
        ("`tokens_key` without tokens", None, train(tokens_key="foo"), KeyError, "uns['foo'] holds no tokens",
         "pp.tokenize_regions"),
        ("tokens that are gone", tokens_gone, train(), KeyError, "obsm['X_tokens']", "is gone"),
        ("a matrix without open peaks", empty_matrix, train(), ValueError, "fewer than two cells", "lower min_count"),
        ("`min_count` above the number of cells", None, train(min_count=61), ValueError, "min_count=61", "lower min_count"),
        ("`n_latent=1`", None, train(n_latent=1), ValueError, f"n_latent {WHOLE} 2, got 1"),
        ("`max_epochs=-1`", None, train(max_epochs=-1), ValueError, f"max_epochs {WHOLE} 0, got -1"),
        ("`lr=0`", None, train(lr=0), ValueError, "lr must be a finite number above 0"),
        ("another `objective`", None, train(objective="glove"), ValueError, "objective must be one of", "'glove'"),
        ("another `start`", None, train(start="pca"), ValueError, "start must be one of", "'pca'"),
        ("`n_negative=0`", None, train(n_negative=0), ValueError, f"n_negative {WHOLE} 1, got 0"),
        ("`subsample=-1`", None, train(subsample=-1), ValueError, "subsample", "got -1"),
        ("`key_added` with a slash", None, train(key_added="a/b"), ValueError, "without '/'"),
        ("`rng` of text", None, train(rng="x"), ValueError, "rng must be"),
        ("`tl.map_cells` with a reference without a model", None, project, KeyError, "holds no trained model",
         "tl.scembed(reference)"),
        ("`tl.map_cells` by regions with `l2`", None, project_with(l2=3.0), ValueError, "l2= is for models of tl.scbasset",
         "of tl.scembed"),
        ("`tl.map_cells` by regions with `peaks`", None, project_with(peaks="all"), ValueError, "peaks= is for models"),
    ],
    "io.read_geniml": [
        ("a truncated checkpoint", None, geniml(cut=300), ValueError, "checkpoint.pt' is damaged", "export it again"),
        ("an empty checkpoint", None, geniml(cut=0), ValueError, "checkpoint.pt' is damaged", "export it again"),
        ("a checkpoint of another network", None, geniml(state={"w": torch.ones(2)}), ValueError, "no region vectors", "'w'"),
        ("a configuration of another model", None, geniml(config="vocab_size: 5\nembedding_dim: 4\n"), ValueError,
         "(9, 4)", "(5, 4)"),
        ("no configuration", None, geniml(config=None), FileNotFoundError, "no config.yaml"),
        ("no universe", None, geniml(bed=None), FileNotFoundError, "no universe.bed", "universe="),
        ("a universe of more regions", None, geniml(bed="".join(f"chr1\t{n}\t90\n" for n in range(10))),
         ValueError, "9 vectors for 10 regions"),
        ("a universe of fewer regions", None, geniml(bed="chr1\t0\t9\n"), ValueError, "9 vectors for 1 regions",
         "another universe"),
        ("another way of pooling", None, geniml(config="vocab_size: 9\nembedding_dim: 4\npooling_method: median\n"),
         ValueError, "must be mean or max", "correct it"),
        ("a name of the Hugging Face Hub without huggingface_hub", None, lambda _: sb.io.read_geniml("databio/model"),
         FileNotFoundError, "pip install huggingface_hub"),
    ],
    "io.write_geniml": [
        ("data without a model", None, write_geniml(), KeyError, "holds no scEmbed model", "tl.scembed"),
        ("a region that stands in the universe twice", None, write_geniml(TWICE), ValueError,
         "1 of 3 regions stand in the universe more than once", "io.write_scembed"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [pytest.param((section, *row), id=f"{section}: {row[0]}") for section, rows in CASES.items() for row in rows],
)
def test_refused(refused, case):
    section, what, prepare, call, error, *words = case
    refused(section, what, prepare, call, error, *words)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)


@pytest.mark.parametrize("form", ["sorted", "unsorted", "overlapping", "nested", "repeated"])
def test_odd_universes_are_accepted(tiny, form):
    table = universe()
    if form == "unsorted":
        table = table.iloc[::-1]
    elif form == "overlapping":
        table = pd.concat([table, universe(shift=150)])
    elif form == "nested":
        table = pd.concat([table, pd.DataFrame({"chr": ["chr1"], "start": [0], "end": [10**6]})])
    elif form == "repeated":
        table = pd.concat([table, table])
    sb.pp.tokenize_regions(tiny, table)
    tokens = tiny.obsm["X_tokens"]
    assert tokens.shape == (60, len(table))
    expected = (tiny.X.toarray() > 0).sum(1)
    extra = {"overlapping": 2 * expected, "repeated": 2 * expected, "nested": expected + (expected > 0)}
    assert np.asarray(tokens.sum(1)).ravel().tolist() == extra.get(form, expected).tolist()
