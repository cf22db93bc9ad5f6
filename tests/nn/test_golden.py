"""The model against the original: weights and sequences from an integer hash, outputs stored in golden.json."""

import json
from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import logit
from torch import nn

from scbasset_tl.nn import conv_block
from scbasset_tl.nn.codes import one_hot, reverse_complement, shift
from scbasset_tl.nn.head import Head
from scbasset_tl.nn.mutagenesis import mutagenesis
from scbasset_tl.nn.trunk import Trunk, TrunkConfig

GOLDEN = json.loads((Path(__file__).parents[1] / "reference" / "golden.json").read_text())
TOLERANCE = 1e-4
N_CELLS = 5


def hashed(tensor, shape):
    """Values in [-1, 1) from the number of the tensor and the flat index alone."""
    i = np.arange(1, np.prod(shape) + 1, dtype=np.uint64)
    mask = np.uint64(2**32 - 1)
    x = (i * np.uint64(2654435761) + np.uint64(tensor * 40503)) & mask
    x ^= x >> np.uint64(16)
    x = x * np.uint64(2246822519) & mask
    x ^= x >> np.uint64(13)
    return (2 * x.astype(np.float64) / 2**32 - 1).reshape(shape)


def golden_tensors():
    """The 47 arrays in the order and layout of Keras: kernels with their output axis last."""
    tensors = []

    def kernel(*shape):
        tensors.append(np.sqrt(6 / np.prod(shape[:-1])) * hashed(len(tensors) + 1, shape))

    def norm(size):
        for offset, scale in [(1, 0.1), (0, 0.1), (0, 0.1), (1, 0.5)]:
            tensors.append(offset + scale * hashed(len(tensors) + 1, (size,)))

    config = TrunkConfig()
    for n_in, n_out, width in zip((4, *config.channels), config.channels, config.kernels, strict=False):
        kernel(width, n_in, n_out)
        norm(n_out)
    kernel(7 * 256, 32)
    norm(32)
    kernel(32, N_CELLS)
    tensors.append(hashed(47, (N_CELLS,)) - 1)
    return tensors


@pytest.fixture(scope="module")
def tensors():
    return [torch.from_numpy(tensor) for tensor in golden_tensors()]


@pytest.fixture(scope="module")
def golden_trunk(tensors):
    """The trunk with the golden weights in float64, evaluation mode."""
    trunk = Trunk(TrunkConfig()).double().eval()
    left = iter(tensors)
    with torch.no_grad():
        for linear, norm in [*((block.conv, block.norm) for block in trunk.blocks), (trunk.dense, trunk.dense_norm)]:
            weight = next(left).permute(*reversed(range(3 if isinstance(linear, nn.Conv2d) else 2)))
            linear.weight.copy_(weight.unsqueeze(2) if weight.ndim == 3 else weight)
            for target in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                target.copy_(next(left))
    return trunk


@pytest.fixture(scope="module")
def codes():
    return torch.from_numpy(np.floor(2 * (hashed(1000, (3, 1344)) + 1)).astype(np.uint8))


@pytest.fixture
def predict(golden_trunk, tensors):
    """Peak embedding, normalised logits and logits of codes, by any trunk and in any precision."""

    def run(codes, trunk=golden_trunk, dtype=torch.float64):
        trunk = deepcopy(trunk).to(dtype) if dtype != torch.float64 else trunk
        weight, bias = (tensor.to(dtype) for tensor in tensors[-2:])
        with torch.no_grad():
            h = trunk(one_hot(codes).to(dtype))
            return tuple(value.double().numpy() for value in (h, h @ weight, h @ weight + bias))

    return run


