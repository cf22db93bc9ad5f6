"""pp: what it refuses. A case is (what is wrong, how it is made, the call, error, words of the message)."""

import gzip

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from Bio import bgzf

import scbasset_tl as sb

BASES = "".join(np.random.default_rng(0).choice(list("ACGT"), 95_000))
FASTA = "\n".join([">chr1", *(BASES[start : start + 60] for start in range(0, len(BASES), 60)), ""])


def add(content=FASTA, name="genome.fa", **arguments):
    """The call with a FASTA of this content."""
    return lambda world: sb.pp.add_sequences(world.data, world.file(name, content), **{"seq_len": 192, **arguments})


def add_from(name):
    """The call with a file that is not there, or the folder."""
    return lambda world: sb.pp.add_sequences(world.data, world.folder / name)


def bgzf_of(world, text, *, cut=None):
    """The bytes of ``text`` as bgzip compresses it."""
    path = world.folder / "content"
    with bgzf.BgzfWriter(path) as file:
        file.write(text)
    content = path.read_bytes()[:cut]
    path.unlink()
    return content


def truncated_bgzip(world):
    path = world.file("genome.fa.gz", bgzf_of(world, FASTA, cut=-100))
    sb.pp.add_sequences(world.data, path)


def bgzip_of_another_name(world):
    sb.pp.add_sequences(world.data, world.file("genome.fa", bgzf_of(world, FASTA)))


def unreadable(world):
    path, original = world.file("genome.fa", FASTA), type(world.folder).open

    def refuse(file, *mode, **options):
        if file == path:
            raise PermissionError(13, "Permission denied", str(file))
        return original(file, *mode, **options)

    world.patch.setattr(type(path), "open", refuse)
    sb.pp.add_sequences(world.data, path)


def packed_beside(world):
    world.file("genome.fa.gz", bgzf_of(world, FASTA))
    sb.pp.add_sequences(world.data, world.folder / "genome.fa")


def half_on_chr2(world):
    start = np.arange(90) * 1000
    world.data.var = world.data.var.assign(chr=["chr1"] * 45 + ["chr2"] * 45, start=start, end=start + 300)


def regions(**changes):
    """Columns chr, start, end, with (peak, value) of some replaced."""

    def make(world):
        start = np.arange(90) * 1000
        columns = {"chr": ["chr1"] * 90, "start": start, "end": start + 300}
        for name, (peak, value) in changes.items():
            columns[name] = [value if row == peak else old for row, old in enumerate(columns[name])]
        for name, values in columns.items():
            world.data.var[name] = values

    return make


def names(first=None, *, every=None):
    """Other names of the first peak or of all."""

    def make(world):
        if every:
            world.data.var_names = [f"{every}{number}" for number in range(90)]
        else:
            world.data.var_names = [first, *world.data.var_names[1:]]

    return make


def transposed(world):
    return world.data.T.copy()


def no_peaks(world):
    return world.data[:, :0].copy()


def mudata(world):
    rna = ad.AnnData(np.ones((60, 4), dtype=np.float32), obs=pd.DataFrame(index=world.data.obs_names))
    return md.MuData({"rna": rna, "peaks": world.data})


