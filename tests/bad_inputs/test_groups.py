"""What compares groups of cells, or parts of the data: what is refused."""

import numpy as np
import pandas as pd
import pytest
from changes import drop, put

import scbasset_tl as sb
from scbasset_tl import _space
from scbasset_tl.genome import Motif

_MODELS = {}


def trained(*changes):
    """Data with a model, motif hits and activities, changed in turn."""

    def make(world):
        if not _MODELS:
            data = world.trained()
            motif = Motif("MA1", "TF1", 0.1 + 0.6 * np.eye(4)[[0, 1, 2, 3, 0, 1]])
            sb.tl.motif_hits(data, data.var_names[:2].tolist(), motif, p_value=0.01)
            sb.tl.tf_activity(data, motif, n_background=10, n_null=0)
            _MODELS["plain"] = data
        world.model = _MODELS["plain"]
        return world.trained(*changes)

    return make


def retrained(data):
    data.obs["scbasset_bias"] = data.obs["scbasset_bias"] + 1


def little(world):
    data = trained()(world)
    world.patch.setattr(_space, "available_memory", lambda: 100)
    return data


def rank(groupby="kind", **arguments):
    return lambda world: sb.tl.rank_peaks_groups(world.data, groupby, **arguments)


def match(**arguments):
    return lambda world: sb.metrics.motif_match(world.data, **{"groupby": "kind", **arguments})


def perturb(motifs="TF1", **arguments):
    call = {"groupby": "kind", "perturbed": "a", "control": "b", **arguments}
    return lambda world: sb.metrics.perturbation(world.data, motifs, **call)


def learn(**arguments):
    return lambda world: sb.metrics.learning_curve(world.data, **{"trunk": 4, "max_epochs": 1, **arguments})


def halve(data):
    data.X = data.X * 0.5


def none_held_out(data):
    data.var["split"] = "train"


CASES = {
    "tl.rank_peaks_groups": [
        ("before training", None, rank(), KeyError, "uns['scbasset'] holds no trained model", "tl.scbasset"),
        ("a column that is not there", trained(), rank("cell_type"), KeyError, "no column 'cell_type'", "'kind'"),
        ("a column without values", trained(put("obs", "none", np.full(60, np.nan))), rank("none"), ValueError,
         "no cell has a value"),
        ("one group", trained(put("obs", "one", "a")), rank("one"), ValueError, "has 1 group", "at least 2"),
        ("groups that are the same as text", trained(put("obs", "mixed", [1, "1"] * 30)), rank("mixed"), ValueError,
         "same name as text"),
        ("a group that is not there", trained(), rank(groups=["a", "c"]), KeyError, "no group ['c']"),
        ("a reference that is not there", trained(), rank(reference="c"), KeyError, "no group ['c']"),
        ("a group against itself", trained(), rank(groups="a", reference="a"), ValueError, "nothing to compare"),
        ('`kind="imputed"`', trained(), rank(kind="imputed"), ValueError, "['denoised', 'raw']"),
        ('`scale="linear"`', trained(), rank(scale="linear"), ValueError, "['logit', 'sigmoid']"),
        ("a layer for denoised values", trained(), rank(layer="counts"), ValueError, "layer= means nothing", "'raw'"),
        ("a model for raw values", trained(), rank(kind="raw", key="m"), ValueError, "key= means nothing", "'denoised'"),
        ("a layer that is not there", trained(), rank(kind="raw", layer="counts"), KeyError, "no layer 'counts'"),
        ("peaks × cells", lambda world: trained()(world).T.copy(), rank(), ValueError, "Transpose first"),
        ('`key_added="scbasset"`', trained(), rank(key_added="scbasset"), ValueError, "choose another name"),
        ("`key_added` of scanpy's result", trained(put("uns", "rank_genes_groups", {"names": 1})),
         rank(key_added="rank_genes_groups"), ValueError, "uns['rank_genes_groups'] is there already"),
    ],
    "metrics.learning_curve": [
        ("no sequences", trained(drop("varm", "dna_code")), learn(), KeyError, "pp.add_sequences"),
        ("more cells than there are", trained(), learn(cells=[30, 61]), ValueError, "the 60 cells", "got 61"),
        ("too few cells", trained(), learn(cells=[2, 60]), ValueError, "whole numbers from 10"),
        ("more than all reads", trained(), learn(reads=(0.5, 2)), ValueError, "shares above 0 and at most 1", "got 2"),
        ("one size of each", trained(), learn(cells=60, reads=1.0), ValueError, "make no curve"),
        ("values that are no counts", trained(halve), learn(), ValueError, "no whole numbers"),
        ("no peak held out", trained(none_held_out), learn(), ValueError, "holds out fewer than 2 peaks"),
        ("a label that is not there", trained(), learn(label_key="cell_type"), KeyError, "no column 'cell_type'"),
    ],
    "metrics.motif_match": [
        ("no hits", trained(drop("uns", "motif_hits")), match(), KeyError, "holds no motif hits", "tl.motif_hits"),
        ("hits of an earlier version", trained(lambda data: data.uns["motif_hits"].pop("vector")), match(), KeyError,
         "earlier version", "run tl.motif_hits again"),
        ("hits of a model that was trained again", trained(retrained), match(), ValueError, "run tl.motif_hits again"),
        ("a motif without hits", trained(), match(motifs="SPI1"), KeyError, "motifs: 1 of 1 have no hit", "TF1"),
        ("a region without hits", trained(), match(regions="chr9:1-2"), KeyError, "regions: 1 of 1 have no hit"),
        ("a column that is not there", trained(), match(groupby="cell_type"), KeyError, "no column 'cell_type'"),
        ('`alternative="more"`', trained(), match(alternative="more"), ValueError, "['greater', 'less', 'two-sided']"),
        ("cells × hits that do not fit into memory", little, match(), MemoryError, "60 cells", "name motifs= or regions="),
    ],
    "metrics.perturbation": [
        ("no activities", trained(drop("uns", "tf_activity")), perturb(), KeyError, "holds no TF activity", "tl.tf_activity"),
        ("a motif without activity", trained(), perturb("SPI1"), KeyError, "1 of 1 have no activity", "TF1"),
        ("no motif", trained(), perturb([]), ValueError, "motifs is empty"),
        ("a column that is not there", trained(), perturb(groupby="guide"), KeyError, "no column 'guide'"),
        ("a group that is not there", trained(), perturb(control="sgNT"), KeyError, "no group ['sgNT']"),
        ("one group twice", trained(), perturb(control="a"), ValueError, "are both 'a'"),
        ('`direction="left"`', trained(), perturb(direction="left"), ValueError, "['down', 'up']"),
        ("an array for the baseline", trained(), perturb(baseline=np.ones((60, 1))), TypeError, "must be a DataFrame"),
        ("a baseline of other cells", trained(), perturb(baseline=pd.DataFrame({"TF1": [1.0]})), ValueError,
         "lacks 60 of the cells"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
