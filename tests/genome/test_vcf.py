import gzip

import pytest
from Bio import bgzf

from scbasset_tl.genome.vcf import VcfRow, read_vcf

FILE = """\
##fileformat=VCFv4.3
##contig=<ID=chr1,length=1000>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tsample
chr1\t10\trs1\tA\tG\t50\tPASS\t.\tGT\t0/1
chr1\t12\t.\tac\tT,<DEL>,*\t.\t.\t.\tGT\t1/2

2\t7\tindel\tG\tGTT\t.\t.\t.\tGT\t0/0
"""
ROWS = [
    ("chr1", 10, "rs1", "A", "G"),
    ("chr1", 12, ".", "ac", "T"),
    ("chr1", 12, ".", "ac", "<DEL>"),
    ("chr1", 12, ".", "ac", "*"),
    ("2", 7, "indel", "G", "GTT"),
]


def write(path, content, how="plain"):
    if how == "plain":
        path.write_bytes(content)
    else:
        with gzip.open(path, "wb") if how == "gzip" else bgzf.BgzfWriter(path) as file:
            file.write(content)
    return path


@pytest.mark.parametrize("how", ["plain", "gzip", "bgzip"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["x.vcf", "x.vcf.gz"])
def test_reads_the_columns_whatever_the_file_is_called(tmp_path, how, newline, name):
    found = read_vcf(write(tmp_path / name, FILE.replace("\n", newline).encode(), how))
    assert found == [VcfRow(*row) for row in ROWS]


def test_no_header_and_no_last_newline(tmp_path):
    assert read_vcf(write(tmp_path / "x.vcf", b"\xef\xbb\xbfchr1\t3\t.\tA\tC\nchr1\t4\tx\tA\tT")) == [
        ("chr1", 3, ".", "A", "C"),
        ("chr1", 4, "x", "A", "T"),
    ]


def test_position_0_is_that_of_a_telomere(tmp_path):
    assert read_vcf(write(tmp_path / "x.vcf", b"chr1\t0\t.\tN\t<DEL>\n")) == [("chr1", 0, ".", "N", "<DEL>")]


HEADER = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["holds no variant"]),
        (HEADER, ["holds no variant"]),
        (HEADER + "chr1\t3\t.\tA\tC\t.\t.\n", ["line 2 has 7 columns, the header 8"]),
        ("chr1\t3\t.\tA\tC\nchr1\t3\t.\tA\tC\t.\n", ["line 2 has 6 columns, the first row 5"]),
        ("chr1 3 . A C\n", ["line 1 has 1 columns", "'chr1 3 . A C'"]),
        ("#CHR\tPOS\n", ["line 1: the header must begin with #CHROM"]),
        ("chr1\t-3\t.\tA\tC\n", ["line 1: POS", "'-3'"]),
        ("chr1\t3.5\t.\tA\tC\n", ["line 1: POS", "'3.5'"]),
    ],
)
def test_refuses(tmp_path, content, words):
    path = write(tmp_path / "x.vcf", content.encode())
    with pytest.raises(ValueError, match="x.vcf") as caught:
        read_vcf(path)
    assert all(word in str(caught.value) for word in words)


def test_refuses_what_is_no_text(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"variants: there is no file .*no\.vcf"):
        read_vcf(tmp_path / "no.vcf")
    with pytest.raises(ValueError, match="BCF file.*bcftools view"):
        read_vcf(write(tmp_path / "x.bcf", b"BCF\x02\x02\x00\x01", "bgzip"))
    whole = gzip.compress(FILE.encode() * 50)
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_vcf(write(tmp_path / "cut.vcf.gz", whole[: len(whole) // 2]))