WHOLE = "must be a whole number of at least"
KEY_ADDED = "key_added must be a name without '/'"
KEYS = ["chr", "start", "end"]
PEAK_4 = "1 of 90 peaks, 'chr1:4000-4300'"
HARD_MASKED = ">chr1\n" + ("N" * 60 + "\n") * 1600
UNEVEN = FASTA[:66] + "ACGT\n" + FASTA[66:]
ADD_SEQUENCES = [
    ("no such FASTA", None, add_from("no.fa"), FileNotFoundError, "there is no FASTA file", "no.fa", "check the path"),
    ("the name of an assembly for the FASTA", None, lambda w: sb.pp.add_sequences(w.data, "hg38"), FileNotFoundError,
     "there is no FASTA file 'hg38'", "the name of an assembly"),
    ("a FASTA that is there as .gz", None, packed_beside, FileNotFoundError, "no FASTA file", "but there is", "genome.fa.gz"),
    ("a folder for the FASTA", None, add_from(""), FileNotFoundError, "there is no FASTA file", "it is a folder"),
    ("`fasta=None`", None, lambda w: sb.pp.add_sequences(w.data, None), TypeError, "fasta must be a path, got None"),
    ("a FASTA that may not be read", None, unreadable, PermissionError, "Permission denied", "genome.fa"),
    ("an empty FASTA", None, add(""), ValueError, "genome.fa", "does not start with '>'"),
    ("a file that is no FASTA", None, add("hello\n"), ValueError, "genome.fa", "does not start with '>'", "hello"),
    ("a FASTA compressed by plain gzip", None, add(gzip.compress(FASTA.encode()), "genome.fa.gz"), ValueError,
     "compressed by gzip", "sb.genome.bgzip(", "gunzip -c", "| bgzip >"),
    ("a truncated bgzip FASTA", None, truncated_bgzip, ValueError, "genome.fa.gz is truncated", "Fetch"),
    ("a bgzip FASTA without .gz in its name", None, bgzip_of_another_name, ValueError, "compressed by bgzip", "Rename"),
    ("a plain FASTA with .gz in its name", None, add(name="genome.fa.gz"), ValueError, "not compressed", "Rename"),
    ("a truncated plain FASTA", None, add(FASTA[:50_000]), ValueError, "past the end of the contig", "49,175 bp",
     "41 of 90 peaks", "'chr1:49000-49300' (49300)"),
    ("two contigs of one name", None, add(FASTA + FASTA), ValueError, "genome.fa", "chr1"),
    ("lines of uneven length", None, add(UNEVEN), ValueError, "genome.fa cannot be read as FASTA", "at line 4"),
    ("a FASTA of proteins", None, add(">chr1\n" + ("MKLVEFQPIL" * 6 + "\n") * 1600), ValueError, "genome.fa",
     "no IUPAC nucleotide letter", "'E'"),
    ("a hard-masked FASTA", None, add(HARD_MASKED), ValueError, "90 of 90 windows hold nothing but N", "unmasked"),
    ("a FASTA of another species", None, add(FASTA.replace(">chr1", ">scaffold_7")), ValueError, "no contig 'chr1'",
     "'scaffold_7'", "another assembly or species"),
    ("one peak on an unknown contig", regions(chr=(4, "chrUn")), add(), ValueError, "no contig 'chrUn'", PEAK_4, "drop these peaks",
     "Pass the FASTA that the peaks were called on"),
    ("coordinates past the end of the contig", regions(end=(4, 500_000)), add(), ValueError, "past the end", PEAK_4,
     "(500000)", "95,000 bp"),
    ("start above end", regions(end=(4, 3)), add(), ValueError, "var['start'] is not below var['end']", PEAK_4),
    ("a peak of no length", regions(end=(4, 4000)), add(), ValueError, "var['start'] is not below var['end']", PEAK_4),
    ("a negative start", regions(start=(4, -5)), add(), ValueError, "var['start'] is negative", PEAK_4, "(-5)"),
    ("a start of NaN, with `region_keys`", regions(start=(4, np.nan)), add(region_keys=KEYS), ValueError, "var['start'] is missing",
     PEAK_4, "(nan)"),
    ("an infinite end", regions(end=(4, np.inf)), add(), ValueError, "var['end'] is infinite", PEAK_4, "(inf)"),
    ("an end between two bases", regions(end=(4, 4300.5)), add(), ValueError, "not a whole number", PEAK_4, "4300.5"),
    ("text for a coordinate", regions(end=(4, "x")), add(), ValueError, "var['end'] is missing or no number", "(x)"),
    ("a peak without a contig, with `region_keys`", regions(chr=(4, np.nan)), add(region_keys=KEYS), ValueError, "var['chr'] is missing",
     PEAK_4),
    ("no regions, neither in columns nor in names", names(every="peak"), add(), KeyError, "no columns chr, start, end",
     "region_keys", "names of cells", "adata.T.copy()"),
    ("one name that is no region", names("oops"), add(), ValueError, "1 of 90 peaks, 'oops'", "region_keys"),
    ("one name with start above end", names("chr1:300-100"), add(), ValueError, "'chr1:300-100'", "not below"),
    ("`region_keys` of two columns", None, add(region_keys=["chr", "start"]), ValueError, "region_keys must name three"),
    ("`region_keys` that are no columns", regions(), add(region_keys=["chrom", "start", "end"]), KeyError,
     "var has no column 'chrom'", "'chr', 'start', 'end'"),
    ("`region_keys` in the wrong order", regions(), add(region_keys=["chr", "end", "start"]), ValueError,
     "var['end'] is not below var['start']", "90 of 90 peaks"),
    ("peaks × cells", transposed, add(), ValueError, "regions are in adata.obs", "adata = adata.T.copy()"),
    ("no peaks", no_peaks, add(), ValueError, "no peaks", "gex_only=False"),
    *((f"`seq_len={value!r}`", None, add(seq_len=value), ValueError, f"seq_len {WHOLE} 1, got {value!r}")
      for value in (0, 10.5)),
    *((f"`key_added={value!r}`", None, add(key_added=value), ValueError, KEY_ADDED, repr(value)) for value in ("", "a/b")),
    ("a MuData whose modality has another name", mudata, add(), KeyError, "no modality 'atac'", "'peaks'", "mod="),
    ("the wrong modality", mudata, add(mod="rna"), KeyError, "no columns chr, start, end"),
    ("a path for the data", lambda w: "atac.h5ad", add(), TypeError, "AnnData or a MuData", "str"),
]  # fmt: skip


