"""The trunk in training mode: dropout masks and the equality of its fast and its plain path."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from scbasset_tl.nn import norm_pool
from scbasset_tl.nn.codes import one_hot
from scbasset_tl.nn.trunk import Trunk, TrunkConfig

CONFIG = TrunkConfig(seq_len=48, channels=(6, 7, 5), kernels=(5, 3, 1), pools=(3, 2, 1), n_latent=4, dropout=0.25)


@pytest.fixture
def sequences():
    generator = torch.Generator().manual_seed(1)
    return one_hot(torch.randint(0, 5, (9, 48), generator=generator, dtype=torch.uint8)).double()


def make_trunk(seed=2):
    return Trunk(CONFIG, torch.Generator().manual_seed(seed)).double()


def test_a_mask_handed_over_is_the_one_used(sequences):
    drawn = make_trunk()
    state = drawn.generator.get_state()
    mask = (torch.rand(9, 4, generator=drawn.generator) >= 0.25) / 0.75
    drawn.generator.set_state(state)
    expected = drawn(sequences)
    trunk = make_trunk()
    before = trunk.generator.get_state()
    torch.testing.assert_close(trunk(sequences, mask), expected, rtol=0, atol=0)
    assert torch.equal(trunk.generator.get_state(), before)
    assert (trunk(sequences, torch.zeros(9, 4)) == 0).all()


def test_evaluation_ignores_the_mask(sequences):
    trunk = make_trunk().eval()
    torch.testing.assert_close(trunk(sequences, torch.zeros(9, 4)), trunk(sequences), rtol=0, atol=0)


def plain(trunk, x):
    """The modules one after the other: what training computes without short cuts."""
    x = x.unsqueeze(2)
    for block in trunk.blocks:
        x = block(x)
    return trunk.flat_activation(x).squeeze(2).transpose(1, 2).flatten(1)


def fast(trunk, x):
    x = norm_pool.train_blocks(trunk.blocks, x.unsqueeze(2))
    return x.squeeze(2).transpose(1, 2).flatten(1)


def step(trunk, forward, x, dtype=None):
    """Output, gradients and buffers after one step from equal weights."""
    trunk = deepcopy(trunk).train()
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        out = forward(trunk, x)
    weights = torch.linspace(-1, 2, out.numel()).view_as(out).sin()
    (out * weights).sum().backward()
    gradients = {name: p.grad for name, p in trunk.blocks.named_parameters()}
    return {"out": out.detach(), **gradients, **dict(trunk.blocks.named_buffers())}


def rough_trunk(**changes):
    """Scales of either sign, biases that are not zero, running statistics that have moved."""
    shape = {"seq_len": 48, "channels": (6, 7, 5), "kernels": (5, 3, 1), "pools": (3, 2, 1), "n_latent": 4, **changes}
    generator = torch.Generator().manual_seed(3)
    trunk = Trunk(TrunkConfig(**shape), generator).double()
    with torch.no_grad():
        for block in trunk.blocks:
            for tensor in (block.norm.weight, block.norm.bias, block.norm.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return trunk


@pytest.mark.parametrize("pools", [(3, 2, 1), (1, 1, 1), (2, 3, 4), (4, 1, 2)])
@pytest.mark.parametrize("block_size", [1, 200, 1 << 18])
def test_training_on_a_cpu_equals_the_modules(sequences, monkeypatch, pools, block_size):
    monkeypatch.setattr(norm_pool, "_BLOCK", block_size)
    trunk = rough_trunk(pools=pools)
    ours, theirs = step(trunk, fast, sequences), step(trunk, plain, sequences)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-9, atol=1e-11, msg=lambda text, name=name: name + text)


def test_any_input_will_do_and_one_position_is_enough():
    trunk = rough_trunk(seq_len=12, channels=(3, 1, 4), kernels=(7, 5, 3), pools=(3, 4, 1))
    x = torch.randn(5, 4, 12, generator=torch.Generator().manual_seed(0)).double()
    ours, theirs = step(trunk, fast, x), step(trunk, plain, x)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-9, atol=1e-11)


def test_equal_values_in_a_pool_send_the_gradient_to_the_first():
    trunk = rough_trunk(kernels=(1, 1, 1))
    x = one_hot(torch.tensor([[0] * 24 + [1] * 24, [2] * 12 + [3] * 24 + [0] * 12])).double()
    ours, theirs = step(trunk, fast, x), step(trunk, plain, x)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-9, atol=1e-11)
    z = torch.tensor([1.0, 1.0, 0.0, 2.0, 3.0, 3.0]).view(1, 2, 3, 1)
    parts = norm_pool._unpool(torch.ones(1, 2, 1), norm_pool._leads(z))
    assert torch.stack(parts, 2).flatten().tolist() == [1, 0, 0, 0, 1, 0]


def test_a_scale_of_zero_gets_a_one_sided_derivative(sequences):
    trunk = rough_trunk()
    with torch.no_grad():
        trunk.blocks[1].norm.weight[2] = 0
    ours, theirs = step(trunk, fast, sequences), step(trunk, plain, sequences)
    assert ours["1.norm.weight"][2].isfinite()
    for results in (ours, theirs):  # max pooling of equal values: any of them may be called the winner
        results["1.norm.weight"][2] = 0
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-9, atol=1e-11)


def test_bf16_is_as_near_to_the_truth_as_the_modules_are():
    errors = []
    for seed in range(8):  # one draw alone tells the roundings of one processor
        generator = torch.Generator().manual_seed(seed)
        x = one_hot(torch.randint(0, 5, (9, 48), generator=generator, dtype=torch.uint8)).double()
        trunk = rough_trunk(channels=(16, 16, 16), seq_len=48)
        truth = step(trunk, plain, x)
        trunk = trunk.float()
        both = [step(trunk, path, x.float(), torch.bfloat16) for path in (fast, plain)]
        assert both[0]["0.norm.running_mean"].dtype == torch.float32
        names = [name for name in truth if not name.endswith("num_batches_tracked")]
        errors.append(
            [[float((one[name].double() - truth[name]).norm() / truth[name].norm()) for name in names] for one in both]
        )
    ours, theirs = torch.tensor(errors).mean(0)
    assert (ours < 1.5 * theirs + 0.005).all(), dict(zip(names, zip(ours, theirs, strict=True), strict=True))


def test_a_second_backward_is_refused(sequences):
    out = fast(rough_trunk().train(), sequences).sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_the_modules_run_in_evaluation_and_where_the_input_wants_a_gradient(sequences, monkeypatch):
    monkeypatch.setattr(norm_pool, "_MIN_ENTRIES", 0)
    trunk = make_trunk()
    seen = []
    for module in trunk.modules():
        if isinstance(module, nn.MaxPool2d):
            module.register_forward_hook(lambda *_: seen.append(1))
    trunk.train()(sequences)
    assert not seen
    trunk(sequences.clone().requires_grad_())
    assert len(seen) == 2
    trunk.eval()(sequences)
    assert len(seen) == 4


@pytest.mark.parametrize(("n_filters", "fused"), [(96, True), (32, False)])
def test_narrow_trunks_train_by_their_modules(monkeypatch, n_filters, fused):
    calls = []
    blocks = norm_pool.train_blocks
    monkeypatch.setattr(norm_pool, "train_blocks", lambda *args: calls.append(1) or blocks(*args))
    trunk = Trunk(TrunkConfig(channels=(n_filters, 4), kernels=(3, 1), pools=(4, 1), dropout=0), torch.Generator())
    x = torch.zeros(24, 4, 1344)
    trunk(x)
    assert bool(calls) == fused
    trunk.eval()(x)
    assert len(calls) == fused


@pytest.mark.parametrize("shape", [{"n_latent": 10**12}, {"channels": (6, 10**9, 5)}])
def test_a_network_beyond_all_memory_is_refused_by_name(shape):
    name, value = next((name, value if isinstance(value, int) else max(value)) for name, value in shape.items())
    with pytest.raises(ValueError, match=f"{name} must be at most 65,536, got {value:,}"):
        TrunkConfig(**{"kernels": (5, 3, 1), "pools": (3, 2, 1), "channels": (6, 7, 5), **shape})
