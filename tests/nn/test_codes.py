"""One-hot rows and augmentation against slow code that says what is meant."""

import numpy as np
import pytest
import torch

from scbasset_tl.nn.best_sites import best_sites
from scbasset_tl.nn.codes import augment, one_hot, reverse_complement, shift
from scbasset_tl.nn.edits import Editor, embed_changes
from scbasset_tl.nn.embed import embed
from scbasset_tl.nn.insertion import Edits, mean_changes
from scbasset_tl.nn.mutagenesis import gradient_attribution, mutagenesis
from scbasset_tl.nn.trunk import Trunk, TrunkConfig


@pytest.fixture
def codes(rng):
    return torch.from_numpy(rng.integers(0, 5, (16, 30), dtype=np.uint8))


def naive_shift(row, by):
    out = [4] * len(row)
    for position, code in enumerate(row):
        if 0 <= position + by < len(row):
            out[position + by] = code
    return out


def test_one_hot(codes):
    rows = one_hot(codes)
    assert rows.shape == (16, 4, 30)
    for sequence, expected in zip(rows.numpy(), codes.numpy(), strict=True):
        for position, code in enumerate(expected):
            np.testing.assert_array_equal(sequence[:, position], [0.25] * 4 if code == 4 else np.eye(4)[code])


def test_reverse_complement_twice_is_the_same(codes):
    assert torch.equal(reverse_complement(reverse_complement(codes)), codes)
    assert reverse_complement(torch.tensor([[0, 1, 1, 2, 4]], dtype=torch.uint8)).tolist() == [[4, 1, 2, 2, 3]]


def test_shift_moves_right_and_fills_with_n(codes):
    by = torch.arange(16) - 8
    moved = shift(codes, by)
    for row, old, amount in zip(moved.tolist(), codes.tolist(), by.tolist(), strict=True):
        assert row == naive_shift(old, amount)


def test_augmentation_reads_the_other_strand_and_then_shifts(codes):
    flip, by = torch.arange(16) % 3 == 0, torch.arange(16) % 7 - 3
    expected = [
        naive_shift((reverse_complement(row[None])[0] if other else row).tolist(), amount)
        for row, other, amount in zip(codes, flip, by.tolist(), strict=True)
    ]
    assert augment(codes, flip, by).tolist() == expected


@pytest.fixture
def _every_warning():
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # by default torch warns once in a process
    yield
    torch.set_warn_always(before)


@pytest.mark.usefixtures("_every_warning")
def test_codes_that_must_not_be_written_to(rng):
    codes = rng.integers(0, 4, (3, 192), dtype=np.uint8)
    edited, rows, vectors = codes.copy(), np.arange(3), rng.normal(size=(4, 5))
    edited[:, 90] = (edited[:, 90] + 1) % 4
    trunk = Trunk(TrunkConfig.of_width(4, seq_len=192, n_latent=5), torch.Generator().manual_seed(0)).eval()

    def all_results():
        return [
            embed(trunk, codes),
            embed_changes(trunk, codes, edited, rows),
            Editor(trunk, codes).substitute(edited[:, 90:91], rows, rows),
            *best_sites(codes, [np.eye(4)], 2)[0],
            mutagenesis(trunk, codes, window=(90, 92)),
            gradient_attribution(trunk, codes, window=(90, 92)),
            mean_changes(trunk, codes, [Edits(edited[:, 90:91], rows, rows)], vectors=vectors).probability,
        ]

    expected, before = all_results(), codes.copy()
    for part in (codes, edited, rows, vectors):
        part.setflags(write=False)
    for one, other in zip(all_results(), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(codes, before)
