import numpy as np
import pytest

from scbasset_tl.genome import decode, kmers, reverse_complement


@pytest.mark.parametrize(("k", "n"), [(1, 2), (2, 10), (3, 32), (4, 136), (6, 2080)])
def test_names_are_the_first_of_both_strands(k, n):
    names = kmers.kmer_names(k)
    assert len(names) == n == len(set(names))
    assert names == sorted(names)
    complement = str.maketrans("ACGT", "TGCA")
    assert all(name <= name.translate(complement)[::-1] for name in names)


def test_kmers_are_those_of_a_search_by_text(rng, monkeypatch):
    monkeypatch.setattr(kmers, "_AT_ONCE", 100)
    codes = rng.integers(0, 5, (23, 30), dtype=np.uint8)
    found = kmers.has_kmers(codes, 3).toarray()
    for row, sequence in zip(found, codes, strict=True):
        both = [decode(sequence), decode(reverse_complement(sequence))]
        expected = [any(name in strand for strand in both) for name in kmers.kmer_names(3)]
        np.testing.assert_array_equal(row, expected)
