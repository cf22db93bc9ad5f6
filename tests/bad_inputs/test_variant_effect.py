"""Variants: what is refused, and what looks odd and can be used."""

import gzip
import shutil

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb

SECTION = "tl.variant_effect"
# bases of the peaks of the data, in the order of their sequences
BASES = "".join(np.random.default_rng(0).choice(list("ACGT"), 89_500))
_MODELS = []


def row(pos, *, chrom="chr1", shift=0, ref=None, alt=None, name="."):
    """A line of a VCF; by default a substitution that fits the genome."""
    ref = BASES[pos - 1] if ref is None else ref
    alt = "ACGT"[("ACGT".index(ref[0].upper()) + 1) % 4] if alt is None else alt
    return "\t".join([chrom, str(pos + shift), name, ref, alt])


PEAK = 150  # the middle of the first peak
GOOD = [row(PEAK), row(PEAK + 20, name="rs1"), row(1150)]


def prepare(*rows, content=None, file="variants.vcf", change=None):
    """Data with a model and its genome, and a file of variants."""

    def make(world):
        path = world.file("genome.fa", f">chr1\n{BASES}\n>chr2\n{BASES[:500]}\n")
        if not _MODELS:
            del world.data.varm["dna_code"]  # the codes are of another genome
            sb.pp.add_sequences(world.data, path, seq_len=192)
            sb.tl.scbasset(world.data, trunk=4, n_latent=6, max_epochs=1, accelerator="cpu")
            _MODELS.append(world.data)
        data = _MODELS[0].copy()
        world.file(file, "\n".join(rows) if content is None else content)
        if change is not None:
            change(world, data)
        return data

    return make


def score(variants="variants.vcf", fasta="genome.fa", **arguments):
    def call(world):
        source = world.folder / variants if isinstance(variants, str) else variants
        sb.tl.variant_effect(world.data, source, world.folder / fasta, **arguments)

    return call


def frame(**columns):
    return pd.DataFrame({"chr": ["chr1"], "pos": [PEAK], "ref": [BASES[PEAK - 1]], "alt": ["AAC"]} | columns)


def other_assembly(world, data):
    world.file("other.fa", f">chr1\nAC{BASES}\n")


def packed(world, data):
    with (world.folder / "genome.fa").open("rb") as plain, gzip.open(world.folder / "genome.fa.gz", "wb") as file:
        shutil.copyfileobj(plain, file)


def drop(field, name):
    return lambda world, data: getattr(data, field).__delitem__(name)


def scored(*changes):
    def make(world):
        data = prepare(*GOOD, row(PEAK + 20, name="rs1", alt="GGTT"), row(PEAK, alt="<DEL>", name="sv"))(world)
        sb.tl.variant_effect(data, world.folder / "variants.vcf", world.folder / "genome.fa")
        for change in changes:
            change(world, data)
        return data

    return make


def later(world, data):
    data.uns["variant_effect"]["schema_version"] = 99


def damage(world, data):
    data.uns["scbasset"]["weights"] = np.roll(data.uns["scbasset"]["weights"], 1)


def draw(variant, **arguments):
    return lambda w: sb.pl.variant_effect(w.data, variant, fasta=w.folder / "genome.fa", show=False, **arguments)


def get(**arguments):
    return lambda w: sb.get.variant_effect(w.data, **arguments)


