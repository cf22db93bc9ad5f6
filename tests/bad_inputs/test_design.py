"""Design and FASTA files: what they refuse. A case is (what is wrong, how it is made, the call, error, words)."""

import numpy as np
import pandas as pd
import pytest
from changes import trained

import scbasset_tl as sb

DNA = {"a": "ACGT", "b": "GG"}


def designed(data):
    sb.tl.design(data, groupby="kind", group="a", n_sequences=1, n_rounds=1)


def again(data):
    sb.tl.scbasset(data, trunk=4, n_latent=6, max_epochs=1, accelerator="cpu", rng=1)


def no_sequences(data):
    del data.varm["dna_code"]


def one_kind(data):
    data.obs["kind"] = "a"


def without(data):
    data.obs["kind"] = np.nan


def put(data):
    data.uns["mine"] = {"a": 1}


def later(data):
    data.uns["design"]["schema_version"] = 99


def call(**arguments):
    return lambda world: sb.tl.design(world.data, **{"groupby": "kind", "group": "a", "n_rounds": 1, **arguments})


def read(**arguments):
    return lambda world: sb.get.design(world.data, **arguments)


def draw(**arguments):
    return lambda world: sb.pl.design(world.data, show=False, **arguments)


def write(sequences, name="a.fa", content=None):
    def run(world):
        if content is not None:
            world.file(name, content)
        return sb.io.write_fasta(sequences, world.folder / name)

    return run


