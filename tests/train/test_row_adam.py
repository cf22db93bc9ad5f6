"""Adam on rows: torch's where all rows are taken, and a naive one for each row otherwise."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from scbasset_tl.train import row_adam
from scbasset_tl.train.row_adam import RowAdam

BETAS, LR, EPS = (0.95, 0.9995), 0.01, 1e-7


def parameters(rng):
    return {"weight": torch.tensor(rng.normal(size=(7, 3))), "bias": torch.tensor(rng.normal(size=7))}


def test_all_rows_are_torch_s_adam_with_the_eps_of_keras(rng):
    ours = parameters(rng)
    theirs = [torch.nn.Parameter(value.clone()) for value in ours.values()]
    mine, adam = RowAdam(ours, BETAS), torch.optim.Adam(theirs, lr=LR, betas=BETAS)
    rows = torch.arange(7)
    for number in range(6):
        taken = mine.take(rows)
        scale = 10.0 ** (-2 * number)  # so that eps counts
        for part, other in zip(taken, theirs, strict=True):
            part.grad = torch.tensor(rng.normal(size=part.shape)) * scale
            other.grad = part.grad.clone()
        adam.param_groups[0]["eps"] = EPS / (1 - BETAS[1] ** (number + 1)) ** 0.5
        adam.step()
        mine.step(rows, taken, LR, EPS)
    for part, other in zip(ours.values(), theirs, strict=True):
        torch.testing.assert_close(part, other.detach(), rtol=1e-12, atol=1e-14)


def test_rows_taken_now_and_then_are_an_adam_each(rng):
    ours = parameters(rng)
    expected = np.c_[ours["weight"], ours["bias"]]
    first, second, count = np.zeros((7, 4)), np.zeros((7, 4)), np.zeros(7, int)
    mine = RowAdam(ours, BETAS)
    for _ in range(20):
        rows = np.sort(rng.permutation(6)[:3])  # never the last
        gradient = rng.normal(size=(3, 4))
        taken = mine.take(torch.tensor(rows))
        taken[0].grad, taken[1].grad = torch.tensor(gradient[:, :3]), torch.tensor(gradient[:, 3])
        mine.step(torch.tensor(rows), taken, LR, EPS)
        for row, slope in zip(rows, gradient, strict=True):
            count[row] += 1
            first[row] = BETAS[0] * first[row] + (1 - BETAS[0]) * slope
            second[row] = BETAS[1] * second[row] + (1 - BETAS[1]) * slope**2
            rate = LR * np.sqrt(1 - BETAS[1] ** count[row]) / (1 - BETAS[0] ** count[row])
            expected[row] -= rate * first[row] / (np.sqrt(second[row]) + EPS)
    np.testing.assert_allclose(np.c_[ours["weight"], ours["bias"]], expected, rtol=1e-12)
    assert mine.state["step"].tolist() == count.tolist()
    assert len(set(count.tolist())) > 2


def test_gradients_reach_the_rows_taken(rng):
    mine = RowAdam(parameters(rng), BETAS)
    weight, bias = mine.take(torch.tensor([1, 4]))
    (weight.sum() + 2 * bias.sum()).backward()
    assert weight.grad.shape == (2, 3)
    assert bias.grad.tolist() == [2, 2]
    assert mine.parameters["weight"].grad is None


@pytest.mark.parametrize("rows", [[], [6]])
def test_one_row_or_none(rng, rows):
    ours = parameters(rng)
    before = ours["weight"].clone()
    mine, rows = RowAdam(ours, BETAS), torch.tensor(rows, dtype=torch.int64)
    taken = mine.take(rows)
    for part in taken:
        part.grad = torch.ones_like(part)
    mine.step(rows, taken, LR, EPS)
    changed = (ours["weight"] != before).any(1).nonzero()[:, 0]
    assert torch.equal(changed, rows)


class _Divisions(TorchDispatchMode):
    """Rows of the quotients by which weights move, in turn."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.div.Tensor and made.dim() == 2:
            self.rows.append(len(made))
        return made


def test_steps_hold_a_few_rows_at_a_time_and_give_what_all_rows_at_once_give(rng, monkeypatch):
    weight = torch.tensor(rng.normal(size=(1000, 5)), dtype=torch.float32)
    gradient, rows = torch.tensor(rng.normal(size=(300, 5)), dtype=torch.float32), torch.arange(300) + 150
    moved = []
    for at_once, expected in ((1 << 20, [300]), (700, [128, 128, 44])):
        monkeypatch.setattr(row_adam, "_AT_ONCE", at_once)
        mine = RowAdam({"weight": weight.clone()}, BETAS)
        (taken,) = mine.take(rows)
        taken.grad = gradient
        with _Divisions() as divisions:
            mine.step(rows, [taken], LR, EPS)
        assert divisions.rows == expected
        moved.append([mine.parameters["weight"], *mine.state.values()])
    assert all(torch.equal(one, other) for one, other in zip(*moved, strict=True))
    assert not torch.equal(moved[0][0], weight)
