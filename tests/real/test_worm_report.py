"""The verdict on real worm peaks: with their own sequences, and with each other's."""

import anndata as ad
import numpy as np
import pytest

import scbasset_tl as sb


@pytest.mark.slow
@pytest.mark.parametrize(
    # twelve epochs are enough to learn by heart only for a wider trunk; a narrow one is still "undertrained" then
    ("shuffled", "trunk", "verdict"),
    [(False, 48, "usable"), (True, 96, "no sequence signal")],
)
def test_verdict(real_data, shuffled, trunk, verdict):
    adata = ad.read_h5ad(real_data / "worm" / "pseudocells_ce10.h5ad")
    sb.pp.add_sequences(adata, real_data / "worm" / "ce10.fa.gz")
    sb.pp.split_peaks(adata, by="chrom", holdout="chrI")
    if shuffled:
        adata.varm["dna_code"] = np.random.default_rng(0).permutation(adata.varm["dna_code"])
    sb.tl.scbasset(adata, trunk=trunk, max_epochs=12)
    report = sb.get.report(adata)
    assert report.verdict == verdict
    if not shuffled:
        # linear baselines: .641 per cell and .647 per peak
        assert report.numbers["per_cell"] > 0.66
        assert report.numbers["per_peak"] > 0.66
