"""Motifs of JASPAR by name."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import scbasset_tl as sb
from scbasset_tl.genome.motif_input import as_motifs

COUNTS = {base: [float(1 + (base == "ACGT"[i % 4]) * 7) for i in range(6)] for base in "ACGT"}


@pytest.fixture
def pyjaspar(monkeypatch):
    """What is used of pyjaspar, with three motifs."""
    known = [
        ("MA0035.5", "GATA1", "vertebrates"),
        ("MA0140.3", "GATA1::TAL1", "vertebrates"),
        ("MA0542.2", "elt-3", "nematodes"),
    ]
    closed = []

    class Database:
        def __init__(self, release):
            self.conn = SimpleNamespace(close=lambda: closed.append(release))

        def fetch_motifs(self, *, collection, tax_group=None, tf_name=None):
            assert collection == "CORE"
            return [
                SimpleNamespace(matrix_id=id, name=name, counts=COUNTS)
                for id, name, group in known
                if (tax_group is None or group in tax_group) and (tf_name is None or name in tf_name)
            ]

    package = SimpleNamespace(jaspardb=Database, jaspar_releases={"JASPAR2024": "", "JASPAR2022": ""})
    monkeypatch.setitem(sys.modules, "pyjaspar", package)
    yield
    assert closed


def test_a_collection_and_factors(pyjaspar, tmp_path, monkeypatch):
    found = sb.io.read_motifs("jaspar2024-vertebrates")
    assert [(motif.id, motif.name) for motif in found] == [("MA0035.5", "GATA1"), ("MA0140.3", "GATA1::TAL1")]
    np.testing.assert_allclose(found[0].pwm, np.array([COUNTS[base] for base in "ACGT"]).T / 11)
    for name in ("GATA1", "gata1"):
        assert [motif.id for motif in as_motifs(name)] == ["MA0035.5"]
    assert [motif.id for motif in as_motifs(["ELT-3", "GATA1::TAL1", sb.genome.Motif("M", "own", np.eye(4))])] == [
        "MA0542.2",
        "MA0140.3",
        "M",
    ]
    assert [motif.name for motif in as_motifs("JASPAR2022_nematodes")] == ["elt-3"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "JASPAR2022_nematodes").write_text(">M1 own\nA [1 0 0 0]\nC [0 1 0 0]\nG [0 0 1 0]\nT [0 0 0 1]\n")
    for read in (as_motifs, sb.io.read_motifs):
        assert [motif.id for motif in read("JASPAR2022_nematodes")] == ["M1"]


def test_what_is_not_there(pyjaspar):
    with pytest.raises(ValueError, match="one of vertebrates, insects"):
        sb.io.read_motifs("jaspar2024-humans")
    with pytest.raises(ValueError, match="no release JASPAR2025; it has JASPAR2024, JASPAR2022"):
        sb.io.read_motifs("jaspar2025-plants")
    with pytest.raises(ValueError, match="no CORE motifs of plants"):
        sb.io.read_motifs("jaspar2024-plants")
    with pytest.raises(FileNotFoundError, match="JASPAR2024 has no motif of a factor of that name"):
        as_motifs("GATA17")


def test_without_pyjaspar(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyjaspar", None)
    for read, name in ((as_motifs, "GATA1"), (as_motifs, ["GATA1"]), (sb.io.read_motifs, "jaspar2024-vertebrates")):
        with pytest.raises(FileNotFoundError, match="pip install pyjaspar"):
            read(name)


def test_the_real_package_has_what_the_file_of_the_release_has():
    pytest.importorskip("pyjaspar")
    folder = Path(os.environ.get("SCBASSET_TL_REAL_DATA", "../shared/data")) / "motifs"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}")
    for group in ("vertebrates", "nematodes"):
        expected = {motif.id: motif for motif in sb.io.read_motifs(folder / f"JASPAR2022_CORE_{group}.meme")}
        found = {motif.id: motif for motif in sb.io.read_motifs(f"jaspar2022-{group}")}
        common = [name for name, motif in expected.items() if name in found and found[name].name == motif.name]
        assert len(common) > 0.9 * len(expected)  # pyjaspar numbers the 72 newest of the vertebrates otherwise
        for name in common:
            np.testing.assert_allclose(found[name].pwm, expected[name].pwm, atol=2e-3)
    assert {motif.name for motif in as_motifs("GATA1")} == {"GATA1"}
