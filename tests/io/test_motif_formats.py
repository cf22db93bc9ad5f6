"""Motif files in every format that is read, held against Biopython."""

import gzip
from io import StringIO

import numpy as np
import pytest
from Bio import motifs as bio

import scbasset_tl as sb
from scbasset_tl.genome.motif_names import tf_genes

COUNTS = {"MA0002.2 RUNX1": (7, 11), "MA0006.1 Ahr::Arnt": (4, 4), "MA0035.4 GATA1": (11, 5), "MA0999.1 one": (1, 3)}


@pytest.fixture
def counts(rng):
    """Counts of four motifs (width, 4), of which one is as wide as there are letters."""
    return {name: rng.multinomial(100, [0.4, 0.3, 0.2, 0.1], width) for name, (width, _) in COUNTS.items()}


def jaspar(counts, letters=True):
    text = ""
    for name, matrix in counts.items():
        rows = [" ".join(map(str, row)) for row in matrix.T]
        shown = [f"{letter}  [ {row} ]" for letter, row in zip("ACGT", rows, strict=True)] if letters else rows
        text += f">{name}\n" + "\n".join(shown) + "\n"
    return text


def homer(counts):
    text = ""
    for name, matrix in counts.items():
        factor = name.split()[1]
        rows = "\n".join("\t".join(f"{value:.3f}" for value in row / row.sum()) for row in matrix)
        text += (
            f">TGATTC\t{factor}(Zf)/K562-{factor}-ChIP-Seq(GSE1)/Homer\t6.04\t-1782.9\t0\t9805.3,5781.0,0.00\n{rows}\n"
        )
    return text


def transfac(counts):
    text = "VV  TRANSFAC MATRIX TABLE, Release 8.4\nXX\n//\n"
    for number, (name, matrix) in enumerate(counts.items()):
        key, factor = name.split()
        rows = "\n".join(f"{i:02d}  " + "  ".join(map(str, row)) + "      N" for i, row in enumerate(matrix, start=1))
        text += (
            f"AC  {key}\nXX\nID  V${factor}_01\nXX\nNA  {factor}\nXX\nP0      A      C      G      T\n{rows}\nXX\n"
            f"RN  [7]; RE000{number}.\nRA  Müller A.\nXX\n//\n"
        )
    return text


def check(found, expected, *, atol=1e-12):
    assert [f"{motif.id} {motif.name}" for motif in found] == list(expected)
    for motif, matrix in zip(found, expected.values(), strict=True):
        np.testing.assert_allclose(motif.pwm, matrix / matrix.sum(axis=1, keepdims=True), atol=atol)


@pytest.mark.parametrize("letters", [True, False])
@pytest.mark.parametrize("name", ["a.jaspar", "a.pfm", "a.txt", "a.jaspar.gz"])
def test_jaspar(tmp_path, counts, letters, name):
    text = jaspar(counts, letters)
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    found = sb.io.read_motifs(tmp_path / name)
    check(found, counts)
    for ours, theirs in zip(found, bio.parse(StringIO(text), "jaspar"), strict=True):
        assert (ours.id, ours.name) == (theirs.matrix_id, theirs.name)
        np.testing.assert_allclose(ours.pwm, np.array([theirs.pwm[letter] for letter in "ACGT"]).T, atol=1e-12)


def test_jaspar_rows_in_another_order(tmp_path):
    (tmp_path / "a.jaspar").write_text(">M1 x\nT [1 0]\nG [0 0]\na [3 0]\nC [0 4]\n")
    check(sb.io.read_motifs(tmp_path / "a.jaspar"), {"M1 x": np.array([[3, 0, 0, 1], [0, 4, 0, 0]])})


def test_jaspar_of_the_database(real_data, tmp_path):
    """Counts of the database's own numbers of sites give its own probabilities."""
    path = real_data / "motifs/JASPAR2022_CORE_vertebrates.meme"
    theirs = sb.io.read_motifs(path)
    counts = {f"{motif.id} {motif.name}": np.round(motif.pwm * 1e6).astype(int) for motif in theirs}
    (tmp_path / "a.jaspar").write_text(jaspar(counts))
    for ours, other in zip(sb.io.read_motifs(tmp_path / "a.jaspar"), theirs, strict=True):
        assert (ours.id, ours.name, ours.consensus) == (other.id, other.name, other.consensus)
        np.testing.assert_allclose(ours.pwm, other.pwm, atol=5e-6)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_transfac(tmp_path, counts, newline):
    text = transfac(counts)
    (tmp_path / "a.transfac").write_bytes(text.replace("\n", newline).encode("latin-1"))
    found = sb.io.read_motifs(tmp_path / "a.transfac")
    check(found, counts)
    (tmp_path / "jaspar.txt").write_text(text.replace("P0      A", "PO\tA").replace("NA  ", "CC  "))
    assert [motif.name for motif in sb.io.read_motifs(tmp_path / "jaspar.txt")][0] == "V$RUNX1_01"


