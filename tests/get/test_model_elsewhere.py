"""get.model in the packages that explain networks, as it is."""

import numpy as np
import pytest
import torch

import scbasset_tl as sb


@pytest.fixture
def trained(tiny):
    tiny.varm["dna_code"][:, :3] = 0  # neither package knows N
    sb.tl.scbasset(tiny, trunk=8, n_latent=6, max_epochs=2)
    return tiny


@pytest.fixture
def network(trained):
    return sb.get.model(trained, groupby="kind")


@pytest.fixture
def x(trained):
    codes = torch.from_numpy(trained.varm["dna_code"][[4, 7]])
    return torch.nn.functional.one_hot(codes.long(), 4).transpose(1, 2).contiguous()


def test_saturation_mutagenesis_of_tangermeme(trained, network, x):
    # fast=True is measured first, and a warning tells which way was faster
    tangermeme = pytest.importorskip("tangermeme.saturation_mutagenesis")
    scores = sb.get.ism(trained, regions=[4, 7], groupby="kind")
    before, after = tangermeme.saturation_mutagenesis(network, x, raw_outputs=True, device="cpu", fast=False)
    theirs = (after - before[:, None, None]).permute(3, 0, 2, 1).numpy()
    np.testing.assert_allclose(scores.raw, theirs, rtol=0, atol=1e-4)
    assert np.abs(theirs).max() > 1e-3
    for target in (0, 1):
        attribution = tangermeme.saturation_mutagenesis(network, x, target=target, device="cpu", fast=False)
        np.testing.assert_allclose(scores.importance[target], attribution.sum(1).numpy(), rtol=0, atol=1e-4)


def test_integrated_gradients_of_captum(network, x):
    captum = pytest.importorskip("captum.attr")
    x = x.float()
    baseline = torch.full_like(x, 0.25)
    attribution = captum.IntegratedGradients(network).attribute(x, baseline, target=1, n_steps=200)
    with torch.no_grad():
        difference = (network(x) - network(baseline))[:, 1]
    np.testing.assert_allclose(attribution.sum((1, 2)), difference, rtol=0.02, atol=2e-3)


def test_deep_lift_shap_of_tangermeme(network, x):
    """Its rules are for modules: it is told that ours is one more nonlinearity of a single input."""
    deep_lift = pytest.importorskip("tangermeme.deep_lift_shap")
    from scbasset_tl.nn.trunk import GELU

    references = x[:, None].roll(37, dims=-1)
    with torch.no_grad():
        difference = (network(x.float()) - network(references[:, 0].float()))[:, 1]
    multiplier = deep_lift.deep_lift_shap(
        network, x.float(), target=1, device="cpu", references=references.float(), raw_outputs=True,
        additional_nonlinear_ops={GELU: deep_lift._nonlinear}, warning_threshold=1e-3,
    )  # fmt: skip
    total = (multiplier[:, 0] * (x - references[:, 0])).sum((1, 2))
    np.testing.assert_allclose(total, difference, rtol=1e-3, atol=1e-5)
    assert difference.abs().min() > 1e-4


@pytest.mark.slow
def test_modisco_finds_a_planted_motif(trained_toy):
    modisco = pytest.importorskip("modiscolite.tfmodisco")
    codes, sites = trained_toy.varm["dna_code"], trained_toy.varm["toy_sites"]
    peaks = np.flatnonzero((codes < 4).all(axis=1) & (sites[..., 0] == 0).any(axis=1))[:150]
    scores = sb.get.ism(trained_toy, regions=peaks, groupby="cell_type", groups="type_1")
    one_hot = np.eye(4, dtype=np.float32)[scores.codes]
    found, _ = modisco.TFMoDISco(
        one_hot, scores.centered[0], max_seqlets_per_metacluster=500, n_leiden_runs=2, min_metacluster_size=20,
        final_min_cluster_size=10,
    )  # fmt: skip
    planted = trained_toy.uns["toy"]["motifs"]["pwm"][0]
    starts = range(len(found[0].sequence) - 15)
    strands = (planted, planted[::-1, ::-1])
    best = max(np.corrcoef(found[0].sequence[i : i + 16].ravel(), s.ravel())[0, 1] for i in starts for s in strands)
    assert best > 0.95
