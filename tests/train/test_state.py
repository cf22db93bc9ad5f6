"""The best weights of a run: kept in one copy, restored, and not those of a worse epoch."""

import torch

from scbasset_tl.nn.head import Head
from scbasset_tl.nn.trunk import Trunk, TrunkConfig
from scbasset_tl.train.state import RunState


def test_the_best_weights_are_one_copy_that_worse_epochs_do_not_touch():
    generator = torch.Generator().manual_seed(0)
    trunk = Trunk(TrunkConfig.of_width(4, seq_len=192, n_latent=3), generator)
    head = Head(7, 3, generator=generator)
    state = RunState(trunk, head, torch.optim.Adam(head.parameters()), generator)
    state.keep_best(0.5, 0.0)
    places = {name: tensor.data_ptr() for name, tensor in state.best.items()}
    with torch.no_grad():
        head.weight.fill_(2)
    state.keep_best(0.7, 0.0)
    with torch.no_grad():
        head.weight.fill_(3)
    state.keep_best(0.6, 0.0)
    assert {name: tensor.data_ptr() for name, tensor in state.best.items()} == places
    state.restore_best()
    assert (head.weight == 2).all()
    assert state.best_auroc == 0.7
