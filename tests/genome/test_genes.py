"""Start sites from tables and GTF files, and the regions near them, against plain loops."""

import gzip

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Genes, annotation, read_genes, read_regions
from scbasset_tl.genome.genes import near

GTF = """\
#!genome-build WBcel235
I\tWormBase\tgene\t101\t200\t.\t+\t.\tgene_id "G1"; gene_name "abc-1"; gene_biotype "protein_coding";
I\tWormBase\ttranscript\t111\t200\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; gene_name "abc-1";
I\tWormBase\tgene\t301\t400\t.\t-\t.\tgene_id "G2"; gene_source "x";
2\tWormBase\tgene\t1\t5\t.\t+\t.\tgene_id "G3"; gene_name "twice";
2\tWormBase\tgene\t11\t15\t.\t-\t.\tgene_id "G4"; gene_name "twice";
"""


@pytest.mark.parametrize("name", ["a.gtf", "a.gtf.gz"])
def test_gtf(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(GTF.encode()) if name.endswith("gz") else GTF.encode())
    genes = read_genes(path)
    assert genes.name.tolist() == ["abc-1", "G2", "twice", "G4"]
    assert genes.chrom.tolist() == ["I", "I", "2", "2"]
    assert genes.tss.tolist() == [100, 399, 0, 14]
    assert genes.tss.dtype == np.int64


def test_gtf_with_hashes_comments_and_genes_without_a_strand(tmp_path, monkeypatch, capsys):
    lines = GTF.splitlines()
    lines[1] = lines[1].replace('gene_id "G1"', 'note "protein #2"; gene_id "G1"')
    lines += ["#" + lines[3].replace("G2", "G9"), lines[3].replace("\t-\t", "\t?\t").replace("G2", "G5"), "### the end"]
    (tmp_path / "a.gtf").write_text("\n".join(lines))
    for size in (2, 200_000):
        monkeypatch.setattr("scbasset_tl.genome.annotation._LINES", size)
        with sb.settings.override(verbosity=2):
            genes = read_genes(tmp_path / "a.gtf")
        assert genes.name.tolist() == ["abc-1", "G2", "twice", "G4"]
        assert genes.tss.tolist() == [100, 399, 0, 14]
        assert "1 of 5 have no strand and are left out, first ['G5']" in capsys.readouterr().err


def test_gtf_is_read_in_parts_of_which_genes_stay(tmp_path, monkeypatch):
    kept, collapse = [], annotation.collapse
    monkeypatch.setattr(annotation, "_LINES", 2)
    monkeypatch.setattr(annotation, "collapse", lambda lines: collapse(kept.append(len(lines)) or lines))
    exons = GTF.splitlines()[2].replace("transcript", "exon")
    (tmp_path / "a.gtf").write_text(GTF + "\n".join([exons] * 5))
    assert len(read_genes(tmp_path / "a.gtf").name) == 4
    assert kept == [4]


def test_gtf_of_transcripts_only(tmp_path):
    lines = [line.replace("\tgene\t", "\ttranscript\t") for line in GTF.splitlines() if "\tgene\t" in line]
    more = lines[0].replace("\t101\t", "\t151\t")
    (tmp_path / "a.gtf").write_text("\n".join([*lines, more]))
    genes = read_genes(tmp_path / "a.gtf")
    assert genes.tss[genes.name == "abc-1"].tolist() == [100, 150]


TABLE = pd.DataFrame({
    "chr": ["chrI", "chrI", "chrX"], "start": [100, 300, 0], "end": [200, 400, 5], "strand": ["+", "-", "+"],
    "gene_name": ["a", "b", "c"],
})  # fmt: skip


@pytest.mark.parametrize("sep", ["\t", ","])
def test_tables(tmp_path, sep):
    path = tmp_path / ("genes.csv" if sep == "," else "genes.tsv.gz")
    TABLE.to_csv(path, sep=sep, index=False)
    for source in (path, str(path), TABLE, TABLE.set_index("gene_name"), TABLE.rename(columns={"gene_name": "symbol"})):
        genes = read_genes(source)
        assert genes.name.tolist() == ["a", "b", "c"]
        assert genes.tss.tolist() == [100, 399, 0]
    given = read_genes(TABLE.assign(tss=[7.0, 8.0, 9.0]))
    assert given.tss.tolist() == [7, 8, 9]


@pytest.mark.parametrize("before", ["", "# made by x\n", "# made\n\n# by\tx\n"])
@pytest.mark.parametrize("mark", ["", "#", "# "])
def test_headers_and_comments_with_hashes(tmp_path, before, mark):
    path = tmp_path / "genes.tsv"
    table = TABLE.assign(gene_name=["a #1", "b", "c"])
    path.write_text(before + mark + table.to_csv(sep="\t", index=False))
    genes = read_genes(path)
    assert genes.name.tolist() == ["a #1", "b", "c"]
    assert genes.tss.tolist() == [100, 399, 0]


@pytest.mark.parametrize("strand", [[1, -1, 1], ["+1", "-1", "1"], [1.0, -1.0, 1.0]])
def test_strands_as_numbers(strand):
    assert read_genes(TABLE.assign(strand=strand)).tss.tolist() == [100, 399, 0]


def test_rows_without_a_name_are_left_out():
    assert read_genes(TABLE.assign(gene_name=["a", None, "c"])).name.tolist() == ["a", "c"]


