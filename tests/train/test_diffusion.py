"""Training on a mixture of Gaussians that is known, and runs that go on as if nothing had happened."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from scbasset_tl.nn.denoiser import DiffusionConfig
from scbasset_tl.nn.likelihood import PeakLikelihood
from scbasset_tl.train.checkpoint import load_checkpoint, save_checkpoint
from scbasset_tl.train.diffusion import fit, split_cells
from scbasset_tl.train.diffusion_recipe import DiffusionProblem, DiffusionRecipe

MEANS = np.array([[5.0, 0, 0, 0], [0, 5, 0, 2], [-3, -3, 3, 0]])
SHARES = np.array([0.5, 0.3, 0.2])
FACTORS = np.linalg.cholesky(
    [np.diag([1.0, 0.3, 0.5, 0.5]), np.eye(4) * 0.4 + 0.3, np.diag([0.5, 0.5, 0.5, 0.5]) - 0.1]
)
CONFIG = DiffusionConfig(4, n_latent=4, n_components=3, n_categories=(3,), width=16, n_blocks=1)
SHORT = DiffusionRecipe(max_steps=40, batch_size=32, check_every=10)


def make_mixture(rng, n_cells):
    kind = rng.choice(3, n_cells, p=SHARES)
    x = MEANS[kind] + np.einsum("nij,nj->ni", FACTORS[kind], rng.normal(size=(n_cells, 4)))
    return x.astype(np.float32), rng.normal(8, 0.5, n_cells).astype(np.float32), kind[:, None]


@pytest.fixture
def problem(rng):
    return DiffusionProblem(*make_mixture(rng, 200))


@pytest.fixture(scope="module")
def fitted():
    torch.set_num_threads(1)
    problem = DiffusionProblem(*make_mixture(np.random.default_rng(0), 2000))
    config = DiffusionConfig(4, n_latent=4, n_components=3, n_categories=(3,), width=64, n_blocks=2)
    recipe = DiffusionRecipe(max_steps=750, batch_size=256, lr=4e-3, check_every=150, drop_labels=0.4, drop_z=0.6)
    return problem, fit(problem, config, recipe, seed=0)


def draw(model, label, *, z=None, n_cells=2000, **options):
    generator = torch.Generator().manual_seed(0)
    labels, depth = torch.full((n_cells, 1), label), torch.full((n_cells,), 8.0)
    z = model.mixture.sample(n_cells, generator=generator) if z == "gmm" else z
    return model.sample(z, labels, depth, generator=generator, **options).numpy()


def component_of(x):
    apart = np.stack([np.linalg.solve(factor, (x - mean).T) for factor, mean in zip(FACTORS, MEANS, strict=True)])
    log_det = np.log(np.diagonal(FACTORS, axis1=1, axis2=2)).sum(1)
    return (np.log(SHARES) - log_det - 0.5 * np.square(apart).sum(1).T).argmax(1)


def check_component(x, kind, tolerance=0.3):
    np.testing.assert_allclose(x.mean(0), MEANS[kind], atol=tolerance)
    np.testing.assert_allclose(np.cov(x.T), FACTORS[kind] @ FACTORS[kind].T, atol=tolerance)


@pytest.mark.parametrize("options", [{"label": -1}, {"label": 2, "guidance": 0}, {"label": -1, "z": "gmm"}])
def test_without_a_label_the_mixture_comes_back(fitted, options):
    x = draw(fitted[1].model, **options)
    kind = component_of(x)
    np.testing.assert_allclose(np.bincount(kind, minlength=3) / len(x), SHARES, atol=0.06)
    for component in range(3):
        own = x[kind == component]
        np.testing.assert_allclose(np.median(own, 0), MEANS[component], atol=0.3)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_a_label_gives_its_component(fitted, label):
    x = draw(fitted[1].model, label, guidance=1)
    own = component_of(x) == label
    assert own.mean() > 0.97
    check_component(x[own], label)


def test_codes_of_cells_give_those_cells(fitted):
    problem, (model, *_) = fitted
    x, depth = torch.from_numpy(problem.x), torch.from_numpy(problem.depth)
    with torch.no_grad():
        mu, _ = model.encode(x, depth)
        reconstructed = model.reconstruct(mu, depth)
    found = draw(model, -1, z=mu)
    scatter = np.square(problem.x - problem.x.mean(0)).mean()
    assert np.square(reconstructed.numpy() - problem.x).mean() < 0.05 * scatter
    assert np.square(found - problem.x).mean() < 0.1 * scatter


def test_the_prior_finds_the_components(fitted):
    problem, (model, *_) = fitted
    with torch.no_grad():
        mu, _ = model.encode(torch.from_numpy(problem.x), torch.from_numpy(problem.depth))
        found = model.mixture.responsibilities(mu).argmax(1).numpy()
    table = np.zeros((3, 3))
    np.add.at(table, (problem.labels[:, 0], found), 1)
    assert table.max(1).sum() / len(found) > 0.98


def test_the_history_has_a_value_for_each_check(fitted):
    _, found = fitted
    assert found.stopped == "max_steps"
    assert found.n_steps == 750
    assert found.history["step"].tolist() == [150, 300, 450, 600, 750]
    assert all(len(values) == 5 for values in found.history.values())
    for name in ("diffusion", "reconstruction", "val_diffusion_without_z"):
        assert found.history[name][-1] < found.history[name][0]
    assert not found.model.training
    assert not any(weight.requires_grad for weight in found.model.parameters())


def test_cells_are_held_out_by_the_seed(problem):
    train, held_out = split_cells(200, 0.1, 3)
    assert sorted([*train, *held_out]) == list(range(200))
    assert len(held_out) == 20
    np.testing.assert_array_equal(fit(problem, CONFIG, SHORT, seed=3).train, train)
    assert not np.array_equal(split_cells(200, 0.1, 4)[1], held_out)
    assert len(split_cells(200, 0.0, 3)[1]) == 0


def weights(found):
    return {name: tensor.numpy() for name, tensor in found.model.state_dict().items()}


def assert_same(first, second):
    for one, other in ((weights(first), weights(second)), (first.history, second.history)):
        assert one.keys() == other.keys()
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_a_seed_gives_the_same_bits_and_global_state_stays(problem):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, second, other = (fit(problem, CONFIG, SHORT, seed=seed) for seed in (0, 0, 1))
    assert_same(first, second)
    assert not np.array_equal(weights(first)["encoder.0.weight"], weights(other)["encoder.0.weight"])
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def with_peaks(problem, kind="bernoulli"):
    """The same cells, and peaks that depend on them; the likelihood draws as well."""
    generator = np.random.default_rng(7)
    weight = generator.normal(size=(90, 4)).astype(np.float32)
    rate = np.logaddexp(0, problem.x @ weight.T - 1)
    peaks = sparse.csr_matrix(np.random.default_rng(8).poisson(rate).astype(np.float32))
    parts = peaks.indptr, peaks.indices, peaks.data, weight, np.full(90, -1.0), None
    likelihood = PeakLikelihood(*parts, kind=kind, peaks_per_step=40)
    return DiffusionProblem(problem.x, problem.depth, problem.labels, likelihood)


class _Interrupted(Exception):
    pass


@pytest.mark.parametrize("stop_at", [3, 17, 33])
def test_a_resumed_run_is_the_uninterrupted_one(problem, tmp_path, stop_at):
    def interrupt(step, history):
        if step == stop_at:
            raise _Interrupted

    whole = fit(with_peaks(problem), CONFIG, SHORT, seed=0)
    path = tmp_path / "run.safetensors"
    with pytest.raises(_Interrupted):
        fit(with_peaks(problem), CONFIG, SHORT, seed=0, checkpoint=path, on_step=interrupt)
    assert_same(fit(with_peaks(problem), CONFIG, SHORT, seed=0, checkpoint=path, resume=True), whole)
    # finished: nothing is left to do
    assert_same(fit(with_peaks(problem), CONFIG, SHORT, seed=0, checkpoint=path, resume=True), whole)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_another_run_is_not_gone_on_with(problem, tmp_path):
    path = tmp_path / "run.safetensors"
    fit(problem, CONFIG, SHORT, seed=0, checkpoint=path)
    moved = DiffusionProblem(problem.x + 1, problem.depth, problem.labels)
    for other, seed, named in [(problem, 1, "seed: saved 0, now 1"), (moved, 0, "data")]:
        with pytest.raises(ValueError, match=f"belongs to another run .*{named}"):
            fit(other, CONFIG, SHORT, seed=seed, checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="lr: saved"):
        fit(problem, CONFIG, DiffusionRecipe(max_steps=40, lr=1.0), seed=0, checkpoint=path, resume=True)


def test_a_broken_checkpoint_is_refused(problem, tmp_path):
    path = tmp_path / "run.safetensors"
    fit(problem, CONFIG, SHORT, seed=0, checkpoint=path)
    whole, checkpoint = path.read_bytes(), load_checkpoint(path)
    half = tmp_path / "half.safetensors"
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        fit(problem, CONFIG, SHORT, seed=0, checkpoint=half, resume=True)
    few = {name: tensor for name, tensor in checkpoint.tensors.items() if not name.startswith("average.")}
    save_checkpoint(path, checkpoint._replace(tensors=few))
    with pytest.raises(ValueError, match=r"lacks .* parts, first \['average"):
        fit(problem, CONFIG, SHORT, seed=0, checkpoint=path, resume=True)
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        fit(problem, CONFIG, SHORT, seed=0, checkpoint=tmp_path / "none", resume=True)
    with pytest.raises(ValueError, match="resume=True needs checkpoint="):
        fit(problem, CONFIG, SHORT, seed=0, resume=True)


@pytest.mark.parametrize("kind", ["bernoulli", "poisson"])
def test_codes_learn_from_peaks(problem, kind):
    recipe = DiffusionRecipe(max_steps=150, batch_size=64, lr=3e-3, check_every=30, warm_up=0.5)
    history = fit(with_peaks(problem, kind), CONFIG, recipe, seed=0).history
    assert history["reconstruction"][-1] < 0.9 * history["reconstruction"][0]


@pytest.mark.parametrize(
    "change",
    [{"prior_kl": "vade"}, {"information": "infonce"}, {"alpha": 0.0}, {"val_fraction": 0.0}, {"warm_up": 0.0}],
)
def test_options_train(problem, change):
    recipe = DiffusionRecipe(**{"max_steps": 60, "batch_size": 64, "check_every": 20, "lr": 3e-3, **change})
    found = fit(problem, CONFIG, recipe, seed=0)
    assert found.history["diffusion"][-1] < found.history["diffusion"][int(recipe.n_warm > 20)]
    assert np.isnan(found.history["val_diffusion"]).all() == (recipe.val_fraction == 0)


def test_without_held_out_cells_the_last_weights_are_kept(problem):
    recipe = DiffusionRecipe(max_steps=40, batch_size=32, check_every=5, patience=2, val_fraction=0.0, ema=0.0)
    found = fit(problem, CONFIG, recipe, seed=0)
    assert found.n_steps == 40
    np.testing.assert_array_equal(found.train, np.arange(200))
    longer = fit(problem, CONFIG, replace(recipe, check_every=40), seed=0)
    np.testing.assert_array_equal(weights(found)["denoiser.output.weight"], weights(longer)["denoiser.output.weight"])


@pytest.mark.parametrize("objective", ["x0", "v"])
@pytest.mark.parametrize("arch", ["mlp", "transformer"])
def test_both_networks_and_objectives_train(problem, arch, objective):
    config = DiffusionConfig(
        4, n_latent=4, n_components=3, n_categories=(3,), width=16, n_blocks=1, arch=arch, objective=objective
    )
    recipe = DiffusionRecipe(max_steps=60, batch_size=64, check_every=20, lr=3e-3, warm_up=0.0)
    history = fit(problem, config, recipe, seed=0).history["diffusion"]
    assert history[-1] < history[0]


def test_patience_ends_a_run(problem):
    few = DiffusionProblem(problem.x[:30], problem.depth[:30], problem.labels[:30])
    recipe = DiffusionRecipe(max_steps=600, batch_size=32, lr=1e-2, check_every=10, patience=3)
    found = fit(few, CONFIG, recipe, seed=0)
    assert found.stopped == "patience"
    assert found.n_steps < 600


def test_a_rate_that_is_too_high_is_named(problem):
    recipe = DiffusionRecipe(max_steps=40, batch_size=32, check_every=10, lr=1e30)
    with pytest.raises(FloatingPointError, match="lower lr"):
        fit(problem, CONFIG, recipe, seed=0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"max_steps": 1}, "max_steps"),
        ({"lam": 1.0}, "lam must be"),
        ({"prior_kl": "joint"}, "prior_kl must be one of"),
        ({"information": "mi"}, "information must be one of"),
        ({"val_fraction": 0.9}, "val_fraction"),
        ({"ema": 2.0}, "ema"),
    ],
)
def test_a_bad_recipe_is_named(change, named):
    with pytest.raises(ValueError, match=named):
        DiffusionRecipe(**change)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"x": np.zeros((200, 3), np.float32)}, r"x must have the shape \(200, 4\)"),
        ({"depth": np.full(200, np.nan, np.float32)}, "depth has 200 values that are not finite"),
        ({"labels": np.full((200, 1), 3)}, "labels must lie"),
        ({"labels": np.zeros((200, 2), np.int64)}, r"labels must have the shape \(200, 1\)"),
    ],
)
def test_bad_arrays_are_named(problem, change, named):
    parts = {"x": problem.x, "depth": problem.depth, "labels": problem.labels, **change}
    with pytest.raises(ValueError, match=named):
        fit(DiffusionProblem(**parts), CONFIG, SHORT, seed=0)


def test_too_few_cells_for_the_mixture_are_named(problem):
    few = DiffusionProblem(problem.x[:3], problem.depth[:3], problem.labels[:3])
    with pytest.raises(ValueError, match="n_components=3 .* 2 cells"):
        fit(few, CONFIG, SHORT, seed=0)