def test_homer(tmp_path, counts):
    (tmp_path / "known.motif").write_text(homer(counts))
    found = sb.io.read_motifs(tmp_path / "known.motif")
    assert [tf_genes(motif.name) for motif in found] == [["RUNX1"], ["Ahr", "Arnt"], ["GATA1"], ["one"]]
    for motif, matrix in zip(found, counts.values(), strict=True):
        np.testing.assert_allclose(motif.pwm, matrix / 100, atol=2e-3)
    theirs = bio.parse(StringIO(homer(counts).replace("\t", "  ")), "pfm-four-columns")
    for ours, other in zip(found, theirs, strict=True):
        np.testing.assert_allclose(ours.pwm, np.array([other.pwm[letter] for letter in "ACGT"]).T, atol=1e-12)


def test_homer_motifs_of_one_name_go_by_their_consensus(tmp_path):
    text = ">AC\tAP-1(bZIP)\t6.0\n1\t0\t0\t0\n>TG\tAP-1(bZIP)\t6.0\n0\t0\t0\t1\n"
    (tmp_path / "a.motif").write_text(text)
    assert [(m.id, m.name) for m in sb.io.read_motifs(tmp_path / "a.motif")] == [
        ("AP-1(bZIP)_A", "AP-1(bZIP)"),
        ("AP-1(bZIP)_T", "AP-1(bZIP)"),
    ]


def test_hocomoco(tmp_path, counts):
    upright = {name.split()[1]: matrix for name, matrix in counts.items()}
    text = "".join(
        f"> {name}\n" + "\n".join("\t".join(map(str, row)) for row in m) + "\n" for name, m in upright.items()
    )
    (tmp_path / "a.pcm").write_text(text)
    check(sb.io.read_motifs(tmp_path / "a.pcm"), {f"{name} {name}": matrix for name, matrix in upright.items()})


@pytest.mark.parametrize("name", ["MA0004.1.pfm", "MA0004.1.pfm.gz"])
def test_a_single_matrix_goes_by_the_name_of_its_file(tmp_path, name):
    text = "0 3 7\n9 1 1\n1 0 0\n0 6 2\n"
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    check(
        sb.io.read_motifs(tmp_path / name), {"MA0004.1 MA0004.1": np.array([[0, 9, 1, 0], [3, 1, 0, 6], [7, 1, 0, 2]])}
    )


def test_cis_bp_of_one_motif(tmp_path):
    (tmp_path / "M0001_2.00.txt").write_text("Pos\tA\tC\tG\tT\n1\t0.5\t0.5\t0\t0\n2\t0\t0.25\t0.25\t0.5\n")
    expected = np.array([[0.5, 0.5, 0, 0], [0, 0.25, 0.25, 0.5]])
    check(sb.io.read_motifs(tmp_path / "M0001_2.00.txt"), {"M0001_2.00 M0001_2.00": expected})


@pytest.mark.parametrize("axis", [0, 1])
def test_four_rows_of_four_numbers_by_their_sums(tmp_path, axis):
    upright = np.array([[5, 1, 2, 2], [0, 0, 10, 0], [3, 3, 3, 1], [9, 0, 0, 1]])
    matrix = upright.T if axis == 0 else upright
    (tmp_path / "a.pfm").write_text(">M1 x\n" + "\n".join(" ".join(map(str, row)) for row in matrix))
    check(sb.io.read_motifs(tmp_path / "a.pfm"), {"M1 x": upright})


MEME = "MEME version 4\n\nMOTIF M1 JUN\nletter-probability matrix: {}\n0 0 1 0\n.1 .9 0 0\n\nURL x\nMOTIF M2\nletter-probability matrix:\n1 0 0 0\n"


@pytest.mark.parametrize("head", ["alength= 4 w= 2", "alength= 4", "", "alength= 4 nsites= 20"])
@pytest.mark.parametrize("name", ["a.meme", "a.meme.gz"])
def test_meme_packed_and_without_widths(tmp_path, head, name):
    text = MEME.format(head).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert [repr(motif) for motif in sb.io.read_motifs(tmp_path / name)] == [
        "Motif('M1', 'JUN', GC)",
        "Motif('M2', 'M2', A)",
    ]


def test_verbs_take_every_format(tmp_path, counts):
    (tmp_path / "a.jaspar").write_text(jaspar(counts))
    assert [motif.id for motif in sb.genome.motif_input.as_motifs(tmp_path / "a.jaspar")] == [
        name.split()[0] for name in counts
    ]
