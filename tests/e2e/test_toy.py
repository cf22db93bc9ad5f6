"""The main job on toy data: what was planted is found on peaks that training never saw."""

import numpy as np

import scbasset_tl as sb


def test_unseen_peaks_are_predicted_from_their_motifs(trained_toy):
    found = sb.metrics.accessibility_auc(trained_toy, split="held-out")
    best = trained_toy.uns["toy"]["best_auroc"]
    assert (found.mean_per_cell - 0.5) / (best - 0.5) > 0.8


def test_the_report_calls_it_usable(trained_toy):
    assert sb.get.report(trained_toy).verdict == "usable"


def test_cells_of_a_type_lie_together_and_biases_are_depth(trained_toy):
    shares = trained_toy.obs["cell_type"].value_counts(normalize=True)
    chance = float((shares**2).sum())
    assert sb.metrics.label_score(trained_toy, label_key="cell_type", k=30) > 2 * chance
    assert np.corrcoef(trained_toy.obs["scbasset_bias"], np.log(trained_toy.obs["depth"]))[0, 1] > 0.8


def test_planting_a_motif_opens_a_peak_in_its_type(trained_toy):
    """The network itself, not the stored peak vectors: a site in the middle of a peak without any raises its type."""
    import torch

    from scbasset_tl.nn.codes import one_hot

    motifs, types = trained_toy.uns["toy"]["motifs"], list(trained_toy.uns["toy"]["cell_types"])
    blank = trained_toy.varm["dna_code"][(trained_toy.varm["toy_sites"][:, :, 0] < 0).all(1)][:50].copy()
    network = sb.get.model(trained_toy, groupby="cell_type")
    hits = []
    for motif in np.flatnonzero(np.asarray(motifs["kind"], dtype=object) == "specific"):
        site = motifs["pwm"][motif].argmax(1).astype(np.uint8)
        planted = blank.copy()
        middle = planted.shape[1] // 2 - len(site) // 2
        planted[:, middle : middle + len(site)] = site
        with torch.no_grad():
            effect = network(one_hot(torch.from_numpy(planted))) - network(one_hot(torch.from_numpy(blank)))
        hits.append(types[int(effect.mean(0).argmax())] == types[int(motifs["effect"][motif].argmax())])
    assert np.mean(hits) == 1
