"""Data that were joined by anndata.concat: what is of one model is read, and what is of two is refused."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata import kinds
from scbasset_tl._adata.results import find

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "accelerator": "cpu"}
GENES = pd.DataFrame({"gene": ["a", "b"], "chr": "chr1", "tss": [100, 5100]})
READERS = {
    "accessibility": sb.get.accessibility,
    "ism": sb.get.ism,
    "tf_activity": sb.get.tf_activity,
    "gene_scores": sb.get.gene_scores,
    "denoise": lambda data: find(data, kinds.DENOISE, "denoise"),
    "denoised_asw": lambda data: sb.metrics.denoised_asw(data, label_key="kind"),
}


def with_results(data):
    motif = sb.genome.Motif("M1", "TF1", np.full((4, 4), 0.1) + 0.6 * np.eye(4))
    sb.tl.tf_activity(data, motif, n_background=10, n_null=20)
    sb.tl.gene_scores(data, GENES)
    sb.tl.ism(data, [0], window=4)
    sb.tl.denoise(data)
    return data


@pytest.fixture
def halves(tiny):
    return tiny[:30].copy(), tiny[30:].copy()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("uns_merge", ["same", "unique", "first"])
def test_two_models_are_no_model(halves, uns_merge, reader):
    for seed, half in enumerate(halves):
        sb.tl.scbasset(half, **SMALL, rng=seed)
        with_results(half)
    joined = ad.concat(halves, merge="first", uns_merge=uns_merge)
    message = "another|are not" if uns_merge == "first" else "lacks .*as after joining data"
    with pytest.raises((KeyError, ValueError), match=message):
        READERS[reader](joined)


def test_cells_mapped_onto_a_model_are_read_beside_its_own(halves):
    reference, query = halves
    sb.tl.scbasset(reference, **SMALL)
    sb.tl.map_cells(query, reference)
    for half in halves:
        with_results(half)
    joined = ad.concat(halves, merge="same", uns_merge="same")
    for read in (
        sb.get.accessibility,
        lambda data: sb.get.accessibility(data, normalize_depth=False, scale="sigmoid"),
        lambda data: sb.get.gene_scores(data).to_df(),
        lambda data: pd.DataFrame(sb.get.ism(data).raw.reshape(data.n_obs, -1), index=data.obs_names),
    ):
        pd.testing.assert_frame_equal(read(joined), pd.concat([read(half) for half in halves]), rtol=1e-4, atol=1e-6)
    with pytest.raises(KeyError, match="lacks .*'mean', 'sd'"):  # each half was standardised by its own
        sb.get.tf_activity(joined)
