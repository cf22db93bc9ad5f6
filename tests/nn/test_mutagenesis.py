"""Mutagenesis against whole sequences, one at a time, and the gradient against finite steps of the activated input."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.conv_block import gelu
from scbasset_tl.nn.mutagenesis import count_substitutions, gradient_attribution, mutagenesis
from scbasset_tl.nn.trunk import Trunk, TrunkConfig


@pytest.fixture
def trunk(rng):
    trunk = Trunk(TrunkConfig.of_width(8, seq_len=192, n_latent=5), torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for norm in [*(block.norm for block in trunk.blocks), trunk.dense_norm]:
            for values, low, high in (
                (norm.running_mean, -0.2, 0.2),
                (norm.running_var, 0.5, 2),
                (norm.bias, -0.5, 0.5),
            ):
                values.copy_(torch.from_numpy(rng.uniform(low, high, len(values))))
    return trunk


@pytest.fixture
def codes(rng):
    codes = rng.integers(0, 4, (20, 192), dtype=np.uint8)  # more than are kept at once
    codes[1, [0, 90, 191]] = 4
    return codes


def naive(trunk, codes):
    """All substitutions as whole sequences, in float64."""
    trunk = deepcopy(trunk).double()
    with torch.no_grad():
        mutants = np.tile(codes, (len(codes), 4, 1))
        for base in range(4):
            mutants[np.arange(len(codes)), base, np.arange(len(codes))] = base
        after = trunk(one_hot(torch.from_numpy(mutants.reshape(-1, len(codes)))).double())
        before = trunk(one_hot(torch.from_numpy(codes[None])).double())
    return (after - before).reshape(len(codes), 4, -1).numpy()


def test_every_substitution_is_that_of_the_whole_sequence(trunk, codes):
    delta = mutagenesis(trunk, codes)
    assert (delta.dtype, delta.shape) == (np.float32, (20, 192, 4, 5))
    for row in (0, 1, 17):
        np.testing.assert_allclose(delta[row], naive(trunk, codes[row]), rtol=0, atol=2e-6)
    assert np.abs(delta).max() > 0.01


@pytest.mark.parametrize("evaluate", [mutagenesis, gradient_attribution])
def test_the_base_that_is_there_changes_nothing_and_n_becomes_any(trunk, codes, evaluate):
    delta = evaluate(trunk, codes[:2])
    rows, positions = np.nonzero(codes[:2] < 4)
    assert (delta[rows, positions, codes[rows, positions]] == 0).all()
    assert (delta[1, [0, 90, 191]] != 0).any(axis=-1).all()


@pytest.mark.parametrize("evaluate", [mutagenesis, gradient_attribution])
@pytest.mark.parametrize("window", [(0, 1), (60, 97), (190, 192)])
def test_a_window_is_a_part_of_the_whole(trunk, codes, evaluate, window):
    whole = evaluate(trunk, codes[:3])
    np.testing.assert_allclose(evaluate(trunk, codes[:3], window=window), whole[:, slice(*window)], atol=2e-6)


@pytest.mark.parametrize("evaluate", [mutagenesis, gradient_attribution])
def test_tick_counts_every_substitution(trunk, codes, evaluate):
    done = []
    evaluate(trunk, codes[:3], window=(80, 130), tick=done.append)
    assert sum(done) == count_substitutions(codes[:3, 80:130]) == 3 * 150 + 1


def test_gradient_is_the_derivative_along_the_step_between_two_bases(trunk, codes):
    delta = gradient_attribution(trunk, codes[:2])
    trunk = trunk.double()
    first = trunk.blocks[0]
    for row, position, base in [(0, 0, 1), (0, 95, 2), (1, 30, 3), (1, 90, 0), (1, 191, 2)]:
        there = gelu(one_hot(torch.from_numpy(codes[row : row + 1])).double())
        other = codes[row : row + 1].copy()
        other[0, position] = base
        step = gelu(one_hot(torch.from_numpy(other)).double()) - there

        def embedding(activated):
            x = first.pool(first.norm(first.conv(activated.unsqueeze(2))))
            for block in trunk.blocks[1:]:
                x = block(x)
            flat = gelu(x).squeeze(2).transpose(1, 2).flatten(1)
            return gelu(trunk.dense_norm(trunk.dense(flat)))[0]

        with torch.no_grad():
            slope = (embedding(there + 1e-6 * step) - embedding(there - 1e-6 * step)) / 2e-6
        np.testing.assert_allclose(delta[row, position, base], slope, rtol=0, atol=1e-5)


def test_trunk_is_left_as_it_was(trunk, codes):
    trunk.train()
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    expected = mutagenesis(trunk, codes[:1]), gradient_attribution(trunk, codes[:1])
    assert trunk.training
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())
    assert all(parameter.grad is None for parameter in trunk.parameters())
    trunk.eval()
    found = mutagenesis(trunk, codes[:1]), gradient_attribution(trunk, codes[:1])
    assert all(np.array_equal(one, other) for one, other in zip(expected, found, strict=True))


def test_no_sequences(trunk):
    assert mutagenesis(trunk, np.empty((0, 192), np.uint8)).shape == (0, 192, 4, 5)
    assert gradient_attribution(trunk, np.empty((0, 192), np.uint8)).shape == (0, 192, 4, 5)
