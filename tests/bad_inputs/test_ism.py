"""In-silico mutagenesis: what it refuses. A case is (what is wrong, how it is made, the call, error, words)."""

import numpy as np
import pandas as pd
import pytest
from changes import trained
from matplotlib.figure import Figure

import scbasset_tl as sb


def stored(**arguments):
    return lambda data: sb.tl.ism(data, [3, 4], window=20, **arguments)


def again(data):
    sb.tl.scbasset(data, trunk=4, n_latent=6, max_epochs=1, accelerator="cpu", rng=1)


def no_sequences(data):
    del data.varm["dna_code"]


def longer(data):
    data.varm["dna_code"] = np.zeros((90, 384), dtype=np.uint8)


def other_assembly(data):
    data.uns["dna_code"] = {"fasta": "hg38.fa", "checksum": "SQ.1"}


def repeated(data):
    data.var_names = [f"peak{number // 2}" for number in range(90)]


def gone(data):
    return data[:, [number for number in range(90) if number != 3]].copy()


def later(data):
    data.uns["ism"]["schema_version"] = 99


def named(data):
    data.uns["ism"] = data.uns.pop("scbasset")


def put(key, value):
    return lambda data: data.uns.__setitem__(key, value)


def ism(regions, *, fasta=None, **arguments):
    """The call; ``fasta`` is a name, of a file that is made."""

    def call(world):
        if fasta is not None:
            arguments["fasta"] = world.file(fasta, ">chr1\n" + "ACGT" * 500 + "\n>chr2\nACGT\n")
        return sb.tl.ism(world.data, regions, **arguments)

    return call


def read(**arguments):
    return lambda world: sb.get.ism(world.data, **arguments)


def draw(regions=3, **arguments):
    return lambda world: sb.pl.ism(world.data, regions, show=False, **{"window": 20, **arguments})


TABLE = pd.DataFrame({"chr": ["chr1"], "start": [100], "end": [200]})
CASES = [
    ("`tl.ism` before training", None, ism(0), KeyError, "uns['scbasset'] holds no trained model", "tl.scbasset"),
    ("no sequences", trained(no_sequences), ism(0), KeyError, "varm['dna_code'] is missing", "pp.add_sequences"),
    ("sequences of another length", trained(longer), ism(0), ValueError, "384 bp, but the model reads 192 bp", "seq_len=192"),
    ("`regions=None`", trained(), ism(None), ValueError, "regions must be", "None"),
    ("no region", trained(), ism([]), ValueError, "regions names no peak"),
    ("a name that is no peak", trained(), ism(["chr1:0-300", "peak7", "x"]), KeyError, "regions: 2 of 3", "['peak7', 'x']"),
    ("regions that are no peaks, without a FASTA", trained(), ism("chr1:5-9"), ValueError, "not names of peaks", "fasta="),
    ("a table without a FASTA", trained(), ism(TABLE), ValueError, "pass fasta="),
    ("a table without coordinates", trained(), ism(TABLE[["chr"]], fasta="a.fa"), KeyError, "chr, start and end", "['chr']"),
    ("a position past the end", trained(), ism([3, 90]), KeyError, "position 90", "90"),
    ("a contig that the FASTA does not have", trained(), ism("chrX:5-9", fasta="a.fa"), ValueError, "a.fa does not have",
     "['chr1', 'chr2']"),
    ("a region past the end of its contig", trained(), ism("chr1:5000-5100", fasta="a.fa"), ValueError, "past the end",
     "2,000 bp"),
    ("a FASTA of another assembly", trained(other_assembly), ism("chr1:5-9", fasta="a.fa"), ValueError, "a.fa", "hg38.fa",
     "SQ.1"),
    ("no such FASTA", trained(), lambda w: sb.tl.ism(w.data, "chr1:5-9", fasta=w.folder / "b.fa"), FileNotFoundError, "b.fa"),
    ("`window=0`", trained(), ism(0, window=0), ValueError, "window must be a whole number of at least 1, got 0"),
    ("a window wider than the sequence", trained(), ism(0, window=500), ValueError, "window=500", "192 bp"),
    ("a window outside the sequence", trained(), ism(0, window=(100, 200)), ValueError, "first < last <= 192", "(100, 200)"),
    ('`method="deeplift"`', trained(), ism(0, method="deeplift"), ValueError, "['ism', 'gradient']", "'deeplift'"),
    *((f"`key_added={name!r}`", trained(), ism(0, key_added=name), ValueError, "would replace a slot")
      for name in ("scbasset", "tf_activity", "motif_hits", "modisco", "variant_effect")),
    ('a model of the name of the slot, `key="ism"`', trained(named), ism(0, key="ism"), ValueError, "uns['ism'] is there already", "but from tl.scbasset"),
    ("`get.ism` with nothing stored", trained(), read(), KeyError, "uns['ism'] holds no", "tl.ism(data, regions)"),
    ("a `key` of something else", trained(put("pca", {"a": 1})), read(key="pca"), KeyError, "uns['pca'] holds no in-silico mutagenesis"),
    ("a model trained again", trained(stored(), again), read(), ValueError, "uns['ism']", "another model", "run tl.ism again"),
    ("a later version's slot", trained(stored(), later), read(), ValueError, "schema 99", "update"),
    ("repeated names of peaks", trained(repeated), read(regions=[0]), ValueError, "var_names_make_unique"),
    ("more of stored regions that are no peaks", trained(stored(), gone), read(window=40), ValueError,
     "uns['ism'] holds positions (86, 106)", "1 of which are no peaks (first: ['chr1:3000-3300'])", "fasta="),
    ("a moved peak without a FASTA", trained(stored()), read(regions=TABLE.set_axis(["chr1:3000-3300"])), ValueError,
     "pass fasta="),
    ("`contrast` without `groupby`", trained(stored()), read(contrast=("a", "b")), ValueError, "groupby="),
    ("a group that is not there", trained(stored()), read(groupby="kind", groups=["c"]), KeyError, "['c']", "['a', 'b']"),
    *((f"`contrast={pair!r}`", trained(stored()), read(groupby="kind", contrast=pair), ValueError, "two different groups")
      for pair in (5, "ab", ("a",))),
    ("`groups` of lists", trained(stored()), read(groupby="kind", groups=[["a"]]), ValueError, "groups must be categories"),
    ("`groups=1`", trained(stored()), read(groupby="kind", groups=1), KeyError, "no group [1]", "['a', 'b']"),
    ("`pl.ism` of more regions than have room", trained(), draw(slice(0, 9)), ValueError, "9 regions", "at most 40 × 6"),
    ("`pl.ism` of more cells than have room", trained(), draw(obs=slice(None)), ValueError, "60 rows", "groupby="),
    ("`pl.ism` of the mean relative to itself", trained(), draw(relative=True), ValueError, "relative=True", "groupby="),
    ("an axis for several rows", trained(), draw(groupby="kind", ax=Figure().subplots()), ValueError, "ax= holds one row", "2 × 1"),
    ("annotations outside the window", trained(), draw(annotate=[(1, 9, "x")]), ValueError, "1 of 1 stretches", "chr1:3140"),
    ("annotations that end before they start", trained(), draw(annotate=[(9, 1, "x")]), ValueError, "start < end", "(9, 1, 'x')"),
    ("annotations without labels", trained(), draw(annotate=TABLE), KeyError, "annotate has no column ['motif']",
     "start, end and label"),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case[0]) for case in CASES])
def test_refused(refused, case):
    refused("ism", *case)


def test_the_page_has_these_rows(page):
    page.hold_order({"ism": CASES})