WRONG = [row(pos, ref="ACGT"[("ACGT".index(BASES[pos - 1]) + 2) % 4]) for pos in (160, 161, 162, 163)]
CASES = [
    ("no such VCF", prepare(), score("no.vcf"), FileNotFoundError, "variants: there is no file", "no.vcf"),
    ("an empty VCF", prepare(content=""), score(), ValueError, "variants.vcf holds no variant"),
    ("a VCF of nothing but a header", prepare("##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT"), score(), ValueError,
     "holds no variant"),
    ("a row with a column too few", prepare(*GOOD, row(170) + "\t.", *GOOD), score(), ValueError,
     "variants.vcf, line 4 has 6 columns, the first row 5"),
    ("spaces for tabs", prepare("chr1 150 . A C"), score(), ValueError, "line 1 has 1 columns between tabs"),
    ("another header", prepare("#CHROM\tSTART\tEND", "chr1\t1\t2"), score(), KeyError, "needs the columns",
     "'#CHROM', 'START', 'END'"),
    ("a table of effects without the other allele", prepare("CHR\tBP\tSNP\tA1", "1\t150\trs1\tA"), score(), KeyError,
     "effect_allele and other_allele", "'A1'"),
    ("a table with `pos` and `bp` that differ", prepare(), score(frame(bp=[4])), ValueError, "both pos (1-based) and bp"),
    ("a negative position", prepare(*GOOD, row(-4, ref="A")), score(), ValueError, "line 4: POS", "'-4'"),
    ("a truncated gzip VCF", prepare(content=gzip.compress("\n".join(GOOD).encode(), mtime=0)[:40]), score(), ValueError,
     "cannot be unpacked", "fetch it again"),
    ("a BCF", prepare(content=b"BCF\2\2"), score(), ValueError, "is a BCF file", "bcftools view"),
    ("a list for the variants", prepare(), score(["chr1:150:A>C"]), TypeError, "path of a VCF file or a pandas.DataFrame"),
    ("a table without `alt`", prepare(), score(frame().drop(columns="alt")), KeyError, "needs the columns", "'ref'"),
    ("an empty table", prepare(), score(frame().iloc[:0]), ValueError, "variants is an empty table"),
    ("a table with `pos` and `start`", prepare(), score(frame(start=[4])), ValueError, "both pos (1-based) and start"),
    ("a table with a negative position", prepare(), score(frame(pos=[-4])), ValueError, "pos", "whole numbers from 1", "-4"),
    ("a table without a reference allele", prepare(), score(frame(ref=[None])), ValueError, "ref must hold text", "row 0"),
    ("wrong reference alleles", prepare(*GOOD, *WRONG), score(), ValueError, "4 of 7", "chr1:160:", "Correct or drop"),
    ("most reference alleles wrong", prepare(*(row(pos, ref=BASES[4 * pos]) for pos in range(100, 180))), score(),
     ValueError, "another assembly"),
    ("reference and alternative swapped", prepare(*(row(pos, ref="ACGT"[("ACGT".index(BASES[pos - 1]) + 1) % 4],
     alt=BASES[pos - 1]) for pos in range(100, 180))), score(), ValueError, "80 of 80", "the two are swapped"),
    ("positions that count from 0", prepare(*(row(pos, shift=-1) for pos in range(100, 180))), score(), ValueError,
     "one base further right", "count from 0"),
    ("positions in `start` that count from 1", prepare(), score(pd.DataFrame(
        {"chr": "chr1", "start": range(100, 180), "ref": list(BASES[99:179]), "alt": "GCAT"})), ValueError,
     "one base further left", "count from 1"),
    ("a contig that the FASTA does not have", prepare(row(PEAK, chrom="chrI")), score(), ValueError, "no contig ['chrI']",
     "'chr1', 'chr2'"),
    ("a position past the end", prepare(row(PEAK), row(499, chrom="chr2", ref="ACG"), row(499, chrom="chr2", ref="ACGT")), score(), ValueError, "2 of 3",
     "past the end", "chr2:499:ACG>C (500)"),
    ("variants outside every peak's window", prepare(row(700), row(600, chrom="chr2", shift=-200, ref=BASES[399])), score(),
     ValueError, "none of 2 can be scored", "2 in no peak's window of 192 bp", "windows='variant'"),
    ("nothing but symbolic alleles", prepare(row(PEAK, alt="<DEL>,*"), row(PEAK, ref="N", alt="A")), score(), ValueError,
     "none of 3", "1 symbolic allele", "1 no alternative sequence", "1 allele with a letter"),
    ("no such FASTA", prepare(*GOOD), score(fasta="no.fa"), FileNotFoundError, "no.fa"),
    ("a FASTA compressed by gzip", prepare(*GOOD, change=packed), score(fasta="genome.fa.gz"), ValueError, "bgzip"),
    ("a FASTA of another assembly", prepare(*GOOD, change=other_assembly), score(fasta="other.fa"), ValueError,
     "other.fa", "not the assembly of the peaks' sequences, genome.fa", "uns['dna_code']['checksum']"),
    ('`windows="both"`', prepare(*GOOD), score(windows="both"), ValueError, "['peaks', 'variant']"),
    ('`average="both"`', prepare(*GOOD), score(average="both"), ValueError, "['none', 'strands', 'strands_shifts']"),
    ('`strands="+"`', prepare(*GOOD), score(strands="+"), TypeError, "use average="),
    ("`key_added` of the model", prepare(*GOOD), score(key_added="scbasset"), ValueError, "choose another name"),
    *((f"`key_added={name!r}`", prepare(*GOOD), score(key_added=name), ValueError, "choose another name")
      for name in ("ism", "motif_hits", "modisco", "tf_activity")),
    ("before training", prepare(*GOOD, change=drop("uns", "scbasset")), score(), KeyError, "tl.scbasset"),
    ("`get.variant_effect` before `tl.variant_effect`", prepare(), get(), KeyError, "uns['variant_effect'] holds no",
     "run tl.variant_effect(data, variants, fasta)"),
    ("`get.variant_effect` of another entry", prepare(), get(key="scbasset"), KeyError, "uns['scbasset'] holds no variant"),
    ("`get.variant_effect` of a later version", scored(later), get(), ValueError, "schema 99, this one reads 1", "update"),
    ("`get.variant_effect` after training again", scored(damage), get(), ValueError, "another model",
     "run tl.variant_effect again"),
    ("a contrast with an unknown group", scored(), get(groupby="kind", contrast=("a", "z")), KeyError, "no group ['z']"),
    ("groups named as columns of the table", scored(lambda w, d: d.obs.replace({"kind": {"a": "ref", "b": "pos"}}, inplace=True)),
     get(groupby="kind"), ValueError, "obs['kind'] has groups", "own columns, ['pos', 'ref']", "rename them"),
    ("`pl.variant_effect` of a row that is not there", scored(), draw(9), KeyError, "0 to 3", "9"),
    ("`pl.variant_effect` of an id that is not there", scored(), draw("rs7"), KeyError, "'rs7' is not among"),
    ("`pl.variant_effect` of an id of two variants", scored(), draw("rs1"), ValueError, "of 2 variants", ">GGTT"),
    ("`pl.variant_effect` of a skipped variant", scored(), draw("sv"), KeyError, "was not scored: symbolic allele"),
    ("`pl.variant_effect` with `window=0`", scored(), draw(0, window=0), ValueError, "window must be"),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case[0]) for case in CASES])
