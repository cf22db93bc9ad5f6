"""An index that is damaged or of another file never gives other bases than the FASTA has."""

import os

import numpy as np
import pytest
from Bio import bgzf

from scbasset_tl.genome import Fasta

N = int(os.environ.get("SCBASSET_TL_LONG", "150"))
CONTIGS = {
    name: "".join(np.random.default_rng(length).choice(list("ACGT"), length))
    for name, length in {"chr1": 230_000, "chr2": 61, "s": 7, "empty": 0, "chr3": 600}.items()
}
WIDTH = 60


def genome(folder, name):
    lines = []
    for contig, bases in CONTIGS.items():
        lines += [f">{contig} text", *(bases[i : i + WIDTH] for i in range(0, len(bases), WIDTH))]
    path = folder / name
    with bgzf.BgzfWriter(path) if path.suffix == ".gz" else path.open("wb") as file:
        file.write(("\n".join(lines) + "\n").encode())
    Fasta(path).close()
    return path


def outcome(path):
    """Whether what is read is right, or refused."""
    try:
        with Fasta(path) as fasta:
            for contig, bases in CONTIGS.items():
                if fasta.lengths.get(contig) != len(bases):
                    return "other lengths"
                for start in range(0, len(bases), 9_000):
                    found = fasta.codes(contig, start, min(start + 50, len(bases)))
                    if bytes(b"ACGTN"[code] for code in found).decode() != bases[start : start + 50]:
                        return "other bases"
            return "right" if list(fasta.lengths) == list(CONTIGS) else "other contigs"
    except ValueError as error:
        return "refused" if path.name in str(error) else f"nameless: {error}"


@pytest.mark.parametrize(("name", "index"), [("x.fa", ".fai"), ("x.fa.gz", ".fai"), ("x.fa.gz", ".gzi")])
def test_flipped_bits_and_changed_digits_of_an_index(tmp_path, name, index):
    path = genome(tmp_path, name)
    place = path.with_name(path.name + index)
    whole, rng = {p: p.read_bytes() for p in tmp_path.iterdir() if p != path}, np.random.default_rng(0)
    outcomes = []
    for number in range(N):
        damaged = bytearray(whole[place])
        at = int(rng.integers(len(damaged)))
        damaged[at] = (
            ord(rng.choice(list("0123456789")))
            if number % 2 and index == ".fai"
            else damaged[at] ^ 1 << int(rng.integers(8))
        )
        for kept, content in whole.items():
            kept.write_bytes(damaged if kept == place else content)
        outcomes.append(outcome(path))
    print(name, index, {kind: outcomes.count(kind) for kind in set(outcomes)})
    assert set(outcomes) <= {"right", "refused"}
    assert index == ".gzi" or "refused" not in outcomes


@pytest.mark.parametrize("name", ["x.fa", "x.fa.gz"])
@pytest.mark.parametrize(
    ("column", "by"), [(1, -1), (1, 1), (1, 60), (2, 1), (2, -1), (3, 1), (3, -1), (4, 1), (4, -1)]
)
def test_each_number_of_each_record(tmp_path, name, column, by):
    path = genome(tmp_path, name)
    place = path.with_name(path.name + ".fai")
    whole = place.read_text().splitlines()
    for number, line in enumerate(whole):
        fields = line.split("\t")
        fields[column] = str(max(0, int(fields[column]) + by))
        place.write_text("\n".join([*whole[:number], "\t".join(fields), *whole[number + 1 :], ""]))
        assert outcome(path) == "right"
