"""Tables of variants as programs and databases write them."""

import gzip

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Fasta, read_variants
from scbasset_tl.genome.variant_match import match_genome

LETTERS = "ACGTACGTTTGGCCAAACGTGATTACA"
# contig, position from 1, reference and alternative allele, id
ROWS = [("1", 3, "G", "T", "rs1"), ("X", 6, "C", "A", "rs2"), ("1", 14, "CA", "C", "rs3")]
FORMS = {
    "CHROM POS ID REF ALT": "{chrom} {pos} {id} {ref} {alt}",
    "Chromosome,Position,SNP,Reference,Alternate": "{chrom},{pos},{id},{ref},{alt}",
    "chr\tpos1\tref\talt\trsid": "chr{chrom}\t{pos}.0\t{ref}\t{alt}\t{id}",
    "#chrom\tstart\tend\tref\talt\trsid": "{chrom}\t{start}\t{pos}\t{ref}\t{alt}\t{id}",
    "chrom\tstart\tpos\tref\talt\trsid": "{chrom}\t{start}\t{pos}\t{ref}\t{alt}\t{id}",
    # GWAS-SSF
    "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\tvariant_id\trsid": (
        "{chrom}\t{pos}\t{alt}\t{ref}\t0.1\t{chrom}_{pos}_{ref}_{alt}\t{id}"
    ),
    # GWAS catalogue, harmonised: the other columns are of an older assembly
    "hm_rsid\thm_chrom\thm_pos\thm_other_allele\thm_effect_allele\tchromosome\tbase_pair_location\teffect_allele\tother_allele": (
        "{id}\t{chrom}\t{pos}\t{ref}\t{alt}\t7\t99\tT\tA"
    ),
    # PLINK --assoc and LDSC
    " CHR         SNP         BP   A1   A2        P": "   {chrom}   {id}   {pos}   {alt}   {ref}   0.5",
    # REGENIE
    "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE": "{chrom} {pos} {id} {ref} {alt} 0.2 9 ADD 0.1 0.1",
    # fine-mapping
    "chromosome\tposition\tallele1\tallele2\trsid": "chr{chrom}\t{pos}\t{ref}\t{alt}\t{id}",
    # PLINK .bim
    "": "{chrom}\t{id}\t0.5\t{pos}\t{alt}\t{ref}",
}


def text_of(header, rows=ROWS):
    names = ("chrom", "pos", "ref", "alt", "id")
    lines = [FORMS[header].format(start=row[1] - 1, **dict(zip(names, row, strict=True))) for row in rows]
    return "\n".join([header, *lines] if header else lines) + "\n"


@pytest.fixture
def genome(tmp_path):
    (tmp_path / "genome.fa").write_text(f">chr1\n{LETTERS}\n>chrX\n{LETTERS}\n")
    with Fasta(tmp_path / "genome.fa") as fasta:
        yield fasta


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("header", FORMS)
def test_files(tmp_path, genome, header, packed):
    text = text_of(header).encode()
    (tmp_path / "a.txt").write_bytes(gzip.compress(text) if packed else b"\xef\xbb\xbf" + text)
    found = read_variants(tmp_path / "a.txt")
    assert [(c.removeprefix("chr"), s + 1, r, a, i) for c, s, r, a, i, *_ in zip(*found, strict=True)][:2] == ROWS[:2]
    matched = match_genome(found, genome)
    assert matched.names()[:2] == ["chr1:3:G>T", "chrX:6:C>A"]
    # C and CA both fit: without the names ref and alt nothing tells which is the reference
    assert matched.reason.tolist()[2] == (
        "either allele fits the genome (name the columns ref and alt)" if found.free[2] else ""
    )


