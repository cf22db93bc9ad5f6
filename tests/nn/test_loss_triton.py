"""The GPU kernels of the loss, run by Triton's interpreter, against the dense loss in float64."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed")

CHECK = """
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from scbasset_tl.nn.loss import Positives
from scbasset_tl.nn.loss_triton import Tiling, sums


def check(n_peaks, n_cells, n_latent, tile, n_open):
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(n_peaks, n_cells, generator=generator) < 0.3
    targets[:, n_open:] = False
    pairs = [targets[:, start : start + tile].nonzero() + torch.tensor([0, start]) for start in range(0, n_cells, tile)]
    offsets = [0, *torch.tensor([len(part) for part in pairs]).cumsum(0).tolist()]
    positives = Positives(*torch.cat(pairs).T.contiguous(), offsets, tile)
    shapes = (n_peaks, n_latent), (n_cells, n_latent), (n_cells,)
    arrays = [3 * torch.randn(shape, generator=generator) for shape in shapes]
    found = sums(*arrays, positives, tiling=Tiling(16, 32), precision="ieee")
    h, weight, bias = (array.double().requires_grad_() for array in arrays)
    expected = binary_cross_entropy_with_logits(h @ weight.T + bias, targets.double(), reduction="sum")
    expected.backward()
    for ours, exact in zip(found, (expected.detach(), h.grad, weight.grad, bias.grad), strict=True):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-4)


check(18, 140, 32, 4096, 140)  # more tiles than programs, none of them whole
check(18, 150, 5, 96, 90)  # two groups of cells, the last without positives; short embeddings
check(16, 32, 16, 32, 0)  # all whole, and no positives at all
"""


def test_kernels_equal_the_dense_loss():
    source = str(Path(__file__).parents[2] / "src")
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
