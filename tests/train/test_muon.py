"""Muon: torch's own class on matrices, an exact singular value decomposition for its directions."""

import pytest
import torch

from scbasset_tl.train.muon import Muon, orthogonalised


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (9, 9)])
def test_equals_torch_s_on_matrices(shape):
    generator = torch.Generator().manual_seed(0)
    ours = torch.nn.Parameter(torch.randn(shape, generator=generator))
    theirs = torch.nn.Parameter(ours.detach().clone())
    mine, torchs = Muon([ours]), torch.optim.Muon([theirs], lr=0.05, weight_decay=0.0, momentum=0.95)
    start = ours.detach().clone()
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=generator)
        theirs.grad = ours.grad.clone()
        mine.step(0.05)
        torchs.step()
    # torch iterates in bfloat16
    assert (ours - theirs).norm() < 0.02 * (ours - start).norm()


@pytest.mark.parametrize("shape", [(8, 8, 1, 5), (32, 4, 1, 17), (12, 3, 1, 1)])
def test_a_step_has_the_directions_of_the_gradient_and_equal_lengths(shape):
    generator = torch.Generator().manual_seed(1)
    gradient = torch.randn(shape, generator=generator)
    u, _, v = torch.linalg.svd(gradient.flatten(1).double(), full_matrices=False)
    found = u.T @ orthogonalised(gradient.flatten(1)).double() @ v.T
    torch.testing.assert_close(found, torch.diag(found.diagonal()), rtol=0, atol=1e-4)  # the same directions
    assert found.diagonal().min() > 0.6
    assert found.diagonal().max() < 1.3

    weight = torch.nn.Parameter(torch.zeros(shape).to(memory_format=torch.channels_last))
    weight.grad = gradient
    Muon([weight]).step(0.1)
    rows, columns = gradient.flatten(1).shape
    expected = -0.1 * max(1, rows / columns) ** 0.5 * orthogonalised(gradient.flatten(1))
    torch.testing.assert_close(weight.detach().flatten(1), expected, rtol=1e-4, atol=1e-5)


def test_gradients_do_not_add_up_over_steps():
    weight = torch.nn.Parameter(torch.ones(2, 2))
    muon = Muon([weight])
    weight.sum().backward()
    muon.step(0.1)
    muon.zero_grad()
    assert weight.grad is None


def test_a_weight_without_gradient_stays():
    weight = torch.nn.Parameter(torch.ones(2, 3))
    Muon([weight]).step(1.0)
    assert (weight == 1).all()
