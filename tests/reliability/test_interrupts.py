"""Ctrl-C at any moment leaves the data as they were, or complete, and the settings of the process as they were."""

import sys
import warnings
from inspect import CO_GENERATOR
from pathlib import Path

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import torch

import scbasset_tl as sb

N_VARS = 100
SMALL = {"trunk": 4, "n_latent": 4, "max_epochs": 1, "batch_size": 32, "accelerator": "cpu", "rng": 1}
WATCHED = tuple(str(Path(module.__file__).parent) for module in (sb, ad))
GENES = pd.DataFrame({"gene": ["a", "b"], "chr": ["chr1", "chr1"], "tss": [1000, 5000]})
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Trained data, and what verbs need besides."""
    folder = tmp_path_factory.mktemp("made")
    torch.set_num_threads(1)
    with sb.settings.override(verbosity=0):
        data = sb.datasets.toy(n_obs=60, n_vars=N_VARS)
        toy = data.uns["toy"]["motifs"]
        motifs = [sb.genome.Motif(name, name, pwm) for name, pwm in zip(toy["name"][:2], toy["pwm"][:2], strict=True)]
        fasta = sb.datasets.toy_genome(folder / "toy.fa", n_vars=N_VARS)
        bare = data.copy()
        sb.tl.scbasset(data, **SMALL)
        sb.io.write_keras_weights(data, folder / "keras.h5")
        sb.tl.scembed(data, n_latent=4, max_epochs=1)
        sb.tl.atac_diff(data, rng=1, max_steps=10, accelerator="cpu")
        sb.tl.ism(data, [0, 1, 2], window=40)
    chrom, start, end = data.var[["chr", "start", "end"]].iloc[3]
    middle = (int(start) + int(end)) // 2
    with sb.genome.Fasta(fasta) as genome:
        base = str(sb.genome.decode(genome.codes(chrom, middle, middle + 1)))
    variants = pd.DataFrame(
        {"chrom": [chrom], "pos": [middle + 1], "ref": [base], "alt": ["A" if base != "A" else "C"]}
    )
    return {"data": data, "bare": bare, "motifs": motifs, "fasta": fasta, "variants": variants, "folder": folder}


VERBS = {
    "pp.add_sequences": lambda d, m: sb.pp.add_sequences(d, m["fasta"], seq_len=192, key_added="other"),
    "pp.filter_peaks": lambda d, m: sb.pp.filter_peaks(d, min_cells=4),
    "pp.split_peaks": lambda d, m: sb.pp.split_peaks(d, rng=5, key_added="parts"),
    "pp.downsample_counts": lambda d, m: sb.pp.downsample_counts(d, 0.5, rng=1),
    "pp.shuffle_accessibility": lambda d, m: sb.pp.shuffle_accessibility(d, rng=1),
    "pp.tokenize_regions": lambda d, m: sb.pp.tokenize_regions(d, m["bare"]),
    "tl.scbasset": lambda d, m: sb.tl.scbasset(d, **{**SMALL, "rng": 2}),
    "tl.scbasset, batches": lambda d, m: sb.tl.scbasset(d, batch_key="cell_type", **SMALL),
    "tl.scembed": lambda d, m: sb.tl.scembed(d, n_latent=5, max_epochs=1),
    "tl.map_cells, scembed": lambda d, m: sb.tl.map_cells(d, m["data"], key="scembed", key_added="projected"),
    "tl.map_cells": lambda d, m: sb.tl.map_cells(d, m["data"], key="scbasset", key_added="mapped"),
    "tl.annotate": lambda d, m: sb.tl.annotate(d, m["data"], label_key="cell_type", key_added="again"),
    "tl.denoise": lambda d, m: sb.tl.denoise(d),
    "tl.denoised_pca": lambda d, m: sb.tl.denoised_pca(d, n_comps=3),
    "tl.gene_scores": lambda d, m: sb.tl.gene_scores(d, GENES),
    "tl.lsi": lambda d, m: sb.tl.lsi(d, n_latent=3),
    "tl.fit_decoder": lambda d, m: sb.tl.fit_decoder(d),
    "tl.rank_peaks_groups": lambda d, m: sb.tl.rank_peaks_groups(d, "cell_type"),
    "tl.tf_activity": lambda d, m: sb.tl.tf_activity(
        d, m["motifs"], groupby="cell_type", n_background=10, n_null=20, rng=1
    ),
    "tl.ism": lambda d, m: sb.tl.ism(d, [0, 1], window=20),
    "tl.motif_hits": lambda d, m: sb.tl.motif_hits(d, [0, 1], m["motifs"]),
    "tl.modisco": lambda d, m: sb.tl.modisco(d),
    "tl.variant_effect": lambda d, m: sb.tl.variant_effect(d, m["variants"], m["fasta"]),
    "tl.design": lambda d, m: sb.tl.design(
        d, groupby="cell_type", group="type_1", n_sequences=2, n_rounds=1, window=20, rng=1
    ),
    "tl.motif_deviations": lambda d, m: sb.tl.motif_deviations(d, m["motifs"], p_value=0.01, n_background=5, rng=1),
    "tl.atac_diff": lambda d, m: sb.tl.atac_diff(d, rng=2, max_steps=10, accelerator="cpu"),
    "tl.impute": lambda d, m: sb.tl.impute(d, layer="imputed", rng=1),
    "tl.load_keras_weights": lambda d, m: sb.tl.load_keras_weights(d, m["folder"] / "keras.h5", key_added="keras"),
}
BARE = {"pp.filter_peaks", "pp.tokenize_regions", "tl.load_keras_weights"}


class Watch:
    """Counts calls and returns of the package and of anndata, and interrupts at the ``at``-th.

    Or at the next, where a generator goes on: the signal is heard inside, so that its ``finally`` runs, but a profiler
    raises at its door.
    """

    def __init__(self, at=0):
        self.n, self.at, self.deep, self.writing = 0, at, 0, []

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(WATCHED):
            return
        self.n += 1
        if frame.f_code.co_name in ("write_slots", "_subset") and event in ("call", "return"):
            self.deep += 1 if event == "call" else -1
        if self.deep or event == "return" and frame.f_code.co_name == "write_slots":
            self.writing.append(self.n)
        if self.at and self.n >= self.at and not (event == "call" and frame.f_code.co_flags & CO_GENERATOR):
            sys.setprofile(None)
            raise KeyboardInterrupt


def watched(watch, call):
    """Whether the call was interrupted."""
    try:
        sys.setprofile(watch)
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def settings_of_the_process():
    return (
        torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype(), np.geterr(),
        torch.are_deterministic_algorithms_enabled(), sb.settings.verbosity, tuple(map(str, warnings.filters)),
    )  # fmt: skip


def check(verb, made, fingerprint, *, few, form="anndata"):
    call, source = VERBS[verb], made["bare" if verb in BARE else "data"]

    def fresh():
        return source.copy() if form == "anndata" else md.MuData({"atac": source.copy()})

    whole, data = fresh(), fresh()
    call(whole, made)
    states = {fingerprint(data): "before", fingerprint(whole): "complete"}
    assert len(states) == 2
    counted = Watch()
    assert not watched(counted, lambda: call(data, made))
    assert states.get(fingerprint(data)) == "complete"
    rng = np.random.default_rng(len(verb))
    n_any, n_writing = (3, 5) if few else (120, 150)
    points = {
        *rng.integers(1, counted.n + 1, n_any).tolist(),
        *rng.choice(counted.writing, min(n_writing, len(counted.writing)), replace=False).tolist(),
        counted.n - 1, counted.n,
    }  # fmt: skip
    before, others = settings_of_the_process(), fingerprint(made["data"])
    found = []
    for at in sorted(points):
        data = fresh()
        interrupted = watched(Watch(at), lambda data=data: call(data, made))
        state = states.get(fingerprint(data), "in between")
        found.append(state)
        assert state == "complete" or (interrupted and state == "before"), f"{verb} interrupted at {at} of {counted.n}"
        assert settings_of_the_process() == before
    assert fingerprint(made["data"]) == others
    print(verb, form, counted.n, {state: found.count(state) for state in set(found)})


def test_every_verb_is_here():
    """But those that return new data and leave the old alone."""
    public = {f"{part}.{name}" for part in ("pp", "tl") for name in getattr(sb, part).__all__}
    assert public - {"tl.generate"} == {verb.partition(",")[0] for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS)
def test_interrupted(made, fingerprint, verb):
    check(verb, made, fingerprint, few=True)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["anndata", "mudata"])
@pytest.mark.parametrize("verb", VERBS)
def test_interrupted_often(made, fingerprint, verb, form):
    check(verb, made, fingerprint, few=False, form=form)
