import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Fasta, read_variants
from scbasset_tl.genome.variant_match import match_genome

CONTIGS = {"chr1": "ACGTACGTTTGGCCAAACGT", "chr2": "NNGATTACAGATTACAGGCC", "X": "GGGGCCCC"}


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">{name}\n{letters}\n" for name, letters in CONTIGS.items()))
    with Fasta(path) as fasta:
        yield fasta


def table(*rows, **columns):
    """Rows of contig, 1-based position, ref, alt."""
    return pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt"]).assign(**columns)


def test_positions_count_from_one_in_pos_and_from_zero_in_start():
    rows = table(("chr1", 3, "g", "t"), ("chr1", 5, "AC", "A"), id=["rs1", None])
    found = read_variants(rows)
    assert found.names() == ["chr1:3:G>T", "chr1:5:AC>A"]
    assert found.start.tolist() == [2, 4]
    assert found.id.tolist() == ["rs1", "."]
    other = rows.rename(columns={"pos": "start", "chrom": "chr"}).assign(start=found.start)
    for one, two in zip(found, read_variants(other), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_table_and_a_vcf_give_the_same(tmp_path):
    path = tmp_path / "x.vcf"
    path.write_text("#CHROM\tPOS\tID\tREF\tALT\nchr1\t3\trs1\tg\tt,<INS>\nchr2\t4\t.\tAT\tA\n")
    rows = table(("chr1", 3, "G", "T"), ("chr1", 3, "G", "<INS>"), ("chr2", 4, "AT", "A"), id=["rs1", "rs1", "."])
    for one, two in zip(read_variants(path), read_variants(rows), strict=True):
        np.testing.assert_array_equal(one, two)


def test_alternative_alleles_of_a_table_are_split_as_those_of_a_vcf(tmp_path):
    path = tmp_path / "x.vcf"
    path.write_text("chr1\t3\trs1\tg\tt,<INS>,GA\nchr2\t4\t.\tAT\tA\n")
    rows = table(("chr1", 3, "g", "t,<INS>,GA"), ("chr2", 4, "AT", "A"), id=["rs1", "."]).set_index(np.array([7, 7]))
    found = read_variants(rows)
    assert found.names()[:3] == ["chr1:3:G>T", "chr1:3:G><INS>", "chr1:3:G>GA"]
    for one, two in zip(read_variants(path), found, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dtype", ["float64", "Float64", "int64", "category"])
def test_contigs_that_are_numbers(dtype):
    rows = table((1, 3, "G", "T"), (12, 5, "A", "C")).astype({"chrom": dtype})
    assert read_variants(rows).chrom.tolist() == ["1", "12"]


@pytest.mark.parametrize(
    ("ref", "alt", "reason"),
    [
        ("A", "C", ""),
        ("a", "ccg", ""),
        ("A", "*", "no alternative sequence"),
        ("A", ".", "no alternative sequence"),
        ("A", "", "no alternative sequence"),
        ("A", "<DEL>", "symbolic"),
        ("A", "]chr2:5]A", "symbolic"),
        ("A", "A[chr2:5[", "symbolic"),
        ("A", "A.", "symbolic"),
        ("A", "N", "letter other than"),
        ("AR", "A", "letter other than"),
        ("", "A", "letter other than"),
        ("AC", "ac", "equal"),
    ],
)
def test_reasons(ref, alt, reason):
    found = read_variants(table(("chr1", 1, ref, alt))).reason[0]
    assert reason in found
    assert bool(found) == bool(reason)


def test_duplicates_stay():
    assert read_variants(table(*[("chr1", 1, "A", "C")] * 3)).names() == ["chr1:1:A>C"] * 3


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (
            table(("chr1", 1, "A", "C")).drop(columns="alt"),
            KeyError,
            ["needs the columns", "effect_allele", "['chrom', 'pos', 'ref']"],
        ),
        (table(("chr1", 1, "A", "C"), start=4), ValueError, ["both pos (1-based) and start (0-based)"]),
        (table(), ValueError, ["empty table"]),
        (table(("chr1", 1, "A", "C"), ("chr1", -1, "A", "C")), ValueError, ["pos", "1 of 2", "-1 in row 1"]),
        (table(("chr1", 1, "A", "C"), bp=2), ValueError, ["has both pos (1-based) and bp (1-based)"]),
        (table(("chr1", 1.5, "A", "C")), ValueError, ["whole numbers from 1", "1.5"]),
        (table(("chr1", "x", "A", "C")), ValueError, ["'x' in row 0"]),
        (table(("chr1", 1, None, "C")), ValueError, ["ref must hold text"]),
        (table((None, 1, "A", "C")), ValueError, ["chrom must hold text"]),
        (3, TypeError, ["path of a VCF file or a pandas.DataFrame, got int"]),
    ],
)
def test_refuses_tables(source, error, words):
    with pytest.raises(error) as caught:
        read_variants(source)
    assert all(word in str(caught.value.args[0]) for word in words)


