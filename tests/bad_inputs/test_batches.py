"""Scores of batches, co-embeddings, and the verbs that perturb labels: what they refuse."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb


def change(**slots):
    """Cells with an embedding and, changed in turn, entries of obs and obsm."""

    def make(world):
        data = world.data
        data.obsm["X_scbasset"] = np.random.default_rng(0).normal(size=(60, 4))
        for name, values in slots.items():
            (data.obsm if name.startswith("X_") else data.obs)[name] = values
        return data

    return make


def mixing(**arguments):
    return lambda world: sb.metrics.batch_mixing(world.data, **{"batch_key": "batch", "k": 20, **arguments})


def path(keys, **arguments):
    call = {"batch_key": "batch", "label_key": "kind", "k": 10, "k_mixing": 20, **arguments}
    return lambda world: sb.metrics.compare_models(world.data, keys, **call)


def distance(**arguments):
    return lambda world: sb.metrics.embedding_rank_distance(world.data, **{"other_rep": "X_rna", **arguments})


def downsample(fraction=0.5, **arguments):
    return lambda world: sb.pp.downsample_counts(world.data, fraction, **arguments)


def shuffle(**arguments):
    return lambda world: sb.pp.shuffle_accessibility(world.data, **arguments)


def other_cells(world):
    rna = ad.AnnData(np.ones((50, 4), dtype=np.float32), obs=pd.DataFrame(index=world.data.obs_names[:50]))
    rna.obsm["X_rna"] = np.ones((50, 4))
    return md.MuData({"rna": rna, "atac": change()(world)})


def normalised(world):
    world.data.X.data[3] = 0.37


def huge(world):
    world.data.X.data[3] = 1e16


def own_layers(world):
    for name in ("downsampled", "shuffled"):
        world.data.layers[name] = world.data.X


def negative(world):
    world.data.X.data[3] = -1


MIXING = [
    ("before training", None, mixing(), KeyError, "obsm has no 'X_scbasset'", "tl.scbasset"),
    ("batches that are no column", change(), mixing(batch_key="donor"), KeyError, "'donor'"),
    ("labels that are no column", change(), mixing(label_key="cell_type"), KeyError, "'cell_type'"),
    ("a list of batch columns", change(), mixing(batch_key=["batch", "kind"]), ValueError, "batch_key must be the name of one",
     "Join several"),
    ("one batch", change(batch="x"), mixing(), ValueError, "obs['batch'] has one batch, ['x']"),
    ("a batch with one cell", change(batch=["x"] * 30 + ["y"] * 29 + ["z"]), mixing(), ValueError,
     "1 batches of one cell", "['z']"),
    ("no cell with a batch", change(batch=np.nan), mixing(), ValueError, "no cell has a value"),
    ("fewer cells than neighbours", change(), mixing(k=90), ValueError, "k=90", "60 cells"),
    ("`k=3`", change(), mixing(k=3), ValueError, "k must be a whole number of at least 6, got 3"),
    ("`alpha=5`", change(), mixing(alpha=5), ValueError, "alpha", "got 5"),
    ("NaN in the representation", change(X_scbasset=np.full((60, 4), np.nan)), mixing(), ValueError,
     "NaN or infinite for 60 cells"),
]  # fmt: skip
PATH = [
    ("a model that is not there", change(), path(["l2_0"]), KeyError, "uns['l2_0'] holds no trained model"),
    ("no models", change(), path([]), ValueError, "keys must be a list", "[]"),
    ("text for the list of models", change(), path("X_scbasset"), ValueError, "keys must be a list", "'X_scbasset'"),
    ("a model named twice", change(), path(["X_scbasset"] * 2), ValueError, "different models"),
    ("labels that are no column", change(), path(["X_scbasset"], label_key="cell_type"), KeyError, "'cell_type'"),
    ("a list of batch columns", change(), path(["X_scbasset"], batch_key=["batch"]), ValueError, "batch_key must be the name"),
    ("one batch", change(batch="x"), path(["X_scbasset"]), ValueError, "one batch"),
    ("`max_loss=-1`", change(), path(["X_scbasset"], max_loss=-1), ValueError, "max_loss", "-1"),
]  # fmt: skip
DISTANCE = [
    ("no second representation", change(), distance(), KeyError, "'X_rna'"),
    ("representations of other length", change(X_rna=np.ones((60, 5))), distance(), ValueError, "(60, 4)", "(60, 5)",
     "CCA"),
    ("modalities of other cells", other_cells, distance(other_mod="rna"), ValueError, "60 cells", "50",
     "muon.pp.intersect_obs"),
    ("no such modality", other_cells, distance(other_mod="gex"), KeyError, "no modality 'gex'"),
    ("one cell", lambda w: change(X_rna=np.ones((60, 4)))(w)[:1].copy(), distance(), ValueError, "at least 2 cells"),
]  # fmt: skip
DOWNSAMPLE = [
    *((f"`fraction={value!r}`", None, downsample(value), ValueError, "fraction must be a finite number above 0", repr(value))
      for value in (0, 1.5, -0.1, float("nan"), "half")),
    ("values that are no counts", normalised, downsample(), ValueError, "1 values that are no whole numbers, e.g. 0.37",
     "layer="),
    ('`by="peaks"`', None, downsample(by="peaks"), ValueError, "by must be", "'peaks'"),
    ("values beyond any count", huge, downsample(), ValueError, "values up to 1e+16"),
    ("negative values", negative, downsample(), ValueError, "negative"),
    ("no layer of that name", None, downsample(layer="counts"), KeyError, "'counts'"),
    ('`key_added="a/b"`', None, downsample(key_added="a/b"), ValueError, "key_added", "a/b"),
    ("`key_added` of the layer that is read", None, downsample(layer="counts", key_added="counts"), ValueError,
     "layers['counts'] would be replaced"),
    ("a layer of the user's", own_layers, downsample(), ValueError, "layers['downsampled'] is there already, and not from pp.down"),
    ('`rng="a"`', None, downsample(rng="a"), ValueError, "rng", "'a'"),
]  # fmt: skip
SHUFFLE = [
    ('`by="cells"`', None, shuffle(by="cells"), ValueError, "by must be one of ['cell', 'peak']", "'cells'"),
    ("no layer of that name", None, shuffle(layer="counts"), KeyError, "'counts'"),
    ("negative values", negative, shuffle(), ValueError, "negative"),
    ("`key_added` of the layer that is read", None, shuffle(layer="counts", key_added="counts"), ValueError,
     "layers['counts'] would be replaced"),
    ("a layer of the user's", own_layers, shuffle(), ValueError, "layers['shuffled'] is there already, and not from pp.shuffle"),
    ("`key_added=3`", None, shuffle(key_added=3), ValueError, "key_added", "3"),
]  # fmt: skip
CASES = {
    "pp.downsample_counts": DOWNSAMPLE,
    "pp.shuffle_accessibility": SHUFFLE,
    "metrics.batch_mixing": MIXING,
    "metrics.compare_models": PATH,
    "metrics.embedding_rank_distance": DISTANCE,
}


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(name, case, id=f"{name} {case[0]}") for name in CASES for case in CASES[name]]
)
def test_refused(refused, section, case):
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
