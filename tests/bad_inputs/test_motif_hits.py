"""tl.motif_hits, tl.modisco and tl.motif_deviations: what they refuse."""

import sys

import numpy as np
import pytest
from changes import trained

import scbasset_tl as sb
from scbasset_tl.genome import Motif


def motif(width=6, name="M1"):
    return Motif(name, "A", np.random.default_rng(width).dirichlet(np.ones(4), width))


def hits(regions=(0, 1), motifs=None, **arguments):
    return lambda world: sb.tl.motif_hits(
        world.data, None if regions is None else list(regions), motif() if motifs is None else motifs, **arguments
    )


def modisco(regions=(0, 1), **arguments):
    return lambda world: sb.tl.modisco(world.data, list(regions), **arguments)


def deviations(motifs=None, **arguments):
    return lambda world: sb.tl.motif_deviations(world.data, motif() if motifs is None else motifs, **arguments)


def without_modisco(world):
    world.patch.setitem(sys.modules, "modiscolite.tfmodisco", None)
    return trained()(world)


def another_network(data):
    sb.tl.ism(data, [0])
    data.uns["ism"]["model"]["digest"] = "of another"


def later(key, *parts):
    return lambda data: data.uns.__setitem__(key, {**dict.fromkeys(parts, 0), "schema_version": 99})


HITS = [
    ("before training", None, hits(), KeyError, "uns['scbasset'] holds no trained model", "tl.scbasset"),
    ("a file that is not there", trained(), hits(motifs="no.meme"), FileNotFoundError, "no.meme"),
    ("a PWM for a motif", trained(), hits(motifs=np.ones((3, 4))), TypeError, "motifs must be", "ndarray"),
    ("no motif", trained(), hits(motifs=[]), ValueError, "motifs", "got none"),
    ("a motif wider than the window", trained(), hits(motifs=[motif(), motif(30, "M2")], window=20), ValueError,
     "motifs: 1 of 2 are wider than the 20 bp", "A (30 bp)"),
    *((f"`p_value={value!r}`", trained(), hits(p_value=value), ValueError, "p_value must be a finite number above 0")
      for value in (0, 2, "small")),
    *((f"`background={value!r}`", trained(), hits(background=value), ValueError, "background must be four frequencies")
      for value in ("uniform", [0.5, 0.5], [1, 0, 0, 0], [0.3, 0.3, 0.3, 0.3])),
    ("a peak that is not there", trained(), hits(regions=["nowhere"]), KeyError, "regions", "nowhere"),
    ("a region without a FASTA", trained(), hits(regions=["chr1:5-90"]), ValueError, "pass fasta="),
    ("`regions=None` without `tl.ism`", trained(), hits(regions=None), KeyError, "uns['ism']", "tl.ism"),
    ("mutagenesis of another network", trained(another_network), hits(), ValueError, "uns['ism']", "tl.ism again"),
    ("`groupby` that is no column", trained(), hits(groupby="cell_type"), KeyError, "'cell_type'", "'kind'"),
    ("a group that is not there", trained(), hits(groupby="kind", groups="c"), KeyError, "['c']", "['a', 'b']"),
    ("a contrast without `groupby`", trained(), hits(contrast=("a", "b")), ValueError, "groupby="),
    ("a contrast of one group", trained(), hits(groupby="kind", contrast=("a", "a")), ValueError, "two different"),
    *((f"`key_added={name!r}`", trained(), hits(key_added=name), ValueError, "another name")
      for name in ("scbasset", "ism", "modisco", "variant_effect", "tf_activity")),
    ("`get.motif_hits` before `tl.motif_hits`", trained(), lambda w: sb.get.motif_hits(w.data), KeyError,
     "uns['motif_hits']", "tl.motif_hits"),
    ("hits of a later version", trained(later("motif_hits", "p_dot", "motif_ids")), lambda w: sb.get.motif_hits(w.data), ValueError,
     "schema 99, this one reads 1", "update"),
]  # fmt: skip

MODISCO = [
    ("without modisco-lite", without_modisco, modisco(), ImportError, "pip install modisco-lite"),
    ("before training", None, modisco(), KeyError, "uns['scbasset'] holds no trained model"),
    ("an argument that modisco-lite does not know", trained(), modisco(window_size=3), ValueError, "'window_size'",
     "'sliding_window_size'"),
    ("a window narrower than a seqlet", trained(), modisco(window=30), ValueError, "window=30", "41 bp"),
    ('`method="shap"`', trained(), modisco(method="shap"), ValueError, "method must be one of", "'shap'"),
    ("`n_regions=0`", trained(), modisco(n_regions=0), ValueError, "n_regions", "0"),
    *((f"`key_added={name!r}`", trained(), modisco(key_added=name), ValueError, "another name")
      for name in ("scbasset", "ism", "motif_hits", "variant_effect", "tf_activity")),
    ("patterns of a later version", trained(later("modisco", "contribution", "core")), lambda w: sb.get.modisco(w.data),
     ValueError, "schema 99, this one reads 1", "update"),
    ("`get.modisco` before `tl.modisco`", trained(), lambda w: sb.get.modisco(w.data), KeyError, "uns['modisco']",
     "tl.modisco"),
]  # fmt: skip

DEVIATIONS = [
    ("no sequences", lambda w: w.data.varm.clear(), deviations(), KeyError, "varm['dna_code']", "pp.add_sequences"),
    ("`width=0`", None, deviations(width=0), ValueError, "width must be a whole number of at least 1"),
    ("a motif wider than `width`", None, deviations(width=4), ValueError, "A (6 bp)", "4 bp"),
    ("`n_background=1`", None, deviations(n_background=1), ValueError, "n_background", "at least 2"),
    ("no layer of that name", None, deviations(layer="counts"), KeyError, "no layer 'counts'"),
    *((f"`key_added={name!r}`", None, deviations(key_added=name), ValueError, "another name")
      for name in ("scbasset", "tf_activity")),
    ("a `key_added` that is taken", lambda w: w.data.uns.__setitem__("mine", 1), deviations(key_added="mine"), ValueError,
     "uns['mine'] is there already", "tl.motif_deviations"),
    ("neither motifs nor k-mers", None, lambda w: sb.tl.motif_deviations(w.data), ValueError, "kmers=", "not both"),
    ("motifs and k-mers", None, deviations(kmers=6), ValueError, "not both"),
    ("`kmers=9`", None, lambda w: sb.tl.motif_deviations(w.data, kmers=9), ValueError, "at most 8 bp, got 9"),
    ("a p-value for k-mers", None, lambda w: sb.tl.motif_deviations(w.data, kmers=4, p_value=0.1), ValueError,
     "kmers= are matched exactly"),
    ("`get.motif_deviations` before `tl.motif_deviations`", None, lambda w: sb.get.motif_deviations(w.data), KeyError,
     "uns['motif_deviations']", "tl.motif_deviations"),
]  # fmt: skip

CASES = {"tl.motif_hits": HITS, "tl.modisco": MODISCO, "tl.motif_deviations": DEVIATIONS}


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(section, case, id=case[0]) for section, rows in CASES.items() for case in rows]
)
def test_refused(refused, section, case):
    if section == "tl.modisco" and case[0] != "without modisco-lite":
        pytest.importorskip("modiscolite")
    refused(section, *case)


def test_the_page_has_these_rows(page):
    page.hold_order(CASES)
