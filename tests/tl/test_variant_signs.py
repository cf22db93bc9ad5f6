"""Variant effects of a trained model: planted sites that are broken, shuffled or made."""

from itertools import islice

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import decode

SEQ_LEN = 192


def planted(adata, motifs, rng):
    """Sites of ``motifs`` in random order: peak, motif, first base in the window, position weights as they stand there."""
    sites = adata.varm["toy_sites"]
    for peak, slot in rng.permutation(np.argwhere(np.isin(sites[..., 0], motifs))):
        motif, start, strand = sites[peak, slot]
        yield peak, motif, start + SEQ_LEN // 2, adata.uns["toy"]["motifs"]["pwm"][motif][::strand, ::strand]


def break_base(adata, motifs, rng):
    """Another base at the most conserved position of planted sites; (peak, motif, position, ref, alt)."""
    for peak, motif, first, pwm in planted(adata, motifs, rng):
        at = int(pwm.max(axis=1).argmax())
        ref = adata.varm["dna_code"][peak, first + at]
        if ref == pwm[at].argmax():  # else the draw of the site had it broken already
            yield peak, motif, first + at, "ACGT"[ref], "ACGT"[(ref + rng.integers(1, 4)) % 4]


def shuffle_site(adata, motifs, rng):
    """The bases of planted sites in another order."""
    for peak, motif, first, pwm in planted(adata, motifs, rng):
        ref = decode(adata.varm["dna_code"][peak, first : first + len(pwm)])
        yield peak, motif, first, ref, "".join(rng.permutation(list(ref)))


def make_site(adata, motifs, rng):
    """The consensus of a motif, for repressors beside the general motif, else in peaks without sites."""
    truth, sites = adata.uns["toy"]["motifs"], adata.varm["toy_sites"][..., 0]
    host = "general" if "repressor" in truth["kind"][motifs] else "background"
    free = (sites < 0) & (adata.var["programme"] == host).to_numpy()[:, None]
    for peak, slot in rng.permutation(np.argwhere(free)):
        motif, first = rng.choice(motifs), SEQ_LEN // 2 - 84 + 56 * slot + rng.integers(40)
        consensus = truth["pwm"][motif].argmax(axis=1).astype(np.uint8)
        ref = decode(adata.varm["dna_code"][peak, first : first + len(consensus)])
        if "N" not in ref:
            yield peak, motif, first, ref, decode(consensus)


@pytest.mark.parametrize(
    ("change", "kinds", "sign", "least"),
    [
        (break_base, ["specific", "shared"], -1, 0.9),
        (make_site, ["specific", "shared"], 1, 0.95),
        (shuffle_site, ["repressor"], 1, 0.75),
        (make_site, ["repressor"], -1, 0.75),
    ],
)
def test_planted_sites_have_the_planted_sign(trained_toy, tmp_path, rng, change, kinds, sign, least):
    """Signs at 300 sites: in the types where the motif acts, against zero and against the other types."""
    motifs = trained_toy.uns["toy"]["motifs"]
    rows = [*islice(change(trained_toy, np.flatnonzero(np.isin(motifs["kind"].astype(str), kinds)), rng), 300)]
    peak, motif, first = np.array([row[:3] for row in rows]).T
    region = trained_toy.var.iloc[peak]
    start = ((region["start"] + region["end"]) // 2).to_numpy() - SEQ_LEN // 2 + first
    variants = pd.DataFrame({"ref": [row[3] for row in rows], "alt": [row[4] for row in rows], "start": start})
    variants["chr"] = region["chr"].to_numpy()
    sb.tl.variant_effect(trained_toy, variants, sb.datasets.toy_genome(tmp_path / "toy.fa"))
    found = sb.get.variant_effect(trained_toy, groupby="cell_type")
    assert len(found) == 300
    effect = found[trained_toy.uns["toy"]["cell_types"].tolist()].to_numpy()
    acts = motifs["effect"][motif] != 0
    there, elsewhere = ((effect * part).sum(axis=1) / part.sum(axis=1) for part in (acts, ~acts))
    assert (sign * there > 0).mean() >= least
    assert (sign * (there - elsewhere) > 0).mean() >= least
