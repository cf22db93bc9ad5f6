"""The auROC of the sample against scikit-learn's, in one piece and in the parts that ranks hold."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from scbasset_tl.nn.head import Head
from scbasset_tl.stats.open_entries import OpenEntries
from scbasset_tl.train import monitor
from scbasset_tl.train.monitor import AucSample

CPU = torch.device("cpu")


@pytest.mark.parametrize("n_ranks", [1, 3])
@pytest.mark.parametrize("limits", [(4096, 2000), (25, 9)])
def test_the_auroc_is_that_of_the_logits_of_the_epoch(rng, monkeypatch, limits, n_ranks):
    monkeypatch.setattr(monitor, "MAX_PEAKS", limits[0])
    monkeypatch.setattr(monitor, "MAX_CELLS", limits[1])
    dense = rng.random((50, 14)) < 0.4
    dense[:, 3] = False  # a cell of one class
    dense[7] = False
    entries = OpenEntries(np.concatenate([[0], dense.sum(1).cumsum()]), np.nonzero(dense)[1].astype(np.int32), 14)
    train = rng.permutation(50)[:40]
    h = torch.tensor(rng.normal(size=(40, 4)), dtype=torch.float32)
    head = Head(14, 4, generator=torch.Generator().manual_seed(0))
    total, total_pr, n_cells = 0.0, 0.0, 0
    for part in np.array_split(np.arange(14), n_ranks):
        cells = slice(part[0], part[-1] + 1)
        own = Head(14, 4, generator=torch.Generator().manual_seed(0))
        own.replace_cells(*(values.detach()[cells] for values in (head.weight, head.bias, head.design)))
        sample = AucSample(entries, train, cells, np.random.default_rng(0), CPU)
        for rows in torch.randperm(40, generator=torch.Generator().manual_seed(1)).split(16):
            sample.update(rows, h[rows], own)
        score = sample.score()
        total, total_pr, n_cells = total + score[0], total_pr + score[1], n_cells + score[2]
    draw = np.random.default_rng(0)  # as the sample is drawn
    chosen = [
        draw.choice(n, min(n, most), replace=False, shuffle=False) for n, most in zip((40, 14), limits, strict=True)
    ]
    logits = (h @ head.weight.T + head.bias).detach().numpy()[chosen[0]]
    found = dense[train][chosen[0]]
    both = [cell for cell in chosen[1] if 0 < found[:, cell].sum() < len(found)]
    expected = [roc_auc_score(found[:, cell], logits[:, cell]) for cell in both]
    expected_pr = [average_precision_score(found[:, cell], logits[:, cell]) for cell in both]
    assert n_cells == len(expected) > 5
    assert total == pytest.approx(sum(expected), rel=1e-5)
    assert total_pr == pytest.approx(sum(expected_pr), rel=1e-5)


def test_peaks_that_an_epoch_left_out_do_not_count(rng):
    """As where several ranks share an odd number: what an epoch before made of them is gone."""
    dense = rng.random((30, 8)) < 0.4
    entries = OpenEntries(np.concatenate([[0], dense.sum(1).cumsum()]), np.nonzero(dense)[1].astype(np.int32), 8)
    h = torch.tensor(rng.normal(size=(30, 4)), dtype=torch.float32)
    head = Head(8, 4, generator=torch.Generator().manual_seed(0))
    sample = AucSample(entries, np.arange(30), slice(0, 8), np.random.default_rng(0), CPU)
    sample.update(torch.arange(30), -h, head)
    sample.score()
    sample.update(torch.arange(29), h[:29], head)
    logits = (h @ head.weight.T + head.bias).detach().numpy()
    expected = [roc_auc_score(dense[:29, cell], logits[:29, cell]) for cell in range(8)]
    roc, _, n_cells = sample.score()
    assert (roc, n_cells) == (pytest.approx(sum(expected), rel=1e-5), 8)


def test_a_sample_without_any_class():
    entries = OpenEntries(np.zeros(5, np.int64), np.empty(0, np.int32), 3)
    assert AucSample(entries, np.arange(4), slice(0, 3), np.random.default_rng(0), CPU).score() == (0.0, 0.0, 0)
