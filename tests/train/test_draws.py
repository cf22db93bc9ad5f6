"""What an epoch draws: every peak once, alike on all ranks, and nothing but uniform choices."""

import numpy as np
import pytest
import torch

from scbasset_tl.train.distributed import Ranks
from scbasset_tl.train.draws import draw_cells, epoch_steps, step_sizes
from scbasset_tl.train.recipe import make_recipe


def draw(n_peaks, ranks=Ranks(), recipe="fast", seed=0, batch_size=32, dropout=0.2):
    generator = torch.Generator().manual_seed(seed)
    plan = make_recipe(recipe, n_peaks, batch_size=batch_size)
    return list(epoch_steps(n_peaks, plan, generator, ranks, torch.device("cpu"), n_latent=3, dropout=dropout))


@pytest.mark.parametrize(
    ("n_peaks", "n_ranks", "sizes"),
    [(128, 1, [128]), (129, 1, [129]), (130, 1, [128, 2]), (257, 1, [128, 129]), (2, 1, [2]), (515, 2, [128, 129])],
)
def test_every_rank_takes_equally_many_and_never_one_alone(n_peaks, n_ranks, sizes):
    assert step_sizes(n_peaks, 128, n_ranks) == sizes


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
def test_an_epoch_has_every_peak_once_but_for_fewer_than_there_are_ranks(n_ranks):
    all_steps = [draw(200, Ranks(rank, n_ranks)) for rank in range(n_ranks)]
    for steps in zip(*all_steps, strict=True):
        rows = steps[0].rows
        assert all(torch.equal(rows, step.rows) for step in steps)
        assert torch.equal(torch.cat([step.own for step in steps]), rows)
        assert len({len(step.own) for step in steps}) == 1
        assert len({step.seed for step in steps}) == n_ranks
    order = torch.cat([step.rows for step in all_steps[0]]).tolist()
    assert len(set(order)) == len(order) == 200 // n_ranks * n_ranks


def test_draws_come_from_the_generator_only():
    before = torch.get_rng_state()
    one, two, other = draw(90), draw(90), draw(90, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(one, two, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a[:5], b[:5], strict=True))
        assert a.seed == b.seed
    assert not torch.equal(one[0].rows, other[0].rows)


def test_paper_augments_a_minibatch_alike_and_fast_each_sequence():
    for step in draw(200, Ranks(1, 2), recipe="paper"):
        assert len(step.flip.unique()) == len(step.by.unique()) == 1
    halves = draw(200, Ranks(0, 2), recipe="paper"), draw(200, Ranks(1, 2), recipe="paper")
    assert [step.by[0] for step in halves[0]] == [step.by[0] for step in halves[1]]
    counts = np.zeros((2, 7), int)
    for step in draw(4000):
        np.add.at(counts, (step.flip.int().numpy(), step.by.numpy() + 3), 1)
    # 14 equally likely outcomes: 286 each, standard deviation 16
    assert abs(counts - 4000 / 14).max() < 5 * 17


def test_dropout_leaves_the_share_it_should():
    keep = torch.cat([step.keep for step in draw(4000)]).float()
    assert keep.mean().item() == pytest.approx(0.8, abs=5 * (0.8 * 0.2 / 12000) ** 0.5)
    assert torch.cat([step.keep for step in draw(40, dropout=0.0)]).all()


@pytest.mark.parametrize(("n_cells", "n_drawn"), [(9, 9), (9, 5), (12, 4), (12, 1)])
def test_every_subset_of_cells_is_equally_likely(n_cells, n_drawn):
    counts, pairs, n_draws = np.zeros(n_cells), 0, 2000
    for seed in range(n_draws):
        cells = draw_cells(n_cells, n_drawn, seed).numpy()
        assert len(set(cells.tolist())) == n_drawn
        assert (np.diff(cells) > 0).all()
        counts[cells] += 1
        pairs += 0 in cells and n_cells - 1 in cells
    share = n_drawn / n_cells
    assert abs(counts / n_draws - share).max() < 5 * (share * (1 - share) / n_draws) ** 0.5 + 1e-9
    both = share * (n_drawn - 1) / (n_cells - 1)
    assert abs(pairs / n_draws - both) < 5 * (both * (1 - both) / n_draws) ** 0.5 + 1e-9


def test_a_few_of_very_many_cells():
    cells = draw_cells(10**12, 1000, 0)
    assert len(cells.unique()) == 1000
    assert cells.float().mean().item() == pytest.approx(5e11, rel=0.1)
