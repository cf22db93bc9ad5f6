"""The module as a whole: standardisation, the start, guidance, and what sampling keeps to."""

import numpy as np
import pytest
import torch

from scbasset_tl.nn.denoiser import DiffusionConfig
from scbasset_tl.nn.latent_diffusion import LatentDiffusion

CONFIG = DiffusionConfig(4, n_latent=3, n_components=2, n_categories=(3,), width=16, n_blocks=1)


@pytest.fixture
def model(rng):
    model = LatentDiffusion(CONFIG).eval()
    model.standardise_by(torch.tensor(rng.normal(3, 2, (500, 4))), torch.tensor(rng.normal(8, 0.5, 500)))
    return model


def awaken(model):
    """Random weights where training starts from zero."""
    generator = torch.Generator().manual_seed(5)
    for weight in (model.denoiser.output.weight, model.denoiser.modulation.weight):
        torch.nn.init.normal_(weight, std=0.2, generator=generator)
    return model


def sample(model, labels, seed=0, z=None, **options):
    labels = torch.as_tensor(labels)[:, None]
    generator = torch.Generator().manual_seed(seed)
    return model.sample(z, labels, torch.full((len(labels),), 8.0), generator=generator, **options)


def test_standardised_cells_have_mean_0_and_deviation_1(rng, model):
    x = torch.tensor(rng.normal(size=(200, 4)) * [1, 5, 0.1, 0] + 7)
    model.standardise_by(x, torch.full((200,), 2.0))
    standard = model.standard(x).double()
    np.testing.assert_allclose(standard.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(standard.std(0, correction=0), [1, 1, 1, 0], atol=1e-5)  # the last one is constant
    assert model.depth_scale == 1


def test_methods_take_and_give_vectors_as_they_are(rng, model):
    x, depth = torch.tensor(rng.normal(3, 2, (5, 4))).float(), torch.full((5,), 8.0)
    mu, logvar = model.encode(x, depth)
    assert mu.shape == logvar.shape == (5, 3)
    plain = LatentDiffusion(CONFIG)
    plain.load_state_dict({**model.state_dict(), "shift": torch.zeros(4), "scale": torch.ones(4)})
    torch.testing.assert_close(plain.encode(model.standard(x), depth)[0], mu)
    torch.testing.assert_close(plain.reconstruct(mu, depth) * model.scale + model.shift, model.reconstruct(mu, depth))


def test_an_untrained_denoiser_knows_the_standard_normal(model):
    """Its answer is the posterior mean of N(0, 1), so samples have the moments of the training cells."""
    found = sample(model, [-1] * 4000)
    np.testing.assert_allclose(found.mean(0), model.shift, atol=0.1)
    np.testing.assert_allclose(found.std(0), model.scale, rtol=0.05)


def test_guidance_0_ignores_labels_and_1_is_plain(model):
    awaken(model)
    labels = [0, 1, 2, 0]
    torch.testing.assert_close(sample(model, labels, guidance=0), sample(model, [-1] * 4), rtol=0, atol=0)
    apart = [(sample(model, labels, guidance=g) - sample(model, [-1] * 4)).norm() for g in (0, 1, 2, 4)]
    assert apart == sorted(apart)
    assert apart[1] > 0


def test_guidance_is_linear_in_predictions(model):
    """One step, and so one prediction."""
    awaken(model)
    zero, one, three = (sample(model, [0, 1], guidance=g, steps=1) for g in (0, 1, 3))
    torch.testing.assert_close(three, zero + 3 * (one - zero), rtol=1e-4, atol=1e-4)


def test_a_start_is_kept_in_so_far_as_it_is_not_noised(rng, model):
    awaken(model)
    start = torch.tensor(rng.normal(3, 2, (50, 4))).float()
    apart = [(sample(model, [-1] * 50, start=start, strength=s) - start).norm() for s in (0, 0.1, 0.3, 1)]
    assert apart[0] == 0
    assert apart == sorted(apart)


def test_codes_count_and_none_is_another_matter(model):
    awaken(model)
    codes = torch.eye(3)
    found = [sample(model, [-1] * 3, z=z) for z in (codes, 2 * codes, None)]
    assert not torch.allclose(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


def test_a_seed_decides_and_global_state_stays(model):
    awaken(model)
    before = torch.get_rng_state()
    torch.testing.assert_close(sample(model, [0, 1]), sample(model, [0, 1]), rtol=0, atol=0)
    assert not torch.equal(sample(model, [0, 1]), sample(model, [0, 1], seed=1))
    assert torch.equal(torch.get_rng_state(), before)
    LatentDiffusion(CONFIG)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("objective", ["x0", "v"])
@pytest.mark.parametrize("arch", ["mlp", "transformer"])
def test_weights_travel_as_a_state_dict(arch, objective):
    config = DiffusionConfig(4, n_latent=3, n_components=2, width=16, n_blocks=1, arch=arch, objective=objective)
    model = LatentDiffusion(config, torch.Generator().manual_seed(1)).eval()
    other = LatentDiffusion(DiffusionConfig.from_dict(config.to_dict())).eval()
    other.load_state_dict(model.state_dict())
    none, depth = torch.empty(2, 0, dtype=torch.int64), torch.zeros(2)
    found = [
        m.sample(torch.ones(2, 3), none, depth, generator=torch.Generator().manual_seed(0)) for m in (model, other)
    ]
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_input": 0}, "n_input"),
        ({"width": 7}, "width must be even"),
        ({"arch": "unet"}, "arch must be one of"),
        ({"objective": "eps"}, "objective must be one of"),
        ({"n_steps": 3}, "n_steps"),
        ({"schedule": "no"}, "schedule must be one of"),
    ],
)
def test_a_bad_shape_is_named(change, named):
    with pytest.raises(ValueError, match=named):
        DiffusionConfig(**{"n_input": 4, **change})


def test_a_strength_above_1_is_refused(model):
    with pytest.raises(ValueError, match="strength"):
        sample(model, [0], start=torch.zeros(1, 4), strength=1.5)
