"""Data without cells are refused by every verb that reads cells, by name and before any work."""

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb

GENES = pd.DataFrame({"gene": ["a", "b"], "chr": ["chr1", "chr1"], "tss": [1000, 5000]})
MOTIF = sb.genome.Motif("m", "m", np.full((6, 4), 0.25))


@pytest.fixture(scope="module")
def data():
    data = sb.datasets.toy(n_obs=60, n_vars=90)
    sb.tl.scbasset(data, trunk=4, n_latent=4, max_epochs=1, accelerator="cpu")
    return data


VERBS = {
    "get.accessibility": lambda empty, data: sb.get.accessibility(empty),
    "get.report": lambda empty, data: sb.get.report(empty),
    "io.write_keras_weights": lambda empty, data: sb.io.write_keras_weights(empty, "none.h5"),
    "metrics.accessibility_auc": lambda empty, data: sb.metrics.accessibility_auc(empty),
    "pp.shuffle_accessibility": lambda empty, data: sb.pp.shuffle_accessibility(empty),
    "metrics.neighbor_score": lambda empty, data: sb.metrics.neighbor_score(
        empty, use_rep="X_scbasset", other_rep="X_scbasset"
    ),
    "tl.annotate": lambda empty, data: sb.tl.annotate(empty, data, label_key="cell_type", key_added="again"),
    "tl.atac_diff": lambda empty, data: sb.tl.atac_diff(empty),
    "tl.denoise": lambda empty, data: sb.tl.denoise(empty),
    "tl.denoised_pca": lambda empty, data: sb.tl.denoised_pca(empty),
    "tl.gene_scores": lambda empty, data: sb.tl.gene_scores(empty, GENES),
    "tl.gene_scores raw": lambda empty, data: sb.tl.gene_scores(empty, GENES, kind="raw"),
    "tl.lsi": lambda empty, data: sb.tl.lsi(empty),
    "tl.map_cells": lambda empty, data: sb.tl.map_cells(empty, data, key_added="mapped"),
    "tl.map_cells reference": lambda empty, data: sb.tl.map_cells(data.copy(), empty, key_added="mapped"),
    "tl.scbasset": lambda empty, data: sb.tl.scbasset(empty, key_added="again"),
    "tl.scembed": lambda empty, data: sb.tl.scembed(empty),
    "tl.tf_activity": lambda empty, data: sb.tl.tf_activity(empty, [MOTIF]),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_cells(data, verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="has 0 cells"):
        VERBS[verb](data[:0].copy(), data)
    assert list(tmp_path.iterdir()) == []
