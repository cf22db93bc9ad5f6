"""Denoisers: shapes, tokens of what is missing, and attention against a naive loop."""

import numpy as np
import pytest
import torch

from scbasset_tl.nn.denoiser import Conditions, DiffusionConfig, MlpDenoiser, TransformerDenoiser, linear

CONFIG = DiffusionConfig(5, n_latent=3, n_categories=(2, 4), width=16, n_blocks=2)


def inputs(n=6):
    generator = torch.Generator().manual_seed(1)
    x, z = (torch.randn(n, size, generator=generator) for size in (5, 3))
    labels = torch.stack([torch.randint(k, (n,), generator=generator) for k in CONFIG.n_categories], 1)
    return x, torch.arange(n) * 100, z, torch.arange(n) % 2 == 0, labels, torch.randn(n, generator=generator)


def awake(kind):
    """A denoiser whose last layers, which start as zero, are random."""
    generator = torch.Generator().manual_seed(0)
    network = kind(CONFIG, generator)
    for weight in network.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.3, generator=generator)
    return network


@pytest.mark.parametrize("kind", [MlpDenoiser, TransformerDenoiser])
def test_the_answer_starts_at_zero(kind):
    assert not kind(CONFIG, torch.Generator().manual_seed(0))(*inputs()).any()


@pytest.mark.parametrize("kind", [MlpDenoiser, TransformerDenoiser])
def test_cells_do_not_see_each_other_and_every_input_counts(kind):
    network, given = awake(kind), list(inputs())
    given[3] = torch.ones(6, dtype=torch.bool)  # every code is looked at
    found = network(*given)
    assert found.shape == (6, 5)
    alone = network(*(part[2:3] for part in given))
    torch.testing.assert_close(found[2:3], alone, rtol=1e-4, atol=1e-5)
    for number, part in enumerate(given):
        changed = list(given)
        changed[number] = ~part if part.dtype == torch.bool else (part + 1) % 2 if number == 4 else part + 1
        assert (network(*changed) != found).any(1).all()


@pytest.mark.parametrize("kind", [MlpDenoiser, TransformerDenoiser])
def test_a_hidden_code_is_not_looked_at(kind):
    network, (x, t, z, _, labels, depth) = awake(kind), inputs()
    nobody = torch.zeros(len(x), dtype=torch.bool)
    torch.testing.assert_close(network(x, t, z, nobody, labels, depth), network(x, t, None, None, labels, depth))
    torch.testing.assert_close(network(x, t, z, ~nobody, labels, depth), network(x, t, z, None, labels, depth))


def test_a_missing_label_has_a_row_of_its_own():
    conditions = Conditions(CONFIG, torch.Generator().manual_seed(0))
    _, _, z, with_z, _, depth = inputs(2)
    tokens = conditions(z, with_z, torch.tensor([[-1, 3], [1, -1]]), depth)
    assert tokens.shape == (2, 4, 16)
    tables = [table.weight for table in conditions.labels]
    assert [len(table) for table in tables] == [3, 5]
    for cell, column, row in [(0, 0, 2), (0, 1, 3), (1, 0, 1), (1, 1, 4)]:
        torch.testing.assert_close(tokens[cell, column], tables[column][row])


def test_attention_is_the_naive_one():
    network = awake(TransformerDenoiser)
    block, generator = network.blocks[0], torch.Generator().manual_seed(2)
    h, tokens = torch.randn(3, 16, generator=generator), torch.randn(3, 4, 16, generator=generator)
    with torch.no_grad():
        found = block(h, tokens).numpy()
        query = block.query(block.norms[0](h)).numpy()
        both = block.key_value(tokens).numpy()
        merged = np.zeros_like(query)
        for cell in range(3):
            for head in range(8):
                own = slice(64 * head, 64 * head + 64)
                key, value = both[cell, :, :512][:, own], both[cell, :, 512:][:, own]
                weight = np.exp(key @ query[cell, own] / 8)
                merged[cell, own] = weight @ value / weight.sum()
        after = h + block.merge(torch.from_numpy(merged))
        spread = block.spread(block.norms[1](after))
        expected = after + block.gather(spread[:, :64] * torch.nn.functional.gelu(spread[:, 64:]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_weights_come_from_the_generator_alone():
    before = torch.get_rng_state()
    first, second = (linear(200, 300, torch.Generator().manual_seed(3)).weight for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.std().item() == pytest.approx(200**-0.5, rel=0.02)
    assert torch.equal(torch.get_rng_state(), before)
