"""Predictions averaged over strands and shifts: stored peak vectors, new sequences, held-out scores, mapped cells."""

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl._adata.model.store import read_network
from scbasset_tl.nn.embed import AVERAGES, embed

SMALL = {"trunk": 4, "n_latent": 6, "max_epochs": 1, "batch_size": 32}


@pytest.fixture
def averaged(tiny):
    sb.pp.split_peaks(tiny, fractions=(0.5, 0.2, 0.3))
    sb.tl.scbasset(tiny, **SMALL, average="strands_shifts")
    return tiny


def vectors(adata, average):
    return embed(read_network(adata).trunk(), adata.varm["dna_code"], average=average).numpy()


@pytest.mark.parametrize("average", AVERAGES)
def test_stored_vectors_are_averages(tiny, average):
    sb.tl.scbasset(tiny, **SMALL, average=average)
    assert tiny.uns["scbasset"]["params"]["average"] == average
    np.testing.assert_allclose(tiny.varm["scbasset"], vectors(tiny, average), atol=1e-6)


def test_defaults(tiny):
    for recipe, average in (("fast", "strands"), ("paper", "none")):
        adata = sb.tl.scbasset(tiny, **SMALL, recipe=recipe, copy=True)
        assert adata.uns["scbasset"]["params"]["average"] == average
        np.testing.assert_allclose(adata.varm["scbasset"], vectors(adata, average), atol=1e-6)


def test_the_network_is_the_same_whatever_is_averaged(tiny, averaged):
    other = averaged.copy()
    sb.tl.scbasset(other, **SMALL, average="none")
    np.testing.assert_array_equal(other.uns["scbasset"]["weights"], averaged.uns["scbasset"]["weights"])
    assert not np.allclose(other.varm["scbasset"], averaged.varm["scbasset"], atol=1e-4)
    # cells are solved on the vectors that are stored
    assert not np.allclose(other.obsm["X_scbasset"], averaged.obsm["X_scbasset"], atol=1e-5)


def test_new_sequences_are_read_as_the_peaks_were(averaged):
    known = sb.get.accessibility(averaged).to_numpy()
    again = sb.get.accessibility(averaged, sequences=averaged.varm["dna_code"]).to_numpy()
    np.testing.assert_allclose(again, known, atol=1e-5)
    once = sb.get.accessibility(averaged, sequences=averaged.varm["dna_code"], average="none").to_numpy()
    assert np.abs(once - known).max() > 1e-3


@pytest.mark.parametrize("average", [None, *AVERAGES])
def test_known_peaks_are_read_again_if_another_average_is_asked_for(averaged, average):
    chosen = [3, 50, 7]
    found = sb.get.accessibility(averaged, var=chosen, average=average)
    expected = averaged.obsm["X_scbasset"] @ vectors(averaged, average or "strands_shifts")[chosen].T
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("average", [None, *AVERAGES])
def test_scores_of_held_out_peaks(averaged, average):
    """Those of a model that has stored such vectors."""
    test = np.flatnonzero(averaged.var["split"] == "test")
    other = averaged.copy()
    if average not in (None, "strands_shifts"):
        other.varm["scbasset"][test] = embed(
            read_network(averaged).trunk(), averaged.varm["dna_code"][test], average=average
        )
    expected = sb.metrics.accessibility_auc(other, split="test")
    found = sb.metrics.accessibility_auc(averaged, split="test", average=average)
    for name in ("per_cell", "per_peak", "auprc_per_cell", "auprc_per_peak"):
        pd.testing.assert_series_equal(getattr(found, name), getattr(expected, name))


def test_mapped_cells_see_new_peaks_as_the_reference_saw_its_own(averaged):
    reference = averaged[:, :60].copy()
    query = averaged.copy()
    sb.tl.map_cells(query, reference, peaks="all", key_added="mapped")
    np.testing.assert_allclose(query.varm["mapped"], averaged.varm["scbasset"], atol=1e-5)
    assert query.uns["mapped"]["params"]["average"] == "strands_shifts"


def test_models_of_earlier_versions_read_once(tiny):
    sb.tl.scbasset(tiny, **SMALL, average="none")
    del tiny.uns["scbasset"]["params"]["average"]
    again = sb.get.accessibility(tiny, sequences=tiny.varm["dna_code"])
    np.testing.assert_allclose(again, sb.get.accessibility(tiny), atol=1e-5)


def test_sequences_that_are_gone_are_missed_only_where_they_are_read(averaged):
    del averaged.varm["dna_code"]
    assert sb.get.accessibility(averaged, average="strands_shifts").shape == averaged.shape
    with pytest.raises(KeyError, match=r"varm\['dna_code'\] is missing: run pp\.add_sequences"):
        sb.get.accessibility(averaged, average="none")
    with pytest.raises(KeyError, match=r"varm\['dna_code'\] is missing: run pp\.add_sequences"):
        sb.metrics.accessibility_auc(averaged, average="strands")


def test_sequences_of_another_length_are_refused(averaged):
    averaged.varm["dna_code"] = np.tile(averaged.varm["dna_code"], 2)
    with pytest.raises(ValueError, match="384 bp, but the model reads 192 bp.*seq_len=192.*leave average= out"):
        sb.metrics.accessibility_auc(averaged, average="none")


def test_unknown_names_are_refused(averaged):
    for call in (
        lambda: sb.tl.scbasset(averaged, average="both"),
        lambda: sb.get.accessibility(averaged, average="both"),
        lambda: sb.metrics.accessibility_auc(averaged, average="both"),
    ):
        with pytest.raises(ValueError, match=r"average must be one of \['none', 'strands', 'strands_shifts'\]"):
            call()
