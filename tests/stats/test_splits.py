import numpy as np
import pytest

from scbasset_tl.stats.splits import chrom_split, held_out_ids, original_split


def sizes(levels):
    return tuple(int((levels == level).sum()) for level in ("train", "val", "test"))


def test_the_original_split_of_buenrostro_2018():
    val, test = held_out_ids(103_151, 10, (0.9, 0.05, 0.05))
    assert val[:5].tolist() == [83807, 70829, 5872, 22561, 66251]
    assert test[:5].tolist() == [41, 56, 84, 99, 105]
    levels = original_split(103_151, 10)
    assert sizes(levels) == (92_836, 5_157, 5_158)
    assert set(np.flatnonzero(levels == "val")) == set(val)
    assert np.flatnonzero(levels == "test").tolist() == test.tolist()


def test_the_original_split_of_the_pbmc_multiome():
    assert sizes(original_split(27_150, 10)) == (24_436, 1_357, 1_357)


def naive_original_split(n_peaks, seed, train, val_of_held_out):
    """The original's recipe with sets, on a generator of its own."""
    legacy = np.random.RandomState(seed)
    held_out = legacy.choice(np.arange(n_peaks), int(n_peaks * (1 - train)), replace=False)
    val = legacy.choice(held_out, int(len(held_out) * val_of_held_out), replace=False)
    return set(range(n_peaks)) - set(held_out), set(val), set(held_out) - set(val)


@pytest.mark.parametrize(
    ("n_peaks", "seed", "fractions", "val_of_held_out"),
    [(100, 0, (0.9, 0.05, 0.05), 0.5), (1000, 7, (0.8, 0.05, 0.15), 0.25), (301, 3, (0.5, 0.5, 0), 1)],
)
def test_against_the_recipe_with_sets(n_peaks, seed, fractions, val_of_held_out):
    levels = original_split(n_peaks, seed, fractions)
    for level, expected in zip(
        ("train", "val", "test"), naive_original_split(n_peaks, seed, fractions[0], val_of_held_out), strict=True
    ):
        assert set(np.flatnonzero(levels == level)) == expected


def test_the_originals_float_arithmetic():
    val, test = held_out_ids(20, 10, (0.9, 0.05, 0.05))
    assert (len(val), len(test)) == (0, 1)  # int(20 * (1 - 0.9)) is 1
    with pytest.raises(ValueError, match=r"20 peaks, split by .* give train 19, val 0, test 1; each part needs"):
        original_split(20, 10)


def test_seeds_generators_and_the_global_state(rng):
    state = np.random.get_state()[1].copy()
    assert (original_split(200, 5) == original_split(200, 5)).all()
    assert (original_split(200, 5) != original_split(200, 6)).any()
    assert (original_split(200, None) != original_split(200, None)).any()
    first, second = original_split(200, rng), original_split(200, rng)
    assert (first != second).any()
    assert (first == original_split(200, np.random.default_rng(0))).all()
    assert sizes(first) == sizes(original_split(200, 5))
    assert (np.random.get_state()[1] == state).all()


CHROM = np.repeat(["chr1", "chr2", "chr3", "chr4", "chr5"], [500, 300, 120, 60, 20])


@pytest.mark.parametrize(
    ("fractions", "test", "val"),
    [
        ((0.8, 0.08, 0.12), {"chr3"}, {"chr4", "chr5"}),
        # the smallest of all where none fits
        ((0.98, 0.01, 0.01), {"chr5"}, {"chr4"}),
        # 120 + 20 is further from 130.5 than 120; but closer to 131
        ((0.8695, 0, 0.1305), {"chr3", "chr5"}, set()),
        ((0.7, 0, 0.3), {"chr2"}, set()),
        ((1.0, 0, 0), set(), set()),
    ],
)
def test_contigs_come_close_to_the_fractions(fractions, test, val):
    levels = chrom_split(CHROM, 0, fractions)
    assert set(CHROM[levels == "test"]) == test
    assert set(CHROM[levels == "val"]) == val
    assert (chrom_split(CHROM, 99, fractions) == levels).all()


def test_given_contigs():
    levels = chrom_split(CHROM, 0, (0.9, 0.05, 0.05), test=["chr3", "chr4"], val=["chr5"])
    assert set(CHROM[levels == "test"]) == {"chr3", "chr4"}
    assert set(CHROM[levels == "val"]) == {"chr5"}


def test_validation_peaks_are_drawn_from_what_the_test_contigs_leave():
    levels = chrom_split(CHROM, 4, (0.75, 0.25, 0), test=["chr2"])
    assert (CHROM[levels == "test"] == "chr2").all()
    assert sizes(levels) == (525, 175, 300)
    rest = np.flatnonzero(CHROM != "chr2")
    drawn = np.random.RandomState(4).choice(rest, 175, replace=False)
    assert set(np.flatnonzero(levels == "val")) == set(drawn)


@pytest.mark.parametrize(
    ("chrom", "arguments"),
    [
        (np.repeat("chr1", 50), {}),
        (np.repeat(["chr1", "chr2"], 50), {}),
        (np.repeat(["chr1", "chr2"], [50, 1]), {"test": ["chr2"]}),
        (CHROM, {"test": list(set(CHROM))}),
    ],
)
def test_parts_without_peaks(chrom, arguments):
    with pytest.raises(ValueError, match="each part needs at least 2"):
        chrom_split(chrom, 0, (0.9, 0.05, 0.05), **arguments)