def filter_by(**arguments):
    return lambda world: sb.pp.filter_peaks(world.data, **arguments)


def split_by(**arguments):
    return lambda world: sb.pp.split_peaks(world.data, **arguments)


def backed(world):
    world.data.write_h5ad(world.folder / "atac.h5ad")
    return ad.read_h5ad(world.folder / "atac.h5ad", backed="r")


def negative(world):
    world.data.X = -world.data.X


def no_matrix(world):
    return ad.AnnData(obs=world.data.obs, var=world.data.var)


SHARE = "must be a finite number at least 0 and at most 1, got"
FILTER_PEAKS = [
    *((f"`{name}={value!r}`", None, filter_by(**{name: value}), ValueError, f"{name} {SHARE} {value!r}")
      for name, value in (("min_fraction", 1.5), ("min_fraction", -0.1), ("max_fraction", float("nan")))),
    ("`min_fraction` above `max_fraction`", None, filter_by(min_fraction=0.5, max_fraction=0.1), ValueError,
     "min_fraction=0.5", "max_fraction=0.1", "Lower"),
    ("`min_cells=-1`", None, filter_by(min_cells=-1), ValueError, f"min_cells {WHOLE} 0, got -1"),
    ("`min_cells` above the number of cells", None, filter_by(min_cells=100), ValueError, "min_cells=100", "60 cells"),
    ("limits that would leave no peak", None, filter_by(min_fraction=0.99), ValueError,
     "no peak would be left", "Lower min_fraction"),
    ("data in a file", backed, filter_by(), ValueError, "backed", "copy=True", "to_memory"),
    ("negative values", negative, filter_by(), ValueError, "adata.X has", "negative", "in cell 'cell0'", "layer="),
    ("no matrix", no_matrix, filter_by(), ValueError, "adata.X is None", "layer="),
    ("a layer that is not there", None, filter_by(layer="counts"), KeyError, "no layer 'counts'", "layer=None"),
    ("no peaks", no_peaks, filter_by(), ValueError, "n_vars is 0", "gex_only=False"),
]  # fmt: skip


def multiome(world):
    world.data.var["feature_types"] = ["Gene Expression"] * 30 + ["Peaks"] * 60


