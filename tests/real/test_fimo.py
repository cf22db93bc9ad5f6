"""Scanning against MEME's own FIMO, and against float64 code on worm DNA."""

import numpy as np
import pandas as pd
import pytest

import scbasset_tl as sb
from scbasset_tl.genome import Fasta, encode, reverse_complement
from scbasset_tl.genome.scan import BACKGROUND, log_odds, scan


def test_scores_and_p_values_are_those_of_fimo(real_data):
    """All hits of a run of FIMO 5.4.1, `fimo --thresh 1e-3`, in the β-globin locus control region.

    Scores have six digits in that file and p-values three. Four motifs (49 hits) are not in this version of CIS-BP.
    """
    motifs = {m.id: m for m in sb.io.read_motifs(real_data / "motifs/CIS-BP_1.02_Homo_sapiens.meme")}
    hits = pd.read_csv(real_data / "reference/lcr_fimo.tsv.gz", sep="\t", comment="#")
    known = hits[hits["motif_id"].isin(motifs)]
    assert (len(hits), len(known)) == (9910, 9861)
    tables = {name: log_odds(motifs[name].pwm) for name in known["motif_id"].unique()}
    steps = [
        (tables[name], int(tables[name].steps[np.arange(len(word)), encode(word)].sum()))
        for name, word in zip(known["motif_id"], known["matched_sequence"], strict=True)
    ]
    scores = np.array([table.bits(np.array(total)) for table, total in steps])
    p_values = np.array([table.tail[total] for table, total in steps])
    off = ~np.isclose(scores, known["score"], rtol=1e-5, atol=1e-5)
    assert off.sum() == 2  # both hits of one motif, where log-odds of one base lie between two steps
    assert known["motif_id"][off].nunique() == 1
    np.testing.assert_allclose(
        scores[off], known["score"][off], atol=1.01 / tables[known["motif_id"][off].iloc[0]].per_bit
    )
    np.testing.assert_allclose(p_values, known["p-value"], rtol=0.006)


@pytest.fixture
def worm_windows(real_data):
    with Fasta(real_data / "worm/ce10.fa.gz") as genome:
        contigs = list(genome.lengths)[:2]
        chrom = pd.Categorical(np.repeat(contigs, 5))
        middle = np.tile(np.linspace(1e6, 9e6, 5).astype(np.int64), 2)
        return genome.windows(chrom, middle, 1344)


def test_hits_in_worm_dna_are_those_of_float64_code(real_data, worm_windows):
    motifs = sb.io.read_motifs(real_data / "motifs/JASPAR2022_CORE_nematodes.meme")
    background = np.array(BACKGROUND)
    hits = scan([motif.pwm for motif in motifs], worm_windows, p_value=1e-3)
    keys = zip(hits.motif, hits.sequence, hits.start, hits.reverse, strict=True)
    found = dict(zip(keys, hits.score, strict=True))
    n_borderline = 0
    for number, motif in enumerate(motifs):
        table, width = log_odds(motif.pwm), len(motif)
        bits = np.log2((motif.pwm + 0.1 * background) / 1.1 / background)
        cut = table.bits(np.flatnonzero(table.tail <= 1e-3)[0])
        rounding = width * 0.5 / table.per_bit
        for reverse in (False, True):
            for row, codes in enumerate(worm_windows):
                windows = np.lib.stride_tricks.sliding_window_view(codes, width)
                read = reverse_complement(windows) if reverse else windows
                scores = bits[np.arange(width), read].sum(1)
                mine = np.array([found.get((number, row, start, reverse), np.nan) for start in range(len(scores))])
                matched = np.isfinite(mine)
                np.testing.assert_allclose(mine[matched], scores[matched], atol=rounding)
                # only within the rounding of FIMO's steps may a window be a hit to one and none to the other
                differs = matched != (scores >= cut)
                assert (np.abs(scores[differs] - cut) <= rounding).all()
                n_borderline += int(differs.sum())
    assert len(hits.start) > 500
    assert n_borderline < 0.02 * len(hits.start)