@pytest.mark.parametrize("header", [name for name in FORMS if name and "," not in name])
def test_data_frames_with_names_in_either_case(tmp_path, header):
    (tmp_path / "a.txt").write_text(text_of(header))
    table = pd.read_csv(tmp_path / "a.txt", sep="\t" if "\t" in header else r"\s+")
    expected = read_variants(tmp_path / "a.txt")
    for change in (str.upper, str.title, str):
        for one, two in zip(read_variants(table.rename(columns=change)), expected, strict=True):
            np.testing.assert_array_equal(one, two)


def test_effect_alleles_are_oriented_by_the_genome(genome, capsys):
    rng = np.random.default_rng(0)
    rows = []
    for place in range(20):
        other, effect = rng.permutation(
            [LETTERS[place], *rng.permutation([x for x in "ACGT" if x != LETTERS[place]])[:1]]
        )
        rows.append((1, place + 1, effect, other))
    table = pd.DataFrame(rows, columns=["chromosome", "base_pair_location", "effect_allele", "other_allele"])
    with sb.settings.override(verbosity=2):
        found = match_genome(read_variants(table), genome)
    assert found.ref.tolist() == list(LETTERS[:20])
    assert [{ref, alt} == {row[2], row[3]} for ref, alt, row in zip(found.ref, found.alt, rows, strict=True)] == [
        True
    ] * 20
    assert found.effect.tolist() == [row[2] for row in rows]
    n_turned = sum(row[2] == letter for row, letter in zip(rows, LETTERS, strict=False))
    assert 0 < n_turned < 20
    assert f"{n_turned} of 20 effect alleles are the reference allele" in (note := capsys.readouterr().err)
    assert "sign of beta" in note


def test_alleles_of_neither_order_that_do_not_fit(genome):
    table = pd.DataFrame({"chr": 1, "bp": [1, 2, 3, 4], "a1": ["G", "C", "G", "T"], "a2": ["C", "T", "T", "A"]})
    found = match_genome(read_variants(table), genome)
    assert found.reason.tolist() == ["another reference allele than genome.fa", "", "", ""]


def test_missing_values_are_skipped_with_a_reason(genome):
    table = pd.DataFrame({
        "chrom": [1, 1, None, 1, 1], "pos": [3, None, 3, 0, 3], "ref": ["G", "A", "G", "A", None], "alt": list("TCTCT"),
        "rsid": ["rs1", "rs2", None, "rs4", "rs5"], "variant_id": ["a", "b", "c", "d", "e"],
    })  # fmt: skip
    found = match_genome(read_variants(table), genome)
    lacks = "no contig, position or allele in the table"
    assert found.reason.tolist() == ["", lacks, lacks, "position 0, before the first base", lacks]
    assert found.id.tolist() == ["rs1", "rs2", "c", "rs4", "rs5"]


def test_contigs_by_the_numbers_of_plink(genome):
    table = pd.DataFrame({"chr": [23, 1], "pos": 3, "ref": "G", "alt": "T"})
    assert match_genome(read_variants(table), genome).chrom.tolist() == ["chrX", "chr1"]


def test_a_table_that_is_cut_or_uneven(tmp_path):
    text = text_of("CHROM POS ID REF ALT") * 200
    (tmp_path / "a.gz").write_bytes(gzip.compress(np.random.default_rng(0).bytes(9) + text.encode())[:60])
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_variants(tmp_path / "a.gz")
    (tmp_path / "a.csv").write_text("chr,pos,ref,alt\n1,2,A,C\n1,2,A,C,9,9\n")
    with pytest.raises(ValueError, match=r"a\.csv cannot be read as a table"):
        read_variants(tmp_path / "a.csv")


def test_fine_mapped_variants_as_published(real_data):
    path = real_data / "human/finemapped_blood_traits_hg19_chr20.tsv.gz"
    table = pd.read_csv(path, sep="\t")
    for source in (path, table):
        found = read_variants(source)
        assert found.chrom.tolist() == table["chr"].tolist()
        assert (found.start + 1).tolist() == table["pos1"].astype(int).tolist()
        assert found.ref.tolist() == table["ref"].tolist()
        assert found.alt.tolist() == table["alt"].tolist()