def genes_alone(world):
    world.data.var["feature_types"] = "Gene Expression"


def given(verb, *arguments):
    return lambda world: getattr(sb.pp, verb)(world.data, *arguments)


TURNED = ("peaks × cells", transposed)
TURNED_WORDS = (ValueError, "regions are in adata.obs", "adata = adata.T.copy()")
MULTIOME = ("genes beside peaks, as in a 10x multiome matrix", multiome)
MULTIOME_WORDS = (
    ValueError,
    "{'Gene Expression': 30} beside 60 Peaks",
    'adata = adata[:, adata.var["feature_types"] == "Peaks"].copy()',
)
FILTER_PEAKS += [
    (*TURNED, filter_by(), *TURNED_WORDS),
    (*MULTIOME, filter_by(), *MULTIOME_WORDS),
    ("genes and no peaks", genes_alone, filter_by(), ValueError, "{'Gene Expression': 90} and no 'Peaks'", "mod="),
]

CHR1 = "the peaks lie on ['chr1']"
SPLIT_PEAKS = [
    *((f"`fractions={value!r}`", None, split_by(fractions=value), ValueError, "fractions", word)
      for value, word in (((0.9, 0.1), "sum to one"), ((0.5, 0.1, 0.1), "sum to one"), ((0.9, 0.2, -0.1), "-0.1"),
                          (0.9, "train, val and test"), ("abc", "'a'"))),
    ("nothing to train on, `fractions=(0, 0.5, 0.5)`", None, split_by(fractions=(0, 0.5, 0.5)), ValueError,
     "no peaks to train on"),
    ('`by="contig"`', None, split_by(by="contig"), ValueError, "by must be one of ['peak', 'chrom'], got 'contig'"),
    ('`holdout` with `by="peak"`', None, split_by(holdout="chr1"), ValueError, "holdout='chr1'", 'by="chrom"'),
    ("`holdout` of a contig without peaks", None, split_by(by="chrom", holdout="chr9"), ValueError, "['chr9']", CHR1),
    ("`holdout=3`", None, split_by(by="chrom", holdout=3), ValueError, "['3']", CHR1),
    ("`holdout` without test contigs", None, split_by(by="chrom", holdout={"val": "chr1"}), ValueError, "['val']"),
    ("a contig for validation and test", None, split_by(by="chrom", holdout={"val": "chr1", "test": "chr1"}),
     ValueError, "twice"),
    ("all contigs held out", None, split_by(by="chrom", holdout="chr1"), ValueError, "train 0", "No contig is left",
     "pp.split_peaks"),
    ("two contigs, and none named to be held out", half_on_chr2, split_by(by="chrom"), ValueError, "train 0",
     "by='chrom', holdout='chr1'"),
    ("what a function of pp returned", None, lambda w: sb.pp.split_peaks(None), TypeError, "got NoneType", "return None",
     "not adata ="),
    ('`by="chrom"` without regions', names(every="peak"), split_by(by="chrom"), KeyError, "no columns chr, start, end"),
    ("too few peaks for three parts", lambda w: w.data[:, :20].copy(), split_by(), ValueError,
     "train 19, val 0, test 1", "at least 2"),
    *((f"`rng={value!r}`", None, split_by(rng=value), ValueError, "rng must be a whole number", repr(value))
      for value in ("a", -1)),
    ('`key_added="a/b"`', None, split_by(key_added="a/b"), ValueError, KEY_ADDED, "'a/b'"),
    ('`key_added="start"`', None, split_by(key_added="start"), ValueError, "key_added='start'", "another name"),
]  # fmt: skip

ADD_SEQUENCES += [(*MULTIOME, add(), *MULTIOME_WORDS)]
SPLIT_PEAKS += [(*TURNED, split_by(), *TURNED_WORDS), (*MULTIOME, split_by(), *MULTIOME_WORDS)]

CASES = {"pp.add_sequences": ADD_SEQUENCES, "pp.filter_peaks": FILTER_PEAKS, "pp.split_peaks": SPLIT_PEAKS}


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
