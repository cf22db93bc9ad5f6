"""A small model that is trained in a second, and motifs."""

import numpy as np
import pytest
import torch

import scbasset_tl as sb
from scbasset_tl.genome import Motif


@pytest.fixture(scope="package")
def _trained_small():
    torch.set_num_threads(1)
    with sb.settings.override(verbosity=0):
        adata = sb.datasets.toy(n_obs=50, n_vars=80)
        sb.tl.scbasset(adata, trunk=6, n_latent=5, max_epochs=2, batch_size=16)
    return adata


@pytest.fixture
def trained(_trained_small):
    return _trained_small.copy()


@pytest.fixture
def motifs(rng):
    widths = [6, 11, 8, 8]
    return [Motif(f"M{number}", f"TF{number}", rng.dirichlet(np.full(4, 0.2), w)) for number, w in enumerate(widths)]
