import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome.contigs import contig_names, match_contigs, one_spelling, respell

# rows of UCSC's chromAlias tables: UCSC, Ensembl or GENCODE, RefSeq
HG38 = [
    ("chr1", "1", "NC_000001.11"), ("chr10", "10", "NC_000010.11"), ("chr22", "22", "NC_000022.11"),
    ("chrX", "X", "NC_000023.11"), ("chrY", "Y", "NC_000024.10"), ("chrM", "MT", "NC_012920.1"),
    ("chr14_GL000009v2_random", "GL000009.2", None), ("chr16_KI270728v1_random", "KI270728.1", None),
    ("chrUn_KI270742v1", "KI270742.1", None), ("chrUn_GL000195v1", "GL000195.1", None),
    ("chr6_GL000256v2_alt", "GL000256.2", None),
]  # fmt: skip
HG19 = [("chr1", "1", "NC_000001.10"), ("chr1_gl000191_random", "GL000191.1", None), ("chrX", "X", "NC_000023.10"),
        ("chrUn_gl000211", "GL000211.1", None)]  # fmt: skip
MM10 = [
    ("chr1", "1", "NC_000067.6"), ("chr19", "19", "NC_000085.6"), ("chrX", "X", "NC_000086.7"),
    ("chrY", "Y", "NC_000087.7"), ("chrM", "MT", "NC_005089.1"), ("chr4_JH584294_random", "JH584294.1", None),
    ("chr1_GL456210_random", "GL456210.1", None),
]  # fmt: skip
DM6 = [("chr2L", "2L", None), ("chrX", "X", None), ("chr4", "4", None), ("chrM", "mitochondrion_genome", None)]
CE11 = [("chrI", "I", None), ("chrV", "V", None), ("chrX", "X", None), ("chrM", "MtDNA", None)]


@pytest.mark.parametrize("aliases", [HG38, HG19, MM10, DM6, CE11], ids=["hg38", "hg19", "mm10", "dm6", "ce11"])
def test_against_the_aliases_of_ucsc(aliases):
    pairs = [(a, b) for a in range(3) for b in range(3)]
    for a, b in pairs:
        rows = [row for row in aliases if row[a] and row[b]]
        expected = {row[a]: row[b] for row in rows}
        assert match_contigs(expected, [row[b] for row in rows]) == expected


@pytest.mark.parametrize(
    "write",
    [
        str.upper,
        str.lower,
        lambda name: f" {name} ",
        lambda name: f"GRCh38_{name}",
        lambda name: f"atac:{name}",
        lambda name: f"hg38____{name}",
        lambda name: name.replace("_", "-"),
        lambda name: name.replace("chr", "Chr"),
        lambda name: name.replace("chr", "chromosome_"),
    ],
)
def test_spellings(write):
    names = [row[0] for row in HG38]
    for known in (names, [row[1] for row in HG38]):
        expected = {write(name): other for name, other in zip(names, known, strict=True)}
        assert match_contigs(expected, known) == expected
        assert match_contigs(known, expected) == {other: name for name, other in expected.items()}


def test_10x_style_scaffolds_beside_chr1():
    peaks = ["chr1", "chrX", "KI270728.1", "GL000009.2"]
    for place in (0, 1):
        known = [row[place] for row in HG38]
        found = match_contigs(peaks, known)
        assert found == {name: row[place] for name in peaks for row in HG38 if name in row}
        assert len(found) == 4


def test_numbers():
    assert contig_names(pd.Series([1.0, 2.0, 21.0])).tolist() == ["1", "2", "21"]
    assert contig_names(pd.Series([1, "1.0", 2.0, "X", " chr1 ", "GL000194.1"], dtype=object)).tolist() == [
        *("1", "1", "2", "X", "chr1", "GL000194.1")
    ]
    assert match_contigs(["1.0", "Chr02"], ["chr1", "chr2", "chr20"]) == {"1.0": "chr1", "Chr02": "chr2"}


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (["scaffold_1", "chrI", "chr1:2", "KI270728.2", "Un", "random"], ["chr1", "chr2", "chr16_KI270728v1_random"]),
        (["GRCh38_chr1", "mm10_chr1"], ["chr1"]),  # two genomes, of which nobody says which it is
        (["chr1"], ["GRCh38_chr1", "mm10_chr1"]),
        (["X"], ["CHRX", "chrX"]),
        (["NC_000101.1", ""], ["1", "chr101"]),
        (["chr"], ["1"]),
    ],
)
def test_other_contigs_are_not_taken_for_one(names, known):
    assert match_contigs(names, known) == {}
    assert match_contigs(names, [*known, *names]) == {name: name for name in names}


def test_spike_in_and_two_mitochondria():
    assert match_contigs(["chrX", "dm6_chrX"], ["chrX", "dm6_chrX"]) == {"chrX": "chrX", "dm6_chrX": "dm6_chrX"}
    assert one_spelling(pd.Categorical(["chrX", "dm6_chrX"])).tolist() == ["chrX", "dm6_chrX"]
    assert match_contigs(["M", "MT"], ["chrM", "chrMT"]) == {"M": "chrM", "MT": "chrMT"}


def test_respell_and_one_spelling(capsys):
    chrom = pd.Categorical(["1", "chr1", "q", "2", "1"])
    with sb.settings.override(verbosity=2):
        found = respell(chrom, ["chr1", "chr2"], whose="the peaks", source="x.fa")
        assert respell(found, ["chr1", "chr2"], whose="the peaks", source="x.fa") is found
    assert found.tolist() == ["chr1", "chr1", "q", "chr2", "chr1"]
    (note,) = capsys.readouterr().err.splitlines()
    assert note.endswith("contigs of the peaks are read as x.fa spells them: '1' as 'chr1', '2' as 'chr2'")
    assert one_spelling(chrom).tolist() == ["1", "1", "q", "2", "1"]
    assert one_spelling(pd.Categorical(np.array([], dtype=object))).tolist() == []


def test_the_time_grows_no_faster_than_the_contigs(no_garbage_collection):
    """Ten times as many: ten times as long on a quiet machine, a hundred times if each were held against each."""
    from time import process_time

    seconds = []
    for n_contigs in (10_000, 100_000):
        names = [f"scaffold{row}" for row in range(n_contigs)]
        started = process_time()
        assert len(match_contigs(["chr1", *names], names)) == n_contigs
        seconds.append(process_time() - started)
    assert seconds[1] < 60 * seconds[0]