WIDE = sb.genome.Motif("M1", "WIDE", np.full((30, 4), 0.25))
POLY_A = {"poly_a": "A" * 192}
CASES = [
    ("`tl.design` before training", None, call(), KeyError, "uns['scbasset'] holds no trained model", "tl.scbasset"),
    ("a `groupby` that is no column", trained(), call(groupby="x"), KeyError, "obs has no column 'x'"),
    ("a `groupby` without values", trained(without), call(), ValueError, "no cell has a value in obs['kind']"),
    ("a `group` that is not there", trained(), call(group="c"), KeyError, "has no group ['c']", "['a', 'b']"),
    ("two groups", trained(), call(group=["a", "b"]), ValueError, "group must be one category of obs['kind']"),
    ("a group that is a list of lists", trained(), call(group=[["a"]]), ValueError, "group must be categories"),
    ("one group only", trained(one_kind), call(), ValueError, "one group, ['a']", "needs others to be closed in"),
    ("`n_sequences=0`", trained(), call(n_sequences=0), ValueError, "n_sequences must be a whole number of at least 1"),
    ("`n_rounds=2.5`", trained(), call(n_rounds=2.5), ValueError, "n_rounds must be a whole number", "2.5"),
    ("`beam=0`", trained(), call(beam=0), ValueError, "beam must be a whole number of at least 1"),
    ("`n_places=0`", trained(), call(n_places=0), ValueError, "n_places must be a whole number of at least 1"),
    ('`off_target="sum"`', trained(), call(off_target="sum"), ValueError, "off_target must be one of ['max', 'mean']"),
    ("`penalty=-1`", trained(), call(penalty=-1), ValueError, "penalty must be a finite number at least 0", "-1"),
    ("`penalty=nan`", trained(), call(penalty=float("nan")), ValueError, "penalty must be a finite number", "nan"),
    ("`rng=-1`", trained(), call(rng=-1), ValueError, "rng must be a whole number from 0"),
    ("`gc=0.5`", trained(), call(gc=0.5), ValueError, "gc must be (lowest, highest) GC content", "0.5"),
    ("`gc=(35, 65)`", trained(), call(gc=(35, 65)), ValueError, "gc must be a finite number at least 0 and at most 1", "35"),
    ("`gc=(0.6, 0.4)`", trained(), call(gc=(0.6, 0.4)), ValueError, "no sequence of 192 bp", "from 0.6 to 0.4"),
    ("`gc` that no whole number of bases has", trained(), call(gc=(0.333, 0.333)), ValueError, "no sequence of 192 bp"),
    ("a window wider than the sequence", trained(), call(window=500), ValueError, "window=500", "192 bp"),
    ("a motif wider than the window", trained(), call(motifs=WIDE, window=20), ValueError, "'M1' (WIDE) is 30 bp wide",
     "20 bp may change"),
    ("a missing MEME file", trained(), lambda w: call(motifs=w.folder / "x.meme")(w), FileNotFoundError, "x.meme"),
    ('`start="shufled"`', trained(), call(start="shufled"), KeyError, "start: 1 of 1 are neither names of peaks",
     "'random' or 'shuffled'"),
    ("`start=None`", trained(), call(start=None), ValueError, "start must be peaks", "None"),
    ("no peak to start from", trained(), call(start=[]), ValueError, "start names no peak"),
    ("regions to start from without a FASTA", trained(), call(start="chr1:5-9"), ValueError, "start: 1 are not names of peaks",
     "pass fasta="),
    ("`fasta` with random DNA", trained(), call(fasta="a.fa"), ValueError, "fasta= is where regions are read from",
     "start='random'"),
    ("`fasta` with sequences", trained(), call(start=POLY_A, fasta="a.fa"), ValueError, "start holds sequences"),
    ("another number than there are starts", trained(), call(start=[0, 1], n_sequences=3), ValueError, "n_sequences=3",
     "start has 2 sequences"),
    ("starts of another length", trained(), call(start={"a": "ACGT"}), ValueError, "start: 1 of 1 do not have the 192 bp"),
    ("starts that are no DNA", trained(), call(start={"a": "J" * 192}), ValueError, "start: 'a' cannot be read"),
    ("starts with a GC content out of range", trained(), call(start=POLY_A), ValueError, "start: 1 of 1 sequences",
     "'poly_a' with 0.000", "wider gc="),
    ("peaks that are all out of range", trained(), call(start="shuffled", gc=(0.9, 1)), ValueError,
     "none of 90 peaks has a GC content within gc="),
    ("shuffled peaks without sequences", trained(no_sequences), call(start="shuffled"), KeyError, "varm['dna_code'] is missing",
     "pp.add_sequences"),
    ('`key_added="ism"`', trained(), call(key_added="ism"), ValueError, "'ism' would replace a slot"),
    ("`key_added` of something else", trained(put), call(key_added="mine"), ValueError, "uns['mine'] is there already"),
    ("`get.design` with nothing stored", trained(), read(), KeyError, "uns['design'] holds no designed sequences", "tl.design"),
    ("a `key` of something else", trained(put), read(key="mine"), KeyError, "uns['mine'] holds no designed sequences"),
    ("a model trained again", trained(designed, again), read(), ValueError, "trained again", "run tl.design again"),
    ("a later version's slot", trained(designed, later), read(), ValueError, "schema 99", "update"),
    ("`pl.design` with nothing stored", trained(), draw(), KeyError, "uns['design'] holds no designed sequences"),
    ("`pl.design` of a sequence that is not there", trained(designed), draw(sequence=3), KeyError,
     "sequence must be one of 1 designed sequences", "3"),
    ("`pl.design` with a window outside", trained(designed), draw(window=(0, 200)), ValueError, "first < last <= 192"),
]  # fmt: skip
FASTA = [
    ("a folder that is not there", None, write(DNA, "x/a.fa"), FileNotFoundError, "does not exist"),
    ("a file of another kind", None, write(DNA, content="notes"), FileExistsError, "is not a file of io.write_fasta"),
    ("a genome", None, write(DNA, content=">chr1\nACGT\n"), FileExistsError, "is not a file of io.write_fasta"),
    ("no sequence", None, write({}), ValueError, "sequences is empty"),
    ("a list", None, write(["ACGT"]), TypeError, "DNA by name", "list"),
    ("a table without the column", None, write(pd.DataFrame({"dna": ["A"]})), KeyError, "no column 'sequence'", "['dna']"),
    ("names with spaces", None, write({"a b": "A"}), ValueError, "1 names are empty or hold spaces", "'a b'"),
    ("names that repeat", None, write(pd.Series(["A", "C"], index=["x", "x"])), ValueError, "2 sequences have 1 names"),
    ("an empty sequence", None, write({"a": ""}), ValueError, "'a' must be DNA as text", "''"),
    ("codes", None, write({"a": np.zeros(3, dtype=np.uint8)}), ValueError, "'a' must be DNA as text"),
    ("letters that are no DNA", None, write({"a": "ACJ"}), ValueError, "'a' cannot be written", "b'J'"),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case[0]) for case in CASES])
def test_refused(refused, case):
    refused("tl.design", *case)


@pytest.mark.parametrize("case", [pytest.param(case, id=case[0]) for case in FASTA])
def test_files_refused(refused, case):
    refused("io.write_fasta", *case)


def test_the_page_has_these_rows(page):
    page.hold_order({"tl.design": CASES, "io.write_fasta": FASTA})
