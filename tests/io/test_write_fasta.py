"""io.write_fasta, read back by pyfaidx and by hand."""

import pandas as pd
import pyfaidx
import pytest

from scbasset_tl.io import write_fasta

DNA = {"a": "ACGT" * 50, "b.1|x": "acgtn", "3": "T" * 80}


@pytest.mark.parametrize(
    "form", [dict, pd.Series, lambda dna: pd.DataFrame({"sequence": pd.Series(dna), "score": 1.0})]
)
def test_what_is_written_is_read(tmp_path, form):
    write_fasta(form(DNA), tmp_path / "a.fa")
    with pyfaidx.Fasta(tmp_path / "a.fa") as fasta:
        assert {name: str(fasta[name]) for name in fasta.keys()} == DNA  # noqa: SIM118
    lines = (tmp_path / "a.fa").read_text().splitlines()
    assert max(map(len, lines)) == 80
    assert lines[:2] == [">a scbasset_tl", "ACGT" * 20]


def test_own_files_are_replaced_and_others_not(tmp_path):
    path = tmp_path / "a.fa"
    for content in ("notes\n", ">chr1\nACGT\n", ">chr1 of scbasset_tl\nACGT\n"):
        path.write_text(content)
        with pytest.raises(FileExistsError, match="is not a file of io.write_fasta"):
            write_fasta(DNA, path)
        assert path.read_text() == content
    path.unlink()
    write_fasta(DNA, path)
    write_fasta({"new": "A"}, path)
    assert path.read_text() == ">new scbasset_tl\nA\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.fa"]


def test_numbers_as_names(tmp_path):
    write_fasta(pd.Series(["A", "C"]), tmp_path / "a.fa")
    assert (tmp_path / "a.fa").read_text() == ">0 scbasset_tl\nA\n>1 scbasset_tl\nC\n"
