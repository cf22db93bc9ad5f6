"""Text files with edits that hypothesis draws: each reader reads them, or says which file it cannot read and why.

SCBASSET_TL_LONG=750 tries 750 of each kind.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scbasset_tl as sb
from scbasset_tl.genome.universe import read_bed
from scbasset_tl.stats.index_file import open_index

N = int(os.environ.get("SCBASSET_TL_LONG", "60"))
ODD = [
    "", "0", "-1", "1", "1.5", "1e9", "9" * 30, "-" + "9" * 30, "9223372036854775808", "2147483648", "nan", "inf", "NA",
    ".", "*", "+", "-", "chr1", "1", "MT", "é", "\u2028", "\x00", "\t", " ", "\r", "\n", "\n\n", "#", ">", ">x", '"', "'",
    ";", ",", "=", ":", "gene_id", 'gene_id "x";', "A", "ACGTN", "acgt", "RYK", "<DEL>", "\ufeff", "w= 0", "w= 999999",
]  # fmt: skip


def motif_rows(rng, n, join=" "):
    return [join.join(f"{value:.4f}" for value in rng.dirichlet([1] * 4)) for _ in range(n)]


def texts():
    rng = np.random.default_rng(0)
    rows = [(f"chr{n % 3 + 1}", n * 700 + 1, n * 700 + 500) for n in range(12)]
    meme = "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\n" + "".join(
        f"MOTIF M{n} TF{n}\nletter-probability matrix: alength= 4 w= 5 nsites= 20 E= 0\n"
        + "\n".join(motif_rows(rng, 5))
        + "\n\n"
        for n in range(3)
    )
    jaspar = "".join(
        f">MA{n}.1 TF{n}\n"
        + "\n".join(f"{base} [ {' '.join(map(str, rng.integers(0, 50, 6)))} ]" for base in "ACGT")
        + "\n"
        for n in range(3)
    )
    transfac = "".join(
        f"AC M{n}\nXX\nID TF{n}\nXX\nP0 A C G T\n"
        + "\n".join(f"{k + 1:02} " + " ".join(map(str, rng.integers(0, 50, 4))) for k in range(5))
        + "\nXX\n//\n"
        for n in range(3)
    )
    homer = "".join(f">ACGT\tTF{n}\t6.0\n" + "\n".join(motif_rows(rng, 5, "\t")) + "\n" for n in range(3))
    attributes = [
        f'gene_id "G{n}"; gene_name "N{n}"; transcript_id "T{n}"; gene_type "protein_coding";' for n in range(12)
    ]
    gtf = "#!genome\n" + "".join(
        f"{c}\tx\t{kind}\t{s}\t{e}\t.\t{'+-'[n % 2]}\t.\t{attributes[n]}\n"
        for n, (c, s, e) in enumerate(rows) for kind in ("gene", "transcript", "exon")
    )  # fmt: skip
    gff = "##gff-version 3\n" + "".join(
        f"{c}\tx\t{kind}\t{s}\t{e}\t.\t+\t.\t{about}\n"
        for n, (c, s, e) in enumerate(rows)
        for kind, about in (("gene", f"ID=gene:G{n};Name=N{n}"), ("mRNA", f"ID=T{n};Parent=gene:G{n}"))
    )
    vcf = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "".join(
        f"{c}\t{s}\trs{n}\tA\tC,G\t.\tPASS\tAF=0.1\n" for n, (c, s, _) in enumerate(rows)
    )
    return {
        "meme": ("m.meme", meme, sb.io.read_motifs),
        "jaspar": ("m.jaspar", jaspar, sb.io.read_motifs),
        "transfac": ("m.transfac", transfac, sb.io.read_motifs),
        "homer": ("m.motif", homer, sb.io.read_motifs),
        "gtf": ("a.gtf", gtf, sb.genome.read_genes),
        "gff": ("a.gff3", gff, sb.genome.read_genes),
        "genes": ("genes.csv", "gene,chr,tss,strand\n" + "".join(f"N{n},{c},{s},+\n" for n, (c, s, _) in enumerate(rows)), sb.genome.read_genes),
        "refFlat": ("refFlat.txt", "".join(f"N{n}\tT{n}\t{c}\t+\t{s}\t{e}\t{s}\t{e}\t1\t{s},\t{e},\n" for n, (c, s, e) in enumerate(rows)), sb.genome.read_genes),
        "vcf": ("v.vcf", vcf, sb.genome.read_variants),
        "variants": ("v.tsv", "chrom\tpos\tref\talt\n" + "".join(f"{c}\t{s}\tA\tC\n" for c, s, _ in rows), sb.genome.read_variants),
        "gwas": ("g.tsv", "chromosome\tbase_pair_location\teffect_allele\tother_allele\trsid\n" + "".join(f"{c[3:]}\t{s}\tA\tC\trs{s}\n" for c, s, _ in rows), sb.genome.read_variants),
        "bed": ("u.bed", "".join(f"{c}\t{s}\t{e}\n" for c, s, e in rows), read_bed),
        "fasta": ("x.fa", "".join(f">chr{n} text\n" + "\n".join(["ACGTNacgtn" * 3] * 3) + "\n" for n in range(3)), bases_of),
    }  # fmt: skip


def bases_of(path):
    with sb.genome.Fasta(path) as fasta:
        for contig, length in fasta.lengths.items():
            codes = fasta.codes(contig, -5, length + 5)
            assert codes.shape == (length + 10,)
            assert codes.max(initial=0) <= 4


TEXTS = texts()


@st.composite
def edited(draw, text):
    """A text with some of its lines and fields changed, as bytes."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["field", "field", "letter", "drop", "twice", "swap", "cut", "insert", "join"]))
        line, odd = lines[at], draw(st.sampled_from(ODD) | st.text(max_size=5))
        separator = next((mark for mark in "\t, ;" if mark in line), " ")
        if kind == "field":
            fields = line.split(separator)
            fields[draw(st.integers(0, len(fields) - 1))] = odd
            lines[at] = separator.join(fields)
        elif kind == "letter":
            place = draw(st.integers(0, len(line)))
            lines[at] = line[:place] + odd + line[place + draw(st.integers(0, 2)) :]
        elif kind == "drop" and len(lines) > 1:
            del lines[at]
        elif kind == "twice":
            lines.insert(at, line)
        elif kind == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "cut":
            lines = lines[:at] or [""]
        elif kind == "insert":
            lines.insert(at, odd)
        elif kind == "join" and at + 1 < len(lines):
            lines[at : at + 2] = [line + lines[at + 1]]
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "latin-1", "utf-16"]))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    return newline.join(lines).encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")


