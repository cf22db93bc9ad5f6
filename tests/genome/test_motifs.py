import gzip

import numpy as np
import pytest
from scipy import stats

import scbasset_tl as sb
from scbasset_tl.genome import Motif, decode, encode, reverse_complement
from scbasset_tl.genome import motifs as kernels


@pytest.fixture
def pwm(rng):
    return Motif("M1", "JUN", rng.dirichlet(np.full(4, 0.5), 9)).pwm


def test_columns_are_sampled_with_their_probabilities_and_independently(pwm, rng):
    pwm = np.vstack([pwm, [0, 1, 0, 0], [0.5, 0, 0.5, 0], [0, 0, 0, 1]])
    n = 20_000
    codes = kernels.sample(pwm, n, rng)
    assert (codes.dtype, codes.shape) == (np.uint8, (n, 12))
    p_values = []
    for position, expected in enumerate(pwm):
        counts = np.bincount(codes[:, position], minlength=4)
        assert (counts[expected == 0] == 0).all()
        if (expected > 0).sum() > 1:
            p_values.append(stats.chisquare(counts[expected > 0], n * expected[expected > 0]).pvalue)
    tables = [np.histogram2d(codes[:, i], codes[:, i + 1], bins=4)[0] for i in range(8)]
    p_values += [stats.chi2_contingency(table[:, table.any(0)][table.any(1)]).pvalue for table in tables]
    assert min(p_values) > 1e-4


def test_sampling_follows_the_generator(pwm):
    first, second = (kernels.sample(pwm, 50, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (kernels.sample(pwm, 50, np.random.default_rng(8)) != first).any()


def test_a_letter_of_probability_zero_is_never_drawn(rng):
    """Rounding in the sum of the others leaves it no chance."""
    pwm = np.array([[0.3, 0.6, 0.1, 0]])
    assert pwm.cumsum()[2] < 1
    assert kernels.sample(pwm, 200_000, rng).max() == 2


def test_consensus_information_and_the_other_strand(rng):
    motif = Motif("M1", "JUN", [[0.7, 0.1, 0.1, 0.1], [0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25], [0, 0.5, 0, 0.5]])
    assert motif.consensus == "AGAC"
    entropy = [stats.entropy(row, base=2) for row in motif.pwm]
    assert motif.information == pytest.approx(8 - sum(entropy))
    other = motif.reverse_complement()
    assert (other.id, other.name, other.information) == ("M1", "JUN", pytest.approx(motif.information))
    np.testing.assert_array_equal(other.pwm, [row[[3, 2, 1, 0]] for row in motif.pwm[::-1]])
    assert repr(motif) == "Motif('M1', 'JUN', AGAC)"


def test_pwm_is_scaled_copied_and_cannot_be_changed():
    given = np.array([[0.505, 0, 0.5, 0], [0, 0.995, 0, 0]])
    motif = Motif("M1", "JUN", given)
    np.testing.assert_allclose(motif.pwm.sum(axis=1), 1, rtol=1e-15)
    assert given[0, 0] == 0.505
    with pytest.raises(ValueError, match="read-only"):
        motif.pwm[0, 0] = 1


@pytest.mark.parametrize(
    ("seq_len", "width", "copies", "spacing", "expected"),
    [
        (1344, 12, 1, None, [666]),
        (1344, 11, 1, None, [667]),
        (101, 4, 1, None, [48]),
        (7, 7, 1, None, [0]),
        (100, 10, 2, 0, [40, 50]),
        (101, 5, 2, 4, [43, 52]),
        (100, 10, 3, None, [25, 45, 65]),
    ],
)
def test_copies_start_so_that_they_are_in_the_middle(seq_len, width, copies, spacing, expected):
    assert kernels.insertion_starts(seq_len, width, copies=copies, spacing=spacing).tolist() == expected


def test_copies_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="a motif 8 bp wide does not fit into sequences of 7 bp"):
        kernels.insertion_starts(7, 8)
    with pytest.raises(ValueError, match="3 copies of a motif 8 bp wide, 10 bp apart, take 44 bp; .* 43 bp"):
        kernels.insertion_starts(43, 8, copies=3)
    with pytest.raises(ValueError, match="copies=0"):
        kernels.insertion_starts(43, 8, copies=0)
    with pytest.raises(ValueError, match="spacing=-1"):
        kernels.insertion_starts(43, 8, copies=2, spacing=-1)


def test_insertion_replaces_exactly_what_stands_there(pwm, rng):
    codes = rng.integers(0, 5, (20, 61), dtype=np.uint8)
    before = codes.copy()
    instances = kernels.sample(pwm, 40, rng).reshape(20, 2, 9)
    starts = kernels.insertion_starts(61, 9, copies=2, spacing=3)
    changed = kernels.insert(codes, instances, starts)
    for row in range(20):
        text, (a, b) = decode(before[row]), starts
        expected = text[:a] + decode(instances[row, 0]) + text[a + 9 : b] + decode(instances[row, 1]) + text[b + 9 :]
        assert decode(changed[row]) == expected
    np.testing.assert_array_equal(codes, before)
    one = kernels.insert(codes, instances[:, 0], starts[:1])
    np.testing.assert_array_equal(one, kernels.insert(codes, instances[:, :1], starts[:1]))


def test_the_other_strand_is_the_same_insertion_seen_from_there(pwm, rng):
    codes = rng.integers(0, 4, (5, 60), dtype=np.uint8)
    instances = kernels.sample(np.vstack([pwm, pwm[:1]]), 5, rng)
    starts = kernels.insertion_starts(60, 10)
    there = kernels.insert(reverse_complement(codes), instances, starts)
    np.testing.assert_array_equal(
        reverse_complement(there), kernels.insert(codes, reverse_complement(instances), starts)
    )


def test_insertions_that_do_not_fit_together_are_refused(rng):
    codes = rng.integers(0, 4, (5, 60), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"shape \(5, 8\).* 5 sequences and 2 starts"):
        kernels.insert(codes, codes[:, :8], np.array([3, 20]))
    with pytest.raises(ValueError, match=r"shape \(4, 8\).* 5 sequences"):
        kernels.insert(codes, codes[:4, :8], np.array([3]))
    for start in (-1, 53):
        with pytest.raises(ValueError, match="do not lie within sequences of 60 bp"):
            kernels.insert(codes, codes[:, :8], np.array([start]))


def test_permuted_columns_are_the_columns_in_each_order(rng):
    pwm = np.eye(4)[[0, 1, 2]] * 0.7 + 0.075
    orders = [kernels.permuted_columns(pwm, rng).argmax(axis=1).tolist() for _ in range(3000)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3
    assert pwm.argmax(axis=1).tolist() == [0, 1, 2]


def test_same_motif_on_either_strand(pwm):
    assert kernels.same_motif(pwm, pwm.copy())
    assert kernels.same_motif(pwm, pwm[::-1, ::-1])
    assert not kernels.same_motif(pwm, pwm[::-1])
    assert not kernels.same_motif(pwm, pwm[:-1])
    assert not kernels.same_motif(pwm, np.nextafter(pwm, 1))


def test_names_are_told_apart_by_ids():
    made = [Motif(f"M{i}", name, [[1, 0, 0, 0]]) for i, name in enumerate(["JUN", "Ahr::Arnt", "JUN", "(FOS)/x"])]
    assert kernels.unique_names(made) == ["JUN_M0", "Ahr::Arnt", "JUN_M2", "(FOS)/x"]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([("M1", "JUN"), ("M2", "JUN"), ("M3", "JUN_M1")], ["JUN_M1", "JUN_M2", "JUN_M1_M3"]),
        ([("C", "A_B"), ("B_C", "A"), ("D", "A"), ("E", "A_B")], ["C", "B_C", "D", "E"]),
    ],
)
def test_names_with_ids_that_are_names_themselves(given, names):
    assert kernels.unique_names([Motif(*each, [[1, 0, 0, 0]]) for each in given]) == names