def test_contigs_are_found_with_and_without_chr(genome, capsys):
    rows = table(
        ("1", 1, "A", "C"), ("chrX", 1, "G", "C"), ("X", 2, "G", "C"), ("CHR2", 4, "ATT", "A"), ("M", 1, "A", "C")
    )
    with sb.settings.override(verbosity=2):
        found = match_genome(read_variants(rows), genome)
    assert found.chrom.tolist() == ["chr1", "X", "X", "chr2", "M"]
    assert found.reason.tolist() == ["", "", "", "", "contig not in genome.fa"]
    assert (
        "contigs of the variants are read as genome.fa spells them: '1' as 'chr1', 'CHR2' as 'chr2'"
        in capsys.readouterr().err
    )


SNVS = [("chr1", pos + 1, letter, {"A": "C", "C": "G", "G": "T", "T": "A"}[letter]) for pos, letter in
        enumerate(CONTIGS["chr1"])]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (table(("chr9", 1, "A", "C")), ["no contig ['chr9']", "['chr1', 'chr2', 'X']"]),
        (
            table(("X", 9, "A", "C"), ("X", 10, "C", "G"), ("X", 8, "C", "G")),
            ["2 of 3 lie past the end", "X:9:A>C (8)"],
        ),
        (table(("X", 8, "CC", "C")), ["1 of 1 lie past the end"]),
        (table(("chr1", 20, "A", "C")), ["1 of 1", "chr1:20:A>C (T)", "Correct or drop"]),
        (
            table(
                *SNVS[:-5], *[(c, p, a, "N") for c, p, _, a in SNVS[-5:]], *[(c, p, a, r) for c, p, r, a in SNVS[-5:]]
            ),
            ["5 of 20", "swapped"],
        ),
        (table(*[(c, p, a, r) for c, p, r, a in SNVS]), ["20 of 20", "alternative alleles match", "swapped"]),
        (table(*[(c, p - 1, r, a) for c, p, r, a in SNVS[1:]]), ["one base further right", "count from 0"]),
        (table(*[(c, p + 1, r, a) for c, p, r, a in SNVS[:-1]]), ["one base further left", "count from 1"]),
        (table(*[("chr2", p, r, a) for c, p, r, a in SNVS[3:]]), ["another assembly"]),
    ],
)
def test_refuses_what_is_not_of_the_genome(genome, rows, words):
    with pytest.raises(ValueError, match="^variants: ") as caught:
        match_genome(read_variants(rows), genome)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_what_is_skipped_is_not_held_against_the_genome(genome):
    rows = table(("chr1", 1, "A", "C"), ("chr1", 2, "G", "<DEL>"), ("chr1", 999, "N", "T"))
    assert match_genome(read_variants(rows), genome).usable.tolist() == [0]


def test_odd_rows_are_skipped_with_a_reason_and_the_others_stay(tmp_path, capsys):
    """Positions of telomeres, the first letter that an ambiguous base of the FASTA stands for, and one wrong allele."""
    (tmp_path / "genome.fa").write_text(f">chr1\n{CONTIGS['chr1']}RYACGT\n")
    (tmp_path / "x.vcf").write_text(
        "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\n"
        "chr1\t0\ttelomere\tA\tG\nchr1\t27\tend\tN\t<DEL>\nchr1\t27\tend\tA\tG\n"
        "chr1\t21\tR\tA\tG\nchr1\t21\tRY\tACA\tA\nchr1\t3\twrong\tA\tT\n"
        "chr1\t1\tok\tA\tT\nchr1\t2\tok\tC\tT\nchr1\t3\tok\tG\tT\n"
    )
    variants = read_variants(tmp_path / "x.vcf")
    with Fasta(tmp_path / "genome.fa") as genome, sb.settings.override(verbosity=1):
        found = match_genome(variants, genome)
    assert dict(zip(found.id, found.reason, strict=True)) == {
        "telomere": "position 0, before the first base",
        "end": "past the end of its contig in genome.fa",
        "R": "genome.fa has N or another ambiguous letter there",
        "RY": "genome.fa has N or another ambiguous letter there",
        "wrong": "another reference allele than genome.fa",
        "ok": "",
    }
    assert found.reason[1].startswith("symbolic")
    assert "1 of 6 have another reference allele than genome.fa" in (note := capsys.readouterr().err)
    assert "chr1:3:A>T (G). They are skipped" in note


def test_no_cause_is_named_after_a_few_variants(tmp_path):
    """By chance a wrong allele fits one base beside in half of the cases, and the alternative in a third."""
    rng = np.random.default_rng(3)
    letters = "".join(rng.choice(list("ACGT"), 5000))
    (tmp_path / "genome.fa").write_text(f">chr1\n{letters}\n")
    with Fasta(tmp_path / "genome.fa") as genome:
        for _ in range(400):
            places = rng.choice(np.arange(2, 4999), rng.integers(1, 5), replace=False)
            pairs = [rng.permutation([x for x in "ACGT" if x != letters[place - 1]])[:2] for place in places]
            rows = table(*[("chr1", place, *pair) for place, pair in zip(places, pairs, strict=True)])
            with pytest.raises(ValueError, match="another reference allele") as caught:
                match_genome(read_variants(rows), genome)
            assert str(caught.value).endswith("Correct or drop them (bcftools norm --check-ref x).")


def test_several_alternatives_of_one_variant_do_not_agree_on_a_cause(genome):
    rows = table(*[("chr1", 3, "A", alt) for alt in ("G", "GT", "GTT", "GA", "GC", "GG")])
    with pytest.raises(ValueError, match="6 of 6.*Correct or drop"):
        match_genome(read_variants(rows), genome)
