"""Schedules and defaults of the recipes."""

import pytest

from scbasset_tl.train.recipe import make_recipe


def test_paper_is_constant_and_starts_at_zero_bias():
    recipe = make_recipe("paper", 100_000)
    assert recipe.max_epochs == 1000
    assert {recipe.lr_at(step, 500) for step in range(500)} == {0.01}
    assert (recipe.data_bias, recipe.per_sequence, recipe.betas, recipe.eps) == (False, False, (0.95, 0.9995), 1e-7)
    assert (recipe.muon, recipe.svd_start, recipe.exact_cells) == (0, False, False)


def test_one_cycle_warms_up_and_falls_to_nothing():
    recipe = make_recipe("fast", 1000, max_epochs=10)
    rates = [recipe.lr_at(step, 100) for step in range(100)]
    assert rates[19] == pytest.approx(recipe.lr)
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[-1] < 1e-5


@pytest.mark.parametrize(("n_train", "epochs"), [(500, 60), (5000, 9), (1_000_000, 6), (70, 200), (10, 400)])
def test_fast_chooses_epochs_by_the_sequences_they_make(n_train, epochs):
    assert make_recipe("fast", n_train).max_epochs == epochs
    assert make_recipe("fast", n_train, max_epochs=3).max_epochs == 3


@pytest.mark.parametrize("n_train", [10, 33, 64, 210, 2000, 50_000])
def test_the_default_schedule_has_the_steps_of_a_usable_model(n_train):
    from scbasset_tl.stats.verdict import MIN_EPOCHS, MIN_STEPS
    from scbasset_tl.train.draws import step_sizes

    recipe = make_recipe("fast", n_train)
    assert len(step_sizes(n_train, recipe.batch_size)) * recipe.max_epochs >= MIN_STEPS
    assert recipe.max_epochs >= MIN_EPOCHS


@pytest.mark.parametrize(
    ("n_train", "batch_size"), [(10, 32), (22_000, 32), (45_000, 64), (90_000, 128), (1_000_000, 128)]
)
def test_fast_takes_small_minibatches_of_few_peaks(n_train, batch_size):
    assert make_recipe("fast", n_train).batch_size == batch_size
    assert make_recipe("fast", n_train, batch_size=50).batch_size == 50
    assert make_recipe("paper", n_train).batch_size == 128
