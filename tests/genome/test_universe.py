"""Overlaps with a universe against all pairs, and BED files."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scbasset_tl.genome import read_regions
from scbasset_tl.genome import universe as module
from scbasset_tl.genome.universe import checksum, overlaps, read_bed, write_bed


def regions(rows):
    return read_regions(pd.DataFrame(rows, columns=["chr", "start", "end"]))


def naive(query, universe, min_overlap, min_frac):
    pairs = []
    for i, (chrom, start, end) in enumerate(query):
        for j, (other, first, last) in enumerate(universe):
            shared = min(end, last) - max(start, first)
            if chrom == other and shared >= min_overlap and shared >= min_frac * (last - first):
                pairs.append((i, j))
    return pairs


INTERVAL = st.tuples(st.sampled_from(["chr1", "chr2", "chrX"]), st.integers(0, 60), st.integers(1, 80)).map(
    lambda part: (part[0], part[1], part[1] + part[2])
)
INTERVALS = st.lists(INTERVAL, min_size=1, max_size=25)


@settings(max_examples=150, deadline=None)
@given(INTERVALS, INTERVALS, st.integers(1, 5), st.sampled_from([0.0, 0.3, 1.0]))
def test_all_pairs(query, universe, min_overlap, min_frac):
    found = overlaps(regions(query), regions(universe), min_overlap=min_overlap, min_frac=min_frac)
    assert list(zip(*map(np.ndarray.tolist, found), strict=True)) == naive(query, universe, min_overlap, min_frac)


def test_blocks_of_pairs_change_nothing(monkeypatch, rng):
    start = rng.integers(0, 2000, 300)
    table = [
        ("chr1", int(first), int(first + width)) for first, width in zip(start, rng.integers(1, 400, 300), strict=True)
    ]
    expected = naive(table[:100], table[100:], 1, 0)
    monkeypatch.setattr(module, "_PAIRS_AT_ONCE", 7)
    found = overlaps(regions(table[:100]), regions(table[100:]))
    assert list(zip(*map(np.ndarray.tolist, found), strict=True)) == expected


def test_intervals_are_half_open():
    universe = regions([("chr1", 100, 200), ("chr1", 300, 400)])
    assert len(overlaps(regions([("chr1", 200, 300)]), universe)[0]) == 0
    assert overlaps(regions([("chr1", 199, 301)]), universe)[1].tolist() == [0, 1]


@pytest.mark.parametrize("compress", [False, True])
def test_bed(tmp_path, compress):
    text = "track name=x\n# comment\nchr2\t10\t20\tname\t0\nchr1 5 9\n\n"
    path = tmp_path / "universe.bed"
    path.write_bytes(gzip.compress(text.encode()) if compress else text.encode())
    found = read_bed(path)
    assert found.chrom.tolist() == ["chr2", "chr1"]
    assert found.start.tolist() == [10, 5]
    assert found.end.tolist() == [20, 9]
    write_bed(tmp_path / "again.bed", found)
    assert checksum(read_bed(tmp_path / "again.bed")) == checksum(found)


def test_the_checksum_knows_order_contigs_and_bounds():
    rows = [("chr1", 1, 5), ("chr2", 1, 5)]
    others = [rows[::-1], [("chr1", 1, 5), ("chr3", 1, 5)], [("chr1", 1, 5), ("chr2", 1, 6)], rows[:1]]
    assert len({checksum(regions(part)) for part in [rows, *others]}) == 5
    assert checksum(regions(rows)) == checksum(regions(list(rows)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"chr1\t5\n", "is no BED file"),
        (b"chr1\tx\t9\n", "no number"),
        (b"chr1\t9\t5\n", "is not below"),
        (b"# nothing\n", "has no regions"),
        (gzip.compress(b"chr1\t5\t9\n" * 1000)[:-20], "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
    ],
)
def test_files_that_are_no_bed(tmp_path, content, words):
    path = tmp_path / "universe.bed"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_bed(path)


def test_the_mark_that_windows_puts_first_is_no_contig(tmp_path):
    path = tmp_path / "peaks.bed"
    path.write_bytes(b"\xef\xbb\xbfchr1\t10\t20\r\nchr1\t30\t40\r\n")
    assert read_bed(path).chrom.tolist() == ["chr1", "chr1"]
