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


def published(matrix):
    """The iteration of Jordan et al., on the matrix itself."""
    x = matrix / matrix.norm()
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


@pytest.mark.parametrize("shape", [(20, 100), (20, 31), (20, 29), (20, 20), (100, 20), (1, 5), (3, 1)])
def test_the_short_cut_gives_the_published_iteration(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    gradient[:, 0] *= 50  # one direction far above the others
    expected = published(gradient) if shape[0] <= shape[1] else published(gradient.T).T
    torch.testing.assert_close(orthogonalised(gradient), expected, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(orthogonalised(gradient.float()).double(), expected, rtol=0, atol=2e-4)


def test_float32_keeps_weak_directions():
    """Singular values over four decades, where the square of the matrix has lost the weakest ones' digits."""
    generator = torch.Generator().manual_seed(3)
    u, _ = torch.linalg.qr(torch.randn(24, 24, generator=generator, dtype=torch.float64))
    v, _ = torch.linalg.qr(torch.randn(120, 24, generator=generator, dtype=torch.float64))
    gradient = u @ torch.diag(torch.logspace(0, -4, 24, dtype=torch.float64)) @ v.T
    found = orthogonalised(gradient.float()).double()
    assert (found - published(gradient)).norm() < 0.01 * found.norm()


@pytest.mark.parametrize(("n_rows", "n_columns"), [(64, 320), (70, 80), (200, 64)])
def test_large_matrices_are_multiplied_in_bfloat16_under_autocast(n_rows, n_columns):
    gradient = torch.randn(n_rows, n_columns, generator=torch.Generator().manual_seed(4))
    whole = published(gradient.double() if n_rows <= n_columns else gradient.double().T)
    expected = whole if n_rows <= n_columns else whole.T
    with torch.autocast("cpu", torch.bfloat16):
        low, narrow = orthogonalised(gradient), orthogonalised(gradient[:20])
    assert low.dtype == torch.bfloat16
    assert (low.double() - expected).norm() < 0.03 * expected.norm()
    assert torch.equal(narrow, orthogonalised(gradient[:20]))  # float32, as without autocast


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
