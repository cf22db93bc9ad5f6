"""The made genome: composition, layout, motifs, and sites where they are said to be."""

import numpy as np
import pytest

from scbasset_tl.datasets import _simulate_genome as simulate
from scbasset_tl.genome import reverse_complement


@pytest.fixture(scope="module")
def genome():
    return simulate.make_genome(800, 5, np.random.default_rng(3))


def site_table(genome):
    """(peak, motif, contig, first position on it, strand) of every site, read with plain loops."""
    for peak, sites in enumerate(genome.sites):
        middle = (int(genome.start[peak]) + int(genome.end[peak])) // 2
        for motif, start, strand in sites:
            if motif >= 0:
                yield peak, int(motif), genome.chrom[peak], middle + int(start), int(strand)


def log_odds_score(codes, pwm):
    """Log-likelihood ratio of each position of codes (n, L) against even bases; N scores nothing."""
    table = np.concatenate([np.log(4 * pwm), np.zeros((len(pwm), 1))], axis=1)
    places = np.lib.stride_tricks.sliding_window_view(codes, len(pwm), axis=1)
    return table[np.arange(len(pwm)), places].sum(2)


def test_dna_has_the_dinucleotides_of_its_chain():
    codes = simulate.random_dna(400_000, np.random.default_rng(0)).astype(int)
    seen = np.bincount(4 * codes[:-1] + codes[1:], minlength=16).reshape(4, 4) / (len(codes) - 1)
    expected = simulate._DINUCLEOTIDES / simulate._DINUCLEOTIDES.sum()
    np.testing.assert_allclose(seen, expected, atol=0.002)
    assert 0.39 < seen[1:3].sum() < 0.43


@pytest.mark.parametrize("length", [1, 168, 999, 1000, 2001])
def test_dna_of_any_length(length):
    assert len(simulate.random_dna(length, np.random.default_rng(0))) == length


def test_motifs_are_informative_and_unlike_each_other(genome):
    pwm = genome.motifs.pwm
    np.testing.assert_allclose(pwm.sum(2), 1)
    bits = (2 + (pwm * np.log2(pwm)).sum(2)).sum(1)
    assert bits.min() > 20
    consensus = pwm.argmax(2)
    for i, one in enumerate(consensus):
        for other in [*consensus[:i], *(3 - consensus[: i + 1, ::-1])]:
            agreement = [np.sum(one[by:] == other[: len(one) - by]) for by in range(9)]
            assert max(agreement) <= simulate._MAX_MATCHES


def test_every_site_holds_a_draw_from_its_motif(genome):
    total = np.zeros_like(genome.motifs.pwm)
    for _, motif, contig, start, strand in site_table(genome):
        site = genome.contigs[contig][start : start + simulate.MOTIF_WIDTH]
        site = site if strand > 0 else reverse_complement(site)
        total[motif, np.arange(len(site)), site] += 1
    n_sites = total[:, 0].sum(1)
    planted = genome.motifs.kind != "decoy"
    assert n_sites[~planted].sum() == 0
    assert n_sites[planted].min() > 50
    seen = total[planted] / n_sites[planted, None, None]
    assert np.abs(seen - genome.motifs.pwm[planted]).max() < 0.15
    np.testing.assert_allclose(seen.mean((0, 1)), genome.motifs.pwm[planted].mean((0, 1)), atol=0.01)


def test_sites_do_not_overlap_and_keep_within_reach(genome):
    for sites in genome.sites:
        starts = np.sort(sites[sites[:, 0] >= 0, 1])
        assert (np.diff(starts) >= simulate.MOTIF_WIDTH).all()
        assert (starts >= -simulate.REACH).all()
        assert (starts <= simulate.REACH - simulate.MOTIF_WIDTH).all()
    strand = genome.sites[genome.sites[..., 0] >= 0, 2]
    assert 0.4 < (strand > 0).mean() < 0.6


