import numpy as np
import pytest
from memelite.io import write_meme

import scbasset_tl as sb
from scbasset_tl.genome import Motif
from scbasset_tl.genome.motif_input import as_motifs

TWO = """\
MEME version 4

ALPHABET= ACGT

MOTIF\tMA0006.1   Ahr::Arnt
letter-probability matrix: alength= 4 w= 3 nsites= 24 E= 0
0.125000 0.333333 0.083333 0.458333
0 1 0 0
  0.1\t0.2 0.3   0.4
URL http://jaspar

MOTIF M1_1.02
letter-probability matrix: alength= 4 w= 1
 1e0 .0 0 0"""


@pytest.fixture
def meme(tmp_path):
    def write(text, name="toy.meme"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_ids_names_and_matrices(meme):
    first, second = sb.io.read_motifs(meme(TWO))
    assert (first.id, first.name, first.consensus) == ("MA0006.1", "Ahr::Arnt", "TCT")
    np.testing.assert_allclose(
        first.pwm[[0, 2]], [[0.125, 0.333333, 0.083333, 0.458333], [0.1, 0.2, 0.3, 0.4]], atol=1e-6
    )
    assert (second.id, second.name, second.pwm.tolist()) == ("M1_1.02", "M1_1.02", [[1, 0, 0, 0]])


def test_line_ends_and_the_mark_of_windows(meme):
    path = meme("")
    path.write_bytes(b"\xef\xbb\xbf" + TWO.replace("\n", "\r\n").encode())
    assert [motif.id for motif in sb.io.read_motifs(path)] == ["MA0006.1", "M1_1.02"]


@pytest.mark.parametrize("space", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_other_spaces_end_no_line(meme, space):
    path = meme("")
    path.write_bytes(TWO.replace("Ahr::Arnt", f"Ahr::Arnt{space}variant").encode())
    assert [motif.name for motif in sb.io.read_motifs(path)] == ["Ahr::Arnt variant", "M1_1.02"]


def test_output_of_meme_itself(meme):
    """The program writes a banner before the version, statistics behind the name, and log-odds before the matrix."""
    text = """\
********
MEME - Motif discovery tool
********
MEME version 5.5.7 (Release date: 2024)

ALPHABET= ACGT

MOTIF GAT MEME-1	width =   3  sites =  20  llr = 200  p-value = 1.0e-003  E-value = 1.0e-005
	MEME-1 position-specific scoring matrix
log-odds matrix: alength= 4 w= 3 n= 200 bayes= 5 E= 1.0e-005
 -100 -100 200 -100
 200 -100 -100 -100
 -100 -100 -100 200
letter-probability matrix: alength= 4 w= 3 nsites= 20 E= 1.0e-005
 0 0 1 0
 1 0 0 0
 0 0 0 1
--------
"""
    assert [repr(motif) for motif in sb.io.read_motifs(meme(text))] == ["Motif('GAT', 'MEME-1', GAT)"]


def test_what_memelite_writes_is_read(tmp_path, rng):
    matrices = {f"M{i} (TF{i})_x/y": rng.dirichlet(np.ones(4), 4 + i).T for i in range(5)}
    write_meme(tmp_path / "toy.meme", matrices)
    for motif, (key, matrix) in zip(sb.io.read_motifs(tmp_path / "toy.meme"), matrices.items(), strict=True):
        assert f"{motif.id} {motif.name}" == key
        np.testing.assert_allclose(motif.pwm, matrix.T, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "count", "some"),
    [
        ("CIS-BP_1.02_Homo_sapiens", 734, ("M0085_1.02", "(TFAP2E)_(Mus_musculus)_(DBD_0.99)")),
        ("JASPAR2022_CORE_vertebrates", 838, ("MA0006.1", "Ahr::Arnt")),
        ("JASPAR2022_CORE_nematodes", 43, ("MA0260.1", "che-1")),
    ],
)
def test_databases(real_data, name, count, some):
    path = real_data / "motifs" / f"{name}.meme"
    ours = sb.io.read_motifs(path)
    assert len(ours) == count
    assert some in [(motif.id, motif.name) for motif in ours]
    assert len(set(sb.genome.motifs.unique_names(ours))) == count
    lines = [line.split() for line in path.read_text().splitlines()]
    assert [[motif.id, motif.name] for motif in ours] == [line[1:] for line in lines if line[:1] == ["MOTIF"]]
    numbers = [[*map(float, line)] for line in lines if len(line) == 4 and line[0][0].isdigit()]
    np.testing.assert_allclose(np.vstack([motif.pwm for motif in ours]), numbers, atol=2e-5)


def test_every_form_of_motifs(meme):
    path = meme(TWO)
    motifs = sb.io.read_motifs(path)
    for given in (path, str(path), motifs, tuple(motifs)):
        assert [motif.id for motif in as_motifs(given)] == ["MA0006.1", "M1_1.02"]
    assert as_motifs(motifs[0]) == [motifs[0]]
    assert as_motifs(motifs) is not motifs


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (3, TypeError, "got int"),
        ({"JUN": np.eye(4)}, TypeError, "got dict"),
        (np.eye(4), TypeError, "got ndarray"),
        ([np.eye(4)], TypeError, "1 of 1 are none"),
        ([Motif("M1", "JUN", [[1, 0, 0, 0]]), 1], TypeError, "1 of 2 are none, the first is 1"),
        ([], ValueError, "got none"),
        ([Motif("M1", name, [[1, 0, 0, 0]]) for name in "ab"], ValueError, r"1 ids occur more than once \(M1\)"),
    ],
)
def test_other_things_are_no_motifs(given, error, words):
    with pytest.raises(error, match=words):
        as_motifs(given)
