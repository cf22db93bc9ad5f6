from math import sqrt

import numpy as np
import pytest
import torch

from scbasset_tl.nn.head import Head
from scbasset_tl.nn.initialisers import glorot_uniform_, he_normal_
from scbasset_tl.nn.trunk import Trunk, TrunkConfig


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def paper_trunk():
    return Trunk(TrunkConfig(), seeded())


def test_first_convolution(paper_trunk):
    """Keras' own draw: deviation .1718 for .1715 in theory, and 2.27 of them to the largest weight."""
    weight = paper_trunk.blocks[0].conv.weight
    assert weight.std().item() == pytest.approx(sqrt(2 / (17 * 4)), rel=0.01)
    assert (weight.abs().max() / weight.std()).item() == pytest.approx(2.27, abs=0.03)


def test_every_kernel_of_the_trunk(paper_trunk):
    fan_in = [17 * 4, 5 * 288, 5 * 288, 5 * 323, 5 * 363, 5 * 407, 5 * 456, 512, 7 * 256]
    weights = [block.conv.weight for block in paper_trunk.blocks] + [paper_trunk.dense.weight]
    for weight, n in zip(weights, fan_in, strict=True):
        assert weight.std().item() == pytest.approx(sqrt(2 / n), rel=0.01)
        assert weight.mean().item() == pytest.approx(0, abs=4 * sqrt(2 / n / weight.numel()))


def test_batch_norm_starts_at_identity(paper_trunk):
    for norm in [*(block.norm for block in paper_trunk.blocks), paper_trunk.dense_norm]:
        for value, start in [(norm.weight, 1), (norm.bias, 0), (norm.running_mean, 0), (norm.running_var, 1)]:
            assert (value == start).all()


def test_he_normal_is_a_normal_cut_at_two_deviations():
    from scipy.stats import kstest, truncnorm

    weight = he_normal_(torch.empty(200, 500), 50, seeded()).flatten().numpy()
    underlying = sqrt(2 / 50) / truncnorm.std(-2, 2)
    assert np.abs(weight).max() <= 2 * underlying * (1 + 1e-6)
    assert weight.std() == pytest.approx(sqrt(2 / 50), rel=0.01)
    assert kstest(weight, truncnorm(-2, 2, scale=underlying).cdf).pvalue > 1e-3


def test_cells_start_at_a_quarter_and_zero():
    head = Head(2034, generator=seeded())
    assert head.weight.std().item() == pytest.approx(0.25, rel=0.01)
    assert (head.bias == 0).all()


def test_batch_corrected_head_is_glorot():
    head = Head(2034, n_batches=2, design=torch.zeros(2034, 1, dtype=torch.int64), generator=seeded())
    limit = sqrt(6 / (32 + 2034))
    assert limit * 0.999 < head.weight.abs().max().item() <= limit
    assert head.weight.std().item() == pytest.approx(0.031, abs=5e-4)
    assert sqrt(6 / 34) * 0.9 < head.batch_weight.abs().max().item() <= sqrt(6 / 34)
    assert (head.bias == 0).all()
    assert (head.batch_bias == 0).all()


def test_glorot_is_uniform():
    from scipy.stats import kstest, uniform

    weight = glorot_uniform_(torch.empty(300, 100), 30, 120, seeded()).flatten().numpy()
    assert kstest(weight, uniform(-0.2, 0.4).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "build",
    [
        lambda generator: Trunk(TrunkConfig.of_width(8), generator),
        lambda generator: Head(20, generator=generator),
        lambda generator: Head(20, n_batches=2, design=torch.zeros(20, 1, dtype=torch.int64), generator=generator),
    ],
    ids=["trunk", "head", "batch head"],
)
def test_the_local_generator_alone_decides(build):
    before = torch.get_rng_state()
    first, again, other = (build(seeded(seed)).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