def test_hash_is_the_recorded_one(tensors, codes):
    np.testing.assert_allclose(hashed(1, (3,)), GOLDEN["first_hashes"], rtol=0, atol=5e-8)
    assert len(tensors) == 47
    assert codes[0, :10].tolist() == GOLDEN["first_codes"]
    assert torch.bincount(codes.flatten()).tolist() == GOLDEN["base_counts"]
    assert (codes.long() * (torch.arange(1344) % 7)).sum(1).tolist() == GOLDEN["code_checksums"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_of_the_original(predict, codes, dtype):
    h, normalised, logits = predict(codes, dtype=dtype)
    np.testing.assert_allclose(logits, logit(GOLDEN["probability"]), rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(normalised, GOLDEN["normalised_logit"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(h[0, :8], GOLDEN["h"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mutations_of_the_original(predict, codes, dtype):
    mutants = codes[:1].repeat(len(GOLDEN["ism"]), 1)
    for row, edit in zip(mutants, GOLDEN["ism"], strict=True):
        assert "ACGT"[row[edit["position"]]] == edit["ref"]
        row[edit["position"]] = "ACGT".index(edit["alt"])
    delta = predict(mutants, dtype=dtype)[1] - predict(codes[:1], dtype=dtype)[1]
    np.testing.assert_allclose(delta, [edit["delta"] for edit in GOLDEN["ism"]], rtol=0, atol=1e-5)


def test_latent_mutagenesis_of_the_original(golden_trunk, tensors, codes):
    for edit in GOLDEN["ism"]:
        position, base = edit["position"], "ACGT".index(edit["alt"])
        delta = mutagenesis(golden_trunk, codes[:1].numpy(), window=(position, position + 1))
        assert not delta[0, 0, "ACGT".index(edit["ref"])].any()
        np.testing.assert_allclose(delta[0, 0, base] @ tensors[-2].numpy(), edit["delta"], rtol=0, atol=1e-5)


def test_shift_and_reverse_complement_of_the_original(predict, codes):
    moved = torch.cat([shift(codes[:1], torch.tensor([2])), reverse_complement(codes[:1])])
    expected = logit([GOLDEN["shifted_by_2"], GOLDEN["reverse_complement"]])
    np.testing.assert_allclose(predict(moved)[2], expected, rtol=0, atol=TOLERANCE)


def erf_gelu(trunk, monkeypatch):
    monkeypatch.setattr(conv_block, "gelu", nn.functional.gelu)


def tanh_gelu(trunk, monkeypatch):
    monkeypatch.setattr(conv_block, "gelu", partial(nn.functional.gelu, approximate="tanh"))


def torch_batch_norm_eps(trunk, monkeypatch):
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = 1e-5


def padded_first_pool(trunk, monkeypatch):
    trunk.blocks[0].pool = nn.MaxPool2d((1, 3), padding=(0, 1))


def no_gelu_on_the_input(trunk, monkeypatch):
    block = trunk.blocks[0]
    block.forward = lambda x: block.pool(block.norm(block.conv(x)))


def gelu_before_pooling(trunk, monkeypatch):
    class Wrong(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.block = block

        def forward(self, x):
            x = conv_block.gelu(x) if x.shape[1] == 4 else x
            x = self.block.norm(self.block.conv(x))
            return x if isinstance(self.block.pool, nn.Identity) else self.block.pool(conv_block.gelu(x))

    trunk.blocks = nn.ModuleList(Wrong(block) for block in trunk.blocks)


def channel_major_flatten(trunk, monkeypatch):
    trunk.dense.register_forward_pre_hook(lambda _, flat: flat[0].unflatten(1, (7, 256)).transpose(1, 2).flatten(1))


def flipped_kernels(trunk, monkeypatch):
    for block in trunk.blocks:
        block.conv.weight = nn.Parameter(block.conv.weight.flip(-1))


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (erf_gelu, 0.125),
        (tanh_gelu, 0.125),
        (torch_batch_norm_eps, 0.027),
        (padded_first_pool, 0.99),
        (no_gelu_on_the_input, 1.56),
        (gelu_before_pooling, 0.157),
        (channel_major_flatten, 4.1),
        (flipped_kernels, 2.4),
    ],
)
def test_typical_mistakes_are_caught(predict, golden_trunk, codes, monkeypatch, mistake, error):
    wrong = deepcopy(golden_trunk)
    mistake(wrong, monkeypatch)
    found = np.abs(predict(codes, wrong)[2] - logit(GOLDEN["probability"])).max()
    assert found > 100 * TOLERANCE
    assert found == pytest.approx(error, rel=0.05)


def test_filter_numbers_grow_unrounded():
    rounded = [288]
    while len(rounded) < 6:
        rounded.append(round(rounded[-1] * 1.122))
    assert TrunkConfig.of_width(288).channels == (288, 288, 323, 363, 407, 456, 512, 256)
    assert TrunkConfig.of_width(288) == TrunkConfig()
    assert rounded[:4] == [288, 323, 362, 406]


@pytest.mark.parametrize("n_cells", [1, 7, 2034])
def test_parameter_counts(n_cells):
    trunk, head = Trunk(TrunkConfig()), Head(n_cells)
    assert sum(p.numel() for module in (trunk, head) for p in module.parameters()) == 4_513_960 + 33 * n_cells
    statistics = [buffer for name, buffer in trunk.named_buffers() if "running" in name]
    assert sum(buffer.numel() for buffer in statistics) == 5_850
