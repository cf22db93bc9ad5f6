"""Edited sequences from kept activations, against the whole network."""

import numpy as np
import pytest
import torch

from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.edits import Editor, embed_changes, pays
from scbasset_tl.nn.trunk import Trunk, TrunkConfig

LENGTH = 192


@pytest.fixture(scope="module")
def trunk():
    """A narrow trunk in float64 with statistics as after training."""
    generator = torch.Generator().manual_seed(0)
    trunk = Trunk(TrunkConfig.of_width(6, seq_len=LENGTH, n_latent=5), generator).double().eval()
    return with_statistics(trunk, generator)


def with_statistics(trunk, generator):
    for module in trunk.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            size = module.weight.shape
            module.weight.data = 1 + 0.3 * torch.randn(size, generator=generator, dtype=module.weight.dtype)
            for name in ("bias", "running_mean"):
                getattr(module, name).data = 0.3 * torch.randn(size, generator=generator, dtype=module.weight.dtype)
            module.running_var.data = 0.5 + torch.rand(size, generator=generator, dtype=module.weight.dtype)
    return trunk


@pytest.fixture
def codes(rng):
    return rng.integers(0, 5, (3, LENGTH), dtype=np.uint8)


def whole(trunk, codes):
    with torch.inference_mode():
        return trunk(one_hot(torch.as_tensor(codes)).to(trunk.dense.weight.dtype))


def test_kept_embeddings_are_those_of_the_network(trunk, codes):
    torch.testing.assert_close(Editor(trunk, codes).embedding, whole(trunk, codes), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 8, 13, 40, LENGTH])
def test_every_position(trunk, codes, rng, width):
    """Both edges, and every phase of the pooling: 192 positions are one period of all pools together."""
    starts = np.repeat(np.arange(LENGTH - width + 1), 2)
    rows = rng.integers(0, len(codes), len(starts))
    patches = rng.integers(0, 5, (len(starts), width), dtype=np.uint8)
    edited = codes[rows]
    np.put_along_axis(edited, starts[:, None] + np.arange(width), patches, axis=1)
    expected = whole(trunk, edited) - whole(trunk, codes)[rows]
    found = Editor(trunk, codes).substitute(patches, rows, starts)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "shape",
    [
        {"channels": (5, 4, 3), "kernels": (3, 7, 1), "pools": (2, 3, 1)},
        {"channels": (4, 6), "kernels": (1, 5), "pools": (1, 4)},
        {"channels": (4,), "kernels": (9,), "pools": (LENGTH,)},
    ],
)
def test_other_shapes(codes, rng, shape):
    config = TrunkConfig(seq_len=LENGTH, n_latent=4, **shape)
    generator = torch.Generator().manual_seed(1)
    trunk = with_statistics(Trunk(config, generator).double().eval(), generator)
    starts = np.arange(LENGTH - 2)
    rows = starts % len(codes)
    patches = rng.integers(0, 4, (len(starts), 3), dtype=np.uint8)
    edited = codes[rows]
    np.put_along_axis(edited, starts[:, None] + np.arange(3), patches, axis=1)
    expected = whole(trunk, edited) - whole(trunk, codes)[rows]
    torch.testing.assert_close(Editor(trunk, codes).substitute(patches, rows, starts), expected, rtol=1e-9, atol=1e-12)


def test_the_papers_trunk_in_single_precision(rng):
    generator = torch.Generator().manual_seed(0)
    trunk = with_statistics(Trunk(TrunkConfig(), generator).eval(), generator)
    codes = rng.integers(0, 4, (2, 1344), dtype=np.uint8)
    starts = np.array([0, 1, 500, 666, 667, 668, 1331, 1332])
    patches = rng.integers(0, 4, (8, 12), dtype=np.uint8)
    edited = codes[np.arange(8) % 2]
    np.put_along_axis(edited, starts[:, None] + np.arange(12), patches, axis=1)
    expected = whole(trunk, edited) - whole(trunk, codes)[np.arange(8) % 2]
    found = Editor(trunk, codes).substitute(patches, np.arange(8) % 2, starts)
    assert expected.abs().max() > 0.01
    assert (found - expected).abs().max() < 5e-5


def test_any_edit(trunk, codes, rng):
    """Several changes at once, an insertion, a deletion, another sequence altogether, and none."""
    edited = codes[[0, 0, 1, 2, 2, 0]].copy()
    edited[0, [3, 9, 10]] = (edited[0, [3, 9, 10]] + 1) % 4
    edited[1, [0, LENGTH - 1]] = (edited[1, [0, LENGTH - 1]] + 1) % 4
    edited[2, 51:] = edited[2, 50:-1]
    edited[3, 50:-3] = edited[3, 53:]
    edited[4] = rng.integers(0, 4, LENGTH)
    rows = np.array([0, 0, 1, 2, 2, 0])
    done = []
    found = embed_changes(trunk, codes, edited, rows, tick=done.append)
    torch.testing.assert_close(found, whole(trunk, edited) - whole(trunk, codes)[rows], rtol=1e-9, atol=1e-12)
    assert (found[5] == 0).all()
    assert sum(done) == 6


def test_many_sequences_are_kept_a_few_at_a_time(trunk, rng):
    codes = rng.integers(0, 4, (150, LENGTH), dtype=np.uint8)
    rows = rng.permutation(150)
    edited = codes[rows]
    edited[:, 100] = (edited[:, 100] + 1) % 4
    expected = whole(trunk, edited) - whole(trunk, codes)[rows]
    torch.testing.assert_close(embed_changes(trunk, codes, edited, rows), expected, rtol=1e-9, atol=1e-12)


def test_nothing_to_do(trunk, codes):
    assert Editor(trunk, codes).substitute(np.empty((0, 3), np.uint8), [], []).shape == (0, 5)
    assert embed_changes(trunk, codes, codes[:0], np.array([], int)).shape == (0, 5)


def test_a_trunk_in_training_mode_is_read_in_evaluation_mode(trunk, codes):
    trunk.train()
    try:
        found = Editor(trunk, codes).embedding
        edited = 3 - codes.clip(max=3)
        changes = embed_changes(trunk, codes, edited, np.arange(3))
        assert trunk.training
    finally:
        trunk.eval()
    torch.testing.assert_close(found, whole(trunk, codes), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(changes, whole(trunk, edited) - whole(trunk, codes), rtol=1e-9, atol=1e-12)


def test_kept_activations_are_used_where_they_save_work():
    paper = TrunkConfig()
    assert pays(paper, 1)
    assert pays(paper, 30)
    assert not pays(paper, 1344)