def test_refused(refused, case):
    refused(SECTION, *case)


def test_the_page_has_these_rows(page):
    page.hold_order({SECTION: CASES})


@pytest.mark.parametrize(
    ("rows", "names", "reasons"),
    [
        ([row(PEAK, ref=BASES[PEAK - 1].lower(), alt="acc")], [f"{BASES[PEAK - 1]}>ACC"], []),
        (GOOD[:1] * 3, [f"{BASES[PEAK - 1]}>" + GOOD[0][-1]] * 3, []),
        ([GOOD[0], row(PEAK, alt="N")], [f"{BASES[PEAK - 1]}>" + GOOD[0][-1]], ["allele with a letter"]),
        ([GOOD[0], row(700)], [f"{BASES[PEAK - 1]}>" + GOOD[0][-1]], ["in no peak's window"]),
        (
            [GOOD[0], row(PEAK, chrom="chrUn", ref="A")],
            [f"{BASES[PEAK - 1]}>" + GOOD[0][-1]],
            ["contig not in genome.fa"],
        ),
        (
            [GOOD[0], row(1, shift=-1), row(500, chrom="chr2", shift=1, ref="A")],
            [f"{BASES[PEAK - 1]}>" + GOOD[0][-1]],
            ["position 0", "past the end of its contig"],
        ),
        (
            GOOD[:2] + WRONG[:1],
            [f"{BASES[p - 1]}>" + line[-1] for p, line in zip((PEAK, PEAK + 20), GOOD, strict=False)],
            ["another reference allele than genome.fa"],
        ),
        ([row(PEAK, chrom="1")], [f"{BASES[PEAK - 1]}>" + GOOD[0][-1]], []),
    ],
    ids=[
        "lower case",
        "duplicates",
        "N",
        "outside every peak",
        "a contig without sequence",
        "telomeres",
        "a wrong reference allele",
        "contigs without chr",
    ],
)
def test_accepted(world, rows, names, reasons):
    world.data = prepare(*rows)(world)
    score()(world)
    found = sb.get.variant_effect(world.data, groupby="kind")
    assert (found["ref"] + ">" + found["alt"]).tolist() == names
    assert set(found["chrom"]) == {"chr1"}
    skipped = sb.get.variant_effect(world.data, skipped=True)["reason"].tolist()
    assert len(skipped) == len(reasons)
    assert all(one.startswith(other) for one, other in zip(skipped, reasons, strict=True))
