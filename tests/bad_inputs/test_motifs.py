"""Motifs: what is refused. A case is (what is wrong, how it is made, the call, error, words)."""

import gzip

import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Motif, dinucleotide_shuffle

GOOD = """\
MEME version 4

ALPHABET= ACGT

MOTIF MA1.1 JUN
letter-probability matrix: alength= 4 w= 3
0.7 0.1 0.1 0.1
0.0 1.0 0.0 0.0
0.0 0.5 0.5 0.0

MOTIF MA2.1 FOS::JUN
letter-probability matrix: alength= 4 w= 2
0.0 1.0 0.0 0.0
0.0 0.5 0.5 0.0
"""


def meme(change=None, *, old=None, new=None):
    """A file of motifs with a part replaced."""

    def make(world):
        assert old is None or old in GOOD
        text = change if old is None else GOOD.replace(old, new)
        world.file("toy.meme", text)

    return make


def read(world):
    sb.io.read_motifs(world.folder / "toy.meme")


def made(*arguments):
    return lambda world: Motif(*arguments)


def shuffled(codes, **arguments):
    return lambda world: dinucleotide_shuffle(codes, **arguments)


JASPAR = ">MA1.1 JUN\nA [ 7 0 0 ]\nC [ 1 10 5 ]\nG [ 1 0 5 ]\nT [ 1 0 0 ]\n"
LAST = GOOD[: GOOD.rindex("0.0 0.5")]
CASES = {
    "io.read_motifs": [
        ("no such file", None, read, FileNotFoundError, "there is no motif file", "toy.meme"),
        ("a folder", None, lambda w: sb.io.read_motifs(w.folder), FileNotFoundError, "there is no motif file"),
        ("`path=None`", None, lambda w: sb.io.read_motifs(None), TypeError, "path must be a path, got None"),
        ("an empty file", meme("\n"), read, ValueError, "toy.meme is empty"),
        ("a gzip file that is cut", meme(gzip.compress(GOOD.encode(), mtime=0)[:60]), read, ValueError, "cannot be unpacked",
         "fetch it again"),
        ("a zip archive", meme(b"PK\3\4"), read, ValueError, "is a zip archive", "Unpack it"),
        ("a table", meme("name\tmatrix\n"), read, ValueError, "is no file of motifs", "begins with 'name", "JASPAR"),
        ("JASPAR's format without a row", meme(JASPAR.replace("G [ 1 0 5 ]\n", "")), read, ValueError, "line 1", "'MA1.1'",
         "['A', 'C', 'T']", "one each"),
        ("JASPAR's format cut within a row", meme(JASPAR[:-6]), read, ValueError, "4 rows of [1, 3] numbers", "damaged"),
        ("text in a row of JASPAR's format", meme(JASPAR.replace("7", "x")), read, ValueError, "line 2", "not numbers"),
        ("HOMER's log-odds", meme(">TGA\tJUN\t6.0\n0.7\t-1.2\t0.1\t0.4\n"), read, ValueError, "row 1 has -1.2 for C"),
        ("4 rows of 4 numbers that are neither", meme(">M1\n" + "1 2 3 4\n5 1 2 9\n1 2 2 2\n1 1 1 1\n"), read, ValueError,
         "whether rows are positions or letters", "Write the letter"),
        ("a position without counts", meme(">M1\n0 1\n0 2\n0 3\n0 4\n"), read, ValueError, "nothing but zeros at position 1"),
        ("a TRANSFAC file that is cut", meme("AC  M1\nP0 A C G T\n01 1 2 3 4\n"), read, ValueError, "does not end in '//'"),
        ("a TRANSFAC matrix with a row missing", meme("AC  M1\nP0 A C G T\n02 1 2 3 4\n//\n"), read, ValueError, "is damaged"),
        ("a TRANSFAC motif without an id", meme("P0 A C G T\n01 1 2 3 4\nXX\n//\n"), read, ValueError, "neither AC nor ID"),
        ("a name in Latin-1", meme(GOOD.replace("FOS", "FÖS").encode("latin-1")), read, ValueError, "not in UTF-8"),
        ("proteins", meme(old="= ACGT", new="= ACDEFGHIKLMNPQRSTVWY"), read, ValueError, "ACDEF", "DNA"),
        ("no motif", meme("MEME version 4\n"), read, ValueError, "holds no motif"),
        ("a motif without an id", meme(old=" MA2.1 FOS::JUN", new=""), read, ValueError, "line 11: a motif has no id"),
        ("a motif without a matrix", meme(old=GOOD[GOOD.index("letter"):GOOD.index("MOTIF MA2")], new="\n"), read,
         ValueError, "line 5: motif 'MA1.1' has no line 'letter-probability matrix"),
        ("neither a width nor a row", meme("MEME version 4\nMOTIF M1\nletter-probability matrix:\n"), read, ValueError,
         "'M1' has no row of numbers"),
        ("a file cut between two rows", meme(LAST), read, ValueError, "line 11", "'MA2.1' has 1 rows", "w= 2", "truncated"),
        ("a file cut within a row", meme(GOOD[:-10]), read, ValueError, "'MA2.1' has rows of [2, 4] numbers"),
        ("a row missing", meme(old="0.7 0.1 0.1 0.1\n", new=""), read, ValueError, "'MA1.1' has 2 rows", "w= 3"),
        ("a row too many", meme(old="w= 3", new="w= 2"), read, ValueError, "'MA1.1' has 3 rows of numbers, but w= 2"),
        ("a row of five numbers", meme(old="0.7 0.1", new="0.7 0.0 0.1"), read, ValueError, "rows of [4, 5] numbers"),
        ("text for a number", meme(old="0.7", new="x"), read, ValueError, "'MA1.1' has 0 rows of numbers, but w= 3"),
        ("width 0", meme(old="w= 3", new="w= 0"), read, ValueError, "'MA1.1' has width 0"),
        ("a row that sums to 1.3", meme(old="0.7", new="1.0"), read, ValueError, "line 5", "'MA1.1' (JUN)",
         "1 of 3 do not (row 1 sums to 1.3)"),
        ("counts", meme(old="0.5 0.5", new="5 5"), read, ValueError, "'MA1.1'", "Divide counts"),
        ("a negative number", meme(old="0.7 0.1", new="0.9 -0.1"), read, ValueError, "row 1 has -0.1 for C"),
        ("NaN", meme(old="0.7", new="nan"), read, ValueError, "'MA1.1' (JUN)", "row 1 has nan for A"),
        ("an id twice", meme(old="MA2.1", new="MA1.1"), read, ValueError, "line 11: motif 'MA1.1'", "the one in line 5"),
    ],
    "genome": [
        ("a `Motif` with a matrix of (4, width)", None, made("M1", "JUN", [[1] * 3, [0] * 3, [0] * 3, [0] * 3]), ValueError,
         "'M1' (JUN) must have shape (width, 4)", "(4, 3)", "Transpose"),
        ("a `Motif` without positions", None, made("M1", "JUN", []), ValueError, "at least 1, got (0,)"),
        ("a `Motif` of text", None, made("M1", "JUN", "ACGT"), ValueError, "must be numbers (width, 4)"),
        ("a `Motif` without a name", None, made("M1", None, [[1, 0, 0, 0]]), ValueError, "name of a motif must be text"),
        ("`pl.motif` of a list", None, lambda w: sb.pl.motif([]), TypeError, "one scbasset_tl.genome.Motif, got list"),
        ("`dinucleotide_shuffle` of letters", None, shuffled("ACGT"), ValueError, "codes must be whole numbers", "encode"),
        ("`dinucleotide_shuffle` of other codes", None, shuffled([[0, 7]]), ValueError, "0 to 4", "there are 0 to 7"),
        ("`dinucleotide_shuffle` with `n=0`", None, shuffled([[0, 1]], n=0), ValueError, "n must be a whole number"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [pytest.param((section, *row), id=f"{section}: {row[0]}") for section, rows in CASES.items() for row in rows],
)
def test_refused(refused, case):
    section, what, prepare, call, error, *words = case
    refused(section, what, prepare, call, error, *words)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)


def test_the_good_file_is_read(world):
    assert [motif.name for motif in sb.io.read_motifs(world.file("toy.meme", GOOD))] == ["JUN", "FOS::JUN"]