def read(path):
    with gzip.open(path, "rt") as file:
        records = file.read().split(">")[1:]
    return np.stack([encode("".join(record.split("\n")[1:])) for record in records])


def test_insertion_is_that_of_the_original(real_data):
    """The original's library: shuffled peaks, and the same with an instance of PAX5."""
    plain, with_motif = (read(real_data / "reference" / f"shuffled_peaks{kind}.fasta.gz") for kind in ("", "_PAX5"))
    every = sb.io.read_motifs(real_data / "motifs" / "CIS-BP_1.02_Homo_sapiens.meme")
    (pax5,) = (motif for motif in every if motif.name == "PAX5")
    (start,) = kernels.insertion_starts(plain.shape[1], len(pax5))
    assert plain.shape == with_motif.shape == (1000, 1344)
    changed = np.flatnonzero((plain != with_motif).any(axis=0))
    np.testing.assert_array_equal(changed, np.arange(start, start + len(pax5)))

    instances = with_motif[:, start : start + len(pax5)]
    np.testing.assert_array_equal(kernels.insert(plain, instances, np.array([start])), with_motif)
    for position, expected in enumerate(pax5.pwm):
        counts = np.bincount(instances[:, position], minlength=4)
        kept = 1000 * expected > 1
        assert stats.chisquare(counts[kept], counts[kept].sum() * expected[kept] / expected[kept].sum()).pvalue > 1e-4


@pytest.mark.parametrize("row", [[0.33, 0.33, 0.33, 0], [0.34, 0.34, 0.33, 0], [0.25, 0.25, 0.25, 0.27]])
def test_rows_rounded_to_two_digits_are_scaled(row):
    np.testing.assert_allclose(Motif("M1", "JUN", [row]).pwm[0], np.array(row) / sum(row))