def test_an_empty_name_gives_way_to_the_id(tmp_path):
    table = TABLE.assign(gene_name=["a", None, ""], gene_id=["g1", "g2", "g3"])
    assert read_genes(table).name.tolist() == ["a", "g2", "g3"]
    table.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    assert read_genes(tmp_path / "genes.tsv").name.tolist() == ["a", "g2", "g3"]


@pytest.mark.parametrize("name", ["nan", "NA", "None", "null"])
def test_genes_that_are_called_like_missing_values(tmp_path, name):
    """Drosophila has a gene nan (nanchung)."""
    TABLE.assign(gene_name=["a", name, "c"]).to_csv(tmp_path / "genes.csv", index=False)
    assert read_genes(tmp_path / "genes.csv").name.tolist() == ["a", name, "c"]


def test_missing_names_as_r_writes_them(tmp_path):
    table = TABLE.assign(chr=["chrI", "chrII", "chrIII"], gene_name=["a", "NA", "NA"], gene_id=["g1", "g2", "g3"])
    table.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    assert read_genes(tmp_path / "genes.tsv").name.tolist() == ["a", "g2", "g3"]


def test_attributes_without_quotes(tmp_path):
    attributes = [
        'gene_id "g1"; gene_name "a b";',
        "gene_id g2; gene_name b;",
        "gene_id 7;",
        'gene_name  "d"; gene_id g4',
    ]
    lines = [f"chrI\tx\tgene\t{10 * i + 1}\t{10 * i + 5}\t.\t+\t.\t{text}\n" for i, text in enumerate(attributes)]
    (tmp_path / "a.gtf").write_text("".join(lines))
    assert read_genes(tmp_path / "a.gtf").name.tolist() == ["a b", "b", "7", "d"]


def test_contigs_that_pandas_took_for_numbers():
    assert read_genes(TABLE.assign(chr=[1, 2, 3])).chrom.tolist() == ["1", "2", "3"]


@pytest.mark.parametrize("distance", [0, 1, 40, 500])
def test_near(rng, distance):
    start = rng.integers(0, 4000, 150)
    var = pd.DataFrame(
        {"chr": rng.choice(["chrI", "chrII"], 150), "start": start, "end": start + rng.integers(1, 300, 150)}
    )
    var.index = var.index.astype(str)
    contigs = rng.choice(["chrI", "chrII", "chrIII"], 60).astype(object)
    genes = Genes(np.arange(60).astype(str).astype(object), contigs, rng.integers(0, 4300, 60))
    expected = {
        (site, row)
        for site in range(60)
        for row, peak in enumerate(var.itertuples())
        if peak.chr == genes.chrom[site]
        and min(abs(base - genes.tss[site]) for base in (peak.start, peak.end - 1, np.clip(genes.tss[site], peak.start, peak.end - 1)))
        <= distance
    }  # fmt: skip
    found = list(zip(*(pairs.tolist() for pairs in near(genes, read_regions(var), distance)), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert expected


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        (TABLE.drop(columns="chr"), KeyError, "columns \\['start'"),
        (TABLE.drop(columns="strand"), KeyError, "or start, end"),
        (TABLE.drop(columns="gene_name"), KeyError, "need a name"),
        (TABLE.assign(strand=["+", ".", "-"]), ValueError, "1 of 3 rows.*b \\(.\\)"),
        (TABLE.assign(tss=[1, -5, 2.5]), ValueError, "tss is no position for 2 of 3"),
        (TABLE.assign(end=[200, 300, 5]), ValueError, "end is not after start for 1 of 3 rows.*b \\(300\\)"),
        (TABLE.assign(start=["x", 1, 2]), ValueError, "start is no position for 1 of 3"),
        (TABLE.assign(gene_name=None), ValueError, "no row of 3"),
    ],
)
def test_tables_that_cannot_be_read(table, error, words):
    with pytest.raises(error, match=words):
        read_genes(table)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.gtf", "chrI\tx\tintron\t1\t2\t.\t+\t.\t\n", "no line of a gene"),
        ("a.gtf", "chrI\tx\texon\t1\t2\t.\t+\t.\t\n", "no row of 1 has both a name"),
        ("a.gff3", "##gff-version 3\n", "no line of a gene"),
        ("a.tsv", "", "cannot be read"),
        ("a.gtf.gz", "not compressed", "no line of a gene"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=words):
        read_genes(tmp_path / name)


def test_rows_with_a_field_too_many_are_refused(tmp_path):
    for content in ("gene,chr,tss\na,chrI,5,9\nb,chrI,6,9\n", "gene,chr,tss\na,chrI,5\nb,chrI,6,9\n"):
        (tmp_path / "genes.csv").write_text(content)
        with pytest.raises(ValueError, match=r"genes\.csv .*(more fields than its header: name|saw 4)"):
            read_genes(tmp_path / "genes.csv")
    line = 'chrI\tx\tgene\t101\t200\t.\t+\t.\tgene_id "a";'
    (tmp_path / "genes.gtf").write_text(f"chr\t{line}\nchr\t{line}\n")
    with pytest.raises(ValueError, match="more fields than a GTF has, 9"):
        read_genes(tmp_path / "genes.gtf")


def test_damaged_gzip_is_named(tmp_path):
    lines = [
        f'chrI\tx\tgene\t{number * 7 + 1}\t{number * 13 + 20}\t.\t+\t.\tgene_id "g{number}";' for number in range(400)
    ]
    whole = gzip.compress("\n".join(lines).encode(), mtime=0)
    for at in range(12, len(whole) - 16, 40):
        (tmp_path / "a.gtf.gz").write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"a\.gtf\.gz"):
            read_genes(tmp_path / "a.gtf.gz")
