"""tl.fit_decoder, and what reads it with decoder="fitted"."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import scbasset_tl as sb


@pytest.fixture(scope="module")
def trained():
    adata = sb.datasets.toy(n_obs=120, n_vars=300, depth=150)
    adata.obs["donor"] = np.where(np.arange(120) % 2, "a", "b")
    sb.tl.scbasset(adata, trunk=8, n_latent=8, max_epochs=3, batch_key="donor", accelerator="cpu")
    sb.tl.fit_decoder(adata)
    return adata


def test_values_are_those_of_the_stored_regressions(trained):
    rows = trained.varm["scbasset_decoder"]
    assert rows.dtype == np.float32
    assert rows.shape == (300, 10)
    entry = trained.uns["scbasset_decoder"]
    assert entry["written_by"] == "tl.fit_decoder"
    assert entry["l2"] in entry["tried"]["l2"]
    from scbasset_tl._adata.model.store import read_model

    weight, bias = read_model(trained, "scbasset").raw_head(trained.obs)
    logits = weight @ rows[:, :8].T + bias[:, None] * rows[:, 8] + rows[:, 9]
    found = sb.get.accessibility(trained, decoder="fitted", normalize_depth=False, scale="sigmoid")
    np.testing.assert_allclose(found, expit(logits), rtol=1e-4, atol=1e-6)
    normalised = trained.obsm["X_scbasset"] @ rows[:, :8].T + bias.mean() * rows[:, 8] + rows[:, 9]
    block = sb.get.accessibility(trained, decoder="fitted", obs=[3, 1], var=[7, 5, 250])
    np.testing.assert_allclose(block, normalised[[3, 1]][:, [7, 5, 250]], rtol=1e-4, atol=1e-5)
    groups = sb.get.accessibility(trained, decoder="fitted", groupby="cell_type")
    expected = pd.DataFrame(normalised).groupby(trained.obs["cell_type"].to_numpy()).mean()
    np.testing.assert_allclose(groups, expected, rtol=1e-3, atol=1e-4)
    data = sb.tl.denoise(trained, decoder="fitted", copy=True)
    np.testing.assert_allclose(data.layers["scbasset"], normalised, rtol=1e-4, atol=1e-4)
    assert data.uns["denoise"]["params"]["decoder"] == "fitted"


def test_intercepts_carry_how_open_peaks_are(trained):
    """The regressions are unpenalised in the intercept: the mean probability of a peak is its share of cells."""
    probability = sb.get.accessibility(trained, decoder="fitted", normalize_depth=False, scale="sigmoid")
    share = np.asarray((trained.X > 0).mean(axis=0)).ravel()
    some = (share > 0) & (share < 1)
    np.testing.assert_allclose(probability.to_numpy().mean(axis=0)[some], share[some], atol=2e-3)


def test_masked_entries_are_found_better_than_by_dna_alone():
    masked = sb.datasets.toy(n_obs=200, n_vars=600, depth=150)
    sb.pp.downsample_counts(masked, 0.9, by="entries")
    sb.tl.scbasset(masked, layer="downsampled", trunk=8, n_latent=8, max_epochs=6, accelerator="cpu")
    sb.tl.fit_decoder(masked)
    assert masked.uns["scbasset_decoder"]["params"]["layer"] == "downsampled"  # what the model was trained on
    scores = {
        how: sb.metrics.imputation(masked, sb.get.accessibility(masked, decoder=how, normalize_depth=False))[
            "auroc"
        ].mean()
        for how in ("dna", "fitted")
    }
    assert scores["fitted"] > scores["dna"] + 0.01


def test_gene_scores(trained):
    genes = pd.DataFrame({"gene": ["a", "b"], "chr": "chr1", "tss": [3_000, 12_000]})
    for scale in ("logit", "sigmoid"):
        scored = sb.tl.gene_scores(trained, genes, decoder="fitted", scale=scale, copy=True)
        values = sb.get.accessibility(trained, decoder="fitted", scale=scale)
        regions = sb.genome.read_regions(trained.var)
        for number, gene in enumerate(genes.itertuples()):
            near = (
                (np.asarray(regions.chrom) == gene.chr)
                & (regions.start <= gene.tss + 2000)
                & (regions.end > gene.tss - 2000)
            )
            np.testing.assert_allclose(
                scored.obsm["gene_scores"][:, number], values.loc[:, near].mean(axis=1), rtol=1e-3, atol=1e-4
            )
    with pytest.raises(ValueError, match="decoder= means nothing for kind='raw'"):
        sb.tl.gene_scores(trained, genes, kind="raw", decoder="fitted")


def test_subsets_and_files(trained, tmp_path):
    expected = sb.get.accessibility(trained, decoder="fitted")
    part = trained[5:40, 10:60].copy()
    np.testing.assert_allclose(
        sb.get.accessibility(part, decoder="fitted"), expected.iloc[5:40, 10:60], rtol=1e-4, atol=1e-5
    )
    trained.write_h5ad(tmp_path / "a.h5ad")
    md.MuData({"atac": trained}).write_h5mu(tmp_path / "a.h5mu")
    for back in (ad.read_h5ad(tmp_path / "a.h5ad"), md.read_h5mu(tmp_path / "a.h5mu")):
        pd.testing.assert_frame_equal(sb.get.accessibility(back, decoder="fitted"), expected)
    again = sb.tl.fit_decoder(trained, copy=True)
    np.testing.assert_array_equal(again.varm["scbasset_decoder"], trained.varm["scbasset_decoder"])
    assert trained.uns["scbasset_decoder"]["params"] == {"key": "scbasset", "seed": 0}


def test_what_cannot_be_read(trained):
    data = trained.copy()
    with pytest.raises(ValueError, match="own peaks only"):
        sb.get.accessibility(data, decoder="fitted", sequences={"a": "A" * 192})
    with pytest.raises(ValueError, match="decoder must be"):
        sb.get.accessibility(data, decoder="linear")
    sb.tl.scbasset(data, trunk=8, n_latent=8, max_epochs=1, accelerator="cpu")
    with pytest.raises(ValueError, match=r"run tl\.fit_decoder again"):
        sb.tl.denoise(data, decoder="fitted")
    del data.varm["scbasset_decoder"]
    with pytest.raises(KeyError, match=r"the regressions of the peaks of uns\['scbasset_decoder'\], is gone"):
        sb.tl.denoise(data, decoder="fitted")
    del data.uns["scbasset_decoder"]
    with pytest.raises(KeyError, match=r"run tl\.fit_decoder\(data, key='scbasset'\) first"):
        sb.tl.denoise(data, decoder="fitted")
    sb.tl.scbasset(data, trunk=8, n_latent=8, max_epochs=1, accelerator="cpu", key_added="other")
    sb.tl.fit_decoder(data, key="other", key_added="by_other")
    sb.get.accessibility(data, key="other", decoder="fitted")
    with pytest.raises(KeyError, match="no fitted decoder of the model 'scbasset'"):
        sb.get.accessibility(data, decoder="fitted")
    data.varm["scbasset_decoder"], data.uns["scbasset_decoder"] = np.zeros((300, 2)), "mine"
    with pytest.raises(ValueError, match=r"not from tl\.fit_decoder"):
        sb.tl.fit_decoder(data)
