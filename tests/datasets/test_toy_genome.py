"""The genome file belongs to the toy data of the same seed and sizes."""

import numpy as np
import pytest

import scbasset_tl as sb


@pytest.mark.parametrize("seq_len", [192, 1344])
def test_add_sequences_reproduces_the_toy_data(tmp_path, seq_len):
    adata = sb.datasets.toy(n_obs=30, n_vars=150, n_types=3, seq_len=seq_len, rng=7)
    fasta = sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=150, n_types=3, rng=7)
    read = adata.copy()
    del read.varm["dna_code"], read.uns["dna_code"]
    sb.pp.add_sequences(read, fasta, seq_len=seq_len)
    np.testing.assert_array_equal(read.varm["dna_code"], adata.varm["dna_code"])
    assert read.varm["dna_code"].dtype == adata.varm["dna_code"].dtype
    assert read.uns["dna_code"] == adata.uns["dna_code"]
    assert (adata.varm["dna_code"][[0, -1]] == 4).any(1).all()


def test_same_seed_same_file(tmp_path):
    first, again, other = (
        sb.datasets.toy_genome(tmp_path / f"{number}.fa", n_vars=20, rng=rng).read_bytes()
        for number, rng in enumerate([0, 0, 1])
    )
    assert first == again
    assert first != other


def test_the_file_holds_lower_case_and_n(tmp_path):
    lines = sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=20).read_text().splitlines()
    assert [line[1:] for line in lines if line[0] == ">"] == ["chr1", "chr2", "chr3", "chr4", "chr5", "scaffold1"]
    sequence = [line for line in lines if line[0] != ">"]
    assert max(map(len, sequence)) == 60
    assert set("".join(sequence)) == set("ACGTNacgtn")


def test_a_generator_gives_the_same_genome_as_its_seed(tmp_path):
    by_seed = sb.datasets.toy_genome(tmp_path / "seed.fa", n_vars=20, rng=5)
    by_generator = sb.datasets.toy_genome(tmp_path / "generator.fa", n_vars=20, rng=np.random.default_rng(5))
    assert by_seed.read_bytes() == by_generator.read_bytes()


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"toy\.fa\.gz.* is plain.*'toy\.fa'"):
        sb.datasets.toy_genome(tmp_path / "toy.fa.gz")
    with pytest.raises(ValueError, match="n_vars must be a whole number of at least 10, got 9"):
        sb.datasets.toy_genome(tmp_path / "toy.fa", n_vars=9)
    with pytest.raises(ValueError, match="n_types must be at most 20, .* got 21"):
        sb.datasets.toy_genome(tmp_path / "toy.fa", n_types=21)
    assert not list(tmp_path.iterdir())