def refusal(read, path):
    """What the reader says against the file, if anything: a ValueError, or a KeyError for a column that is missing."""
    try:
        read(path)
    except UnicodeError:
        raise
    except (ValueError, KeyError) as error:
        return str(error.args[0])
    return None


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.filterwarnings("ignore")
def test_edited_text(kind):
    name, text, read = TEXTS[kind]
    outcomes = {"read": 0, "refused": 0}

    @settings(max_examples=N, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
    @given(edited(text))
    def check(content):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.write_bytes(content)
            said = refusal(read, path)
        outcomes["read" if said is None else "refused"] += 1
        assert said is None or name in said, said

    check()
    print(kind, outcomes)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "cells.index"
    sb.tl.scbasset(sb.datasets.toy(n_obs=40, n_vars=60), trunk=4, n_latent=4, max_epochs=1, index_file=path)
    return path


def test_damaged_index_files(index, tmp_path):
    """Every part of the file is checked by what is checked at each call, with its checksum."""
    whole, rng = index.read_bytes(), np.random.default_rng(0)
    entries, path, outcomes = open_index(index).open_entries, tmp_path / "cells.index", {"read": 0, "refused": 0}
    for number in range(N):
        damaged = bytearray(whole)
        at = int(rng.integers(len(whole))) if number % 2 else int(rng.integers(600))
        if number % 5 == 0:
            del damaged[at:]
        else:
            damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        said = refusal(lambda path: open_index(path, verify=True), path)
        outcomes["read" if said is None else "refused"] += 1
        if said is not None:
            assert "cells.index" in said
            continue
        found = open_index(path).open_entries
        np.testing.assert_array_equal(found.indptr, entries.indptr)
        np.testing.assert_array_equal(found.indices, entries.indices)
    print("index", outcomes)
    assert outcomes["refused"]