def test_programmes_name_the_motifs_of_a_peak(genome):
    kind = np.append(genome.motifs.kind, None)[genome.sites[..., 0]]
    n_sites = (genome.sites[..., 0] >= 0).sum(1)
    assert set(n_sites[genome.programme == "background"]) == {0}
    assert set(n_sites[genome.programme != "background"]) <= {2, 3}
    repressed = kind[genome.programme == "repressed"]
    assert (repressed == "repressor").any(1).all()
    assert (repressed == "general").any(1).all()
    for peak in np.flatnonzero(genome.programme == "type_1+type_2"):
        effect = genome.motifs.effect[genome.sites[peak, :, 0]]
        assert any(np.flatnonzero(row).tolist() == [0, 1] for row in effect)


def test_chance_matches_are_rare(genome):
    """Beside the planted sites, hardly any peak holds what scores like the weakest 5 % of the sites."""
    codes = simulate.windows(genome, 2 * simulate.REACH)
    for peak, _, _, start, _ in site_table(genome):
        middle = (genome.start[peak] + genome.end[peak]) // 2
        left = start - middle + simulate.REACH
        codes[peak, left : left + simulate.MOTIF_WIDTH] = 4
    rng = np.random.default_rng(0)
    found = np.zeros(len(codes))
    for pwm in genome.motifs.pwm:
        draws = (rng.random((400, len(pwm), 1)) > pwm.cumsum(1)[:, :-1]).sum(2).astype(np.uint8)
        weak = np.quantile(log_odds_score(draws, pwm), 0.05)
        for strand in (codes, reverse_complement(codes)):
            found += (log_odds_score(strand, pwm) >= weak).any(1)
    assert found.mean() < 0.01


def test_layout(genome):
    first, last = {}, {}
    for name in np.unique(genome.chrom):
        here = np.flatnonzero(genome.chrom == name)
        first[name], last[name] = genome.start[here[0]], len(genome.contigs[name]) - genome.end[here[-1]]
        assert (genome.start[here[1:]] > genome.end[here[:-1]]).all()
        assert (np.diff(genome.centre[here]) >= 800).all()
    at_edge = {name: (int(first[name]) == 0, int(last[name]) == 0) for name in first}
    assert at_edge == {
        "chr1": (True, True),
        "chr2": (False, False),
        "chr3": (True, True),
        "chr4": (False, False),
        "scaffold1": (True, True),
    }
    assert "chr5" in genome.contigs
    assert (genome.start < genome.end).all()
    assert len(genome.chrom) == 800


def test_n_runs_lie_beside_the_sites(genome):
    inner, wide = (simulate.windows(genome, length) for length in (2 * simulate.REACH, 384))
    assert (inner < 4).all()
    inside_contig = np.flatnonzero(np.isin(genome.chrom, ["chr2", "chr4"]))
    with_n = (wide[inside_contig] == 4).any(1)
    assert 1 <= with_n.sum() < 0.1 * len(inside_contig)
    assert (genome.contigs["chr2"][:1000] == 4).all()


def test_windows_run_past_both_ends(genome):
    scaffold = simulate.windows(genome, 192)[-1]
    assert (scaffold[:12] == 4).all()
    assert (scaffold[-12:] == 4).all()
    np.testing.assert_array_equal(scaffold[12:-12], genome.contigs["scaffold1"])


@pytest.mark.parametrize(("n_vars", "n_types"), [(10, 2), (11, 20), (37, 3)])
def test_small_genomes(n_vars, n_types):
    genome = simulate.make_genome(n_vars, n_types, np.random.default_rng(0))
    assert len(genome.chrom) == len(genome.sites) == n_vars
    assert (np.bincount(genome.chrom == "scaffold1") == [n_vars - 1, 1]).all()
    assert (genome.motifs.effect[genome.motifs.kind != "decoy"] != 0).any(1).all()


def test_the_genome_takes_one_draw_whatever_its_size():
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    simulate.make_genome(20, 2, one)
    simulate.make_genome(50, 4, other)
    assert one.random() == other.random()
