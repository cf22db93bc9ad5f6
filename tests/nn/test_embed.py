"""Embeddings averaged over strands and shifts, against a loop over rows that spells each reading out."""

import numpy as np
import pytest
import torch

from scbasset_tl.nn.embed import AVERAGES, embed, n_readings
from scbasset_tl.nn.trunk import Trunk, TrunkConfig

LETTERS, PAIRS = "ACGTN", str.maketrans("ACGTN", "TGCAN")


@pytest.fixture
def trunk():
    trunk = Trunk(TrunkConfig.of_width(4, seq_len=192, n_latent=5), torch.Generator().manual_seed(0))
    with torch.no_grad():  # as after training: no statistics of 0 and 1
        for norm in [*(block.norm for block in trunk.blocks), trunk.dense_norm]:
            norm.running_mean.normal_(generator=torch.Generator().manual_seed(1))
            norm.running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(2))
    return trunk


@pytest.fixture
def codes(rng):
    return rng.integers(0, 5, (7, 192), dtype=np.uint8)


def naive(trunk, row, strands, shifts):
    """Mean over texts of DNA, one-hot row by row, in float64."""
    text = "".join(LETTERS[code] for code in row)
    vectors = []
    for strand in [text, text.translate(PAIRS)[::-1]] if strands else [text]:
        for by in range(-3, 4) if shifts else [0]:
            read = ("N" * by + strand)[: len(text)] if by >= 0 else strand[-by:] + "N" * -by
            one_hot = [[0.25 if letter == "N" else float(letter == base) for letter in read] for base in "ACGT"]
            with torch.no_grad():
                vectors.append(trunk(torch.tensor([one_hot], dtype=torch.float64))[0].numpy())
    return np.mean(vectors, axis=0)


@pytest.mark.parametrize(
    ("average", "strands", "shifts"),
    [("none", False, False), ("strands", True, False), ("strands_shifts", True, True)],
)
def test_equals_a_loop_over_readings(trunk, codes, average, strands, shifts, monkeypatch):
    trunk = trunk.double().eval()
    expected = np.array([naive(trunk, row, strands, shifts) for row in codes])
    for at_once in (3, 256):
        monkeypatch.setattr("scbasset_tl.nn.embed._ON_CPU", at_once)
        found = embed(trunk, codes, average=average)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14)


def test_one_reading_is_what_it_was(trunk, codes):
    """Without averaging not a bit changes: golden values of the original stay."""
    from scbasset_tl.nn.codes import one_hot

    with torch.inference_mode():
        expected = trunk.eval()(one_hot(torch.from_numpy(codes)))
    assert torch.equal(embed(trunk, codes), expected)


@pytest.mark.parametrize("average", AVERAGES)
def test_every_reading_is_counted(trunk, codes, average, monkeypatch):
    seen = []
    monkeypatch.setattr("scbasset_tl.nn.embed._ON_CPU", 3)
    embed(trunk, codes, average=average, tick=seen.append)
    assert sum(seen) == len(codes) * n_readings(average)


def test_both_strands_of_a_sequence_get_one_embedding(trunk, codes):
    other = np.array([4 if code == 4 else 3 - code for code in codes.ravel()], dtype=np.uint8).reshape(codes.shape)
    other = np.ascontiguousarray(other[:, ::-1])
    for average in ("strands", "strands_shifts"):
        np.testing.assert_allclose(
            embed(trunk, codes, average=average), embed(trunk, other, average=average), atol=1e-6
        )
    assert not np.allclose(embed(trunk, codes), embed(trunk, other), atol=1e-3)


@pytest.mark.parametrize("average", AVERAGES)
def test_no_sequences(trunk, average):
    assert embed(trunk, np.empty((0, 192), dtype=np.uint8), average=average).shape == (0, 5)
