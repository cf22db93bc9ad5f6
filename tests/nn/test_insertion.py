"""Mean changes by motifs, against whole sequences through the network one by one."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.insertion import Edits, mean_changes
from scbasset_tl.nn.trunk import Trunk, TrunkConfig


def make_trunk(width, length, n_latent):
    generator = torch.Generator().manual_seed(0)
    trunk = Trunk(TrunkConfig.of_width(width, seq_len=length, n_latent=n_latent), generator).eval()
    for module in trunk.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.data = 0.3 * torch.randn(module.weight.shape, generator=generator)
            module.running_var.data = 0.5 + torch.rand(module.weight.shape, generator=generator)
    return trunk


def draw(rng, length, widths, n_sequences):
    """Edits of several motifs, each of some sequences, some of them twice."""
    edits = []
    for width in widths:
        rows = rng.integers(0, n_sequences, 2 * n_sequences)
        patches = rng.integers(0, 5, (len(rows), width), dtype=np.uint8)
        edits.append(Edits(patches, rows, rng.integers(0, length - width + 1, len(rows))))
    return edits


def by_hand(trunk, codes, edits):
    """Embeddings of every unedited and every edited sequence, for each motif."""

    def embed(some):
        with torch.inference_mode():
            return trunk(one_hot(torch.as_tensor(some)).to(trunk.dense.weight.dtype)).numpy()

    for patches, rows, starts in edits:
        edited = codes[rows].copy()
        for sequence, patch, start in zip(edited, patches, starts, strict=True):
            sequence[start : start + len(patch)] = patch
        yield embed(codes[rows]), embed(edited)


@pytest.fixture(scope="module")
def trunk():
    return make_trunk(6, 192, 5).double()


@pytest.fixture
def problem(rng):
    codes = rng.integers(0, 5, (7, 192), dtype=np.uint8)
    return codes, draw(rng, 192, [6, 12, 6, 100, 1], 7)


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_equals_whole_sequences(trunk, problem, chunk, monkeypatch):
    ticks = []
    monkeypatch.setattr("scbasset_tl.nn.insertion._KEEP_AT_ONCE", chunk)
    found = mean_changes(trunk, *problem, tick=ticks.append)
    expected = [(after - before).mean(0) for before, after in by_hand(trunk, *problem)]
    np.testing.assert_allclose(found.latent, expected, rtol=1e-9, atol=1e-12)
    assert found.probability is None
    assert sum(ticks) == sum(len(edits.rows) for edits in problem[1])


@pytest.mark.parametrize("n_cells", [3, 40_000])
def test_probabilities_equal_the_dense_formula(trunk, problem, rng, n_cells, monkeypatch):
    monkeypatch.setattr("scbasset_tl.nn.insertion._KEEP_AT_ONCE", 4)
    codes, edits = problem[0], problem[1][:2]
    vectors = rng.normal(0, 2, (n_cells, 5))
    found = mean_changes(trunk, codes, edits, vectors=vectors)
    for motif, (before, after) in enumerate(by_hand(trunk, codes, edits)):
        expected = (expit(after @ vectors.T) - expit(before @ vectors.T)).mean(0)
        np.testing.assert_allclose(found.probability[motif], expected, rtol=0, atol=1e-7)


def test_other_motifs_and_their_order_make_no_difference(trunk, problem):
    codes, edits = problem
    together = mean_changes(trunk, codes, edits).latent
    np.testing.assert_allclose(mean_changes(trunk, codes, edits[::-1]).latent[::-1], together, rtol=1e-10)
    for motif, one in enumerate(edits):
        np.testing.assert_allclose(mean_changes(trunk, codes, [one]).latent[0], together[motif], rtol=1e-10)


def test_full_width_in_single_precision(rng):
    trunk = make_trunk(288, 1344, 32)
    codes = rng.integers(0, 4, (3, 1344), dtype=np.uint8)
    edits = draw(rng, 1344, [12, 200], 3)
    expected = [(after - before).mean(0) for before, after in by_hand(trunk, codes, edits)]
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(mean_changes(trunk, codes, edits).latent, expected, rtol=0, atol=1e-4)


def test_sequences_that_no_edit_touches_do_not_matter(trunk, rng):
    codes = rng.integers(0, 4, (9, 192), dtype=np.uint8)
    (edits,) = draw(rng, 192, [8], 3)
    few = mean_changes(trunk, codes[:3], [edits]).latent
    moved = edits._replace(rows=edits.rows + 6)
    np.testing.assert_allclose(mean_changes(trunk, codes[[3, 4, 5, 6, 7, 8, 0, 1, 2]], [moved]).latent, few, rtol=1e-10)
