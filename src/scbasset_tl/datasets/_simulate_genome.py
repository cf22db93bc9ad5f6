"""A made genome with motifs planted in its peaks (numpy only)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# sites lie within this many bp of their peak's centre
REACH = 120
MOTIF_WIDTH = 12
MAX_SITES = 3
# centres are this far apart, so that a window of up to 1,344 bp holds no other peak's sites
_SPACING = (800, 1600)
_PEAK_WIDTH = (2 * REACH, 600)
_MARGIN, _TELOMERE = 2000, 1000
_N_CODE = 4
# two motifs may agree at this many of their positions, at any offset and on either strand
_MAX_MATCHES = 7
# human-like dinucleotide frequencies (rows: first base A C G T): the same on both strands, 41 % GC, few CpG
_DINUCLEOTIDES = np.array(
    [
        [0.0977, 0.0503, 0.0700, 0.0774],
        [0.0726, 0.0520, 0.0099, 0.0700],
        [0.0593, 0.0425, 0.0520, 0.0503],
        [0.0657, 0.0593, 0.0726, 0.0977],
    ]
)
# log-odds that one site adds in the cell types where its motif acts
_EFFECT = {"specific": 1.7, "shared": 1.5, "general": 1.0, "repressor": -1.6}
_N_DECOYS = 3
# shares of the peaks: no site, the general motif, the general motif beside the repressor; the types divide the rest
_BACKGROUND, _GENERAL, _REPRESSED = 0.2, 0.15, 0.1
# chance of a second copy of the peak's own motif, and of a site of any motif besides
_SECOND_COPY, _STRAY = 0.4, 0.3


class Motifs(NamedTuple):
    """Names, kinds, position weights (m, width, 4), and log-odds that a site adds in each type (m, n_types)."""

    name: np.ndarray
    kind: np.ndarray
    pwm: np.ndarray
    effect: np.ndarray


class Genome(NamedTuple):
    """Contigs as codes (A0 C1 G2 T3 N4), the peaks on them and the sites planted in each peak.

    ``sites`` (n_peaks, MAX_SITES, 3): motif number or -1, start relative to the peak's centre, strand ±1.
    """

    contigs: dict[str, np.ndarray]
    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    programme: np.ndarray
    sites: np.ndarray
    motifs: Motifs


def make_genome(n_peaks: int, n_types: int, rng: np.random.Generator) -> Genome:
    """All that concerns sequences; no draw depends on the cells, so that the same seed gives the same genome."""
    motifs = make_motifs(n_types, rng)
    programme, chosen = choose_motifs(n_peaks, motifs, rng)
    sites = place_sites(chosen, rng)
    chrom, start, end, lengths = lay_out_peaks(n_peaks, rng)
    contigs = {name: random_dna(length, rng) for name, length in lengths.items()}
    for name, codes in contigs.items():
        here = chrom == name
        centre = (start[here] + end[here]) // 2
        mask_runs(codes, centre, rng)
        plant(codes, centre, sites[here], motifs.pwm, rng)
    return Genome(contigs, chrom, start, end, programme, sites, motifs)


def make_motifs(n_types: int, rng: np.random.Generator) -> Motifs:
    """One motif per type, one per pair of types, a general one, a repressor of half the types, decoys."""
    acting = [("specific", [i]) for i in range(n_types)]
    acting += [("shared", [i, i + 1]) for i in range(0, n_types - 1, 2)]
    acting += [("general", list(range(n_types))), ("repressor", list(range(n_types // 2)))]
    kind = [kind for kind, _ in acting] + ["decoy"] * _N_DECOYS
    effect = np.zeros((len(kind), n_types))
    for motif, (name, types) in enumerate(acting):
        effect[motif, types] = _EFFECT[name]
    names = [f"TF{motif + 1}" for motif in range(len(kind))]
    return Motifs(np.array(names, dtype=object), np.array(kind, dtype=object), draw_pwms(len(kind), rng), effect)


def draw_pwms(n: int, rng: np.random.Generator) -> np.ndarray:
    """Position weights (n, MOTIF_WIDTH, 4) of distinct motifs, about 19 bits each."""
    consensus: list[np.ndarray] = []
    while len(consensus) < n:
        candidate = rng.integers(0, 4, MOTIF_WIDTH)
        reverse = 3 - candidate[::-1]
        rivals = [reverse, *consensus, *(3 - other[::-1] for other in consensus)]
        complex_enough = np.bincount(candidate, minlength=4).min() >= 2
        if complex_enough and max(_matches(candidate, rival) for rival in rivals) <= _MAX_MATCHES:
            consensus.append(candidate)
    main = rng.uniform(0.88, 0.99, (n, MOTIF_WIDTH, 1))
    return np.where(np.array(consensus)[..., None] == np.arange(4), main, (1 - main) / 3)


def _matches(one: np.ndarray, other: np.ndarray) -> int:
    """Most positions that agree at any offset which leaves half of the motif overlapping."""
    n = len(one)
    return max(
        max(np.sum(one[by:] == other[: n - by]), np.sum(other[by:] == one[: n - by])) for by in range(n // 2 + 1)
    )


def choose_motifs(n_peaks: int, motifs: Motifs, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each peak's programme (its name) and the motifs of its sites (n_peaks, MAX_SITES), -1 where there is none."""
    kind = motifs.kind
    planted = np.flatnonzero(kind != "decoy")
    by_type = np.flatnonzero(np.isin(kind, ["specific", "shared"]))
    (general,), (repressor,) = np.flatnonzero(kind == "general"), np.flatnonzero(kind == "repressor")
    names = ["+".join(f"type_{i + 1}" for i in np.flatnonzero(motifs.effect[motif])) for motif in by_type]
    names = np.array(["background", "general", "repressed", *names], dtype=object)
    own = np.array([-1, general, repressor, *by_type])
    share = np.array([_BACKGROUND, _GENERAL, _REPRESSED, *[0.0] * len(by_type)])
    share[3:] = (1 - share.sum()) / len(by_type)

    drawn = rng.choice(len(own), n_peaks, p=share)
    chosen = np.full((n_peaks, MAX_SITES), -1)
    chosen[:, 0] = own[drawn]
    second = np.where(own[drawn] == repressor, general, own[drawn])
    chosen[:, 1] = np.where((rng.random(n_peaks) < _SECOND_COPY) | (own[drawn] == repressor), second, -1)
    chosen[:, 2] = np.where(rng.random(n_peaks) < _STRAY, rng.choice(planted, n_peaks), -1)
    chosen[drawn == 0] = -1
    return names[drawn], chosen


def place_sites(chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sites (n_peaks, MAX_SITES, 3) of the chosen motifs: a third of the reach holds one site, so none overlap."""
    motif = rng.permuted(chosen, axis=1)
    room = 2 * REACH // MAX_SITES
    start = -REACH + room * np.arange(MAX_SITES) + rng.integers(0, room - MOTIF_WIDTH + 1, motif.shape)
    strand = rng.choice([-1, 1], motif.shape)
    sites = np.stack([motif, start, strand], axis=2)
    sites[motif < 0, 1:] = 0
    return sites


def lay_out_peaks(n_peaks: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """Contig, start and end of each peak, and the length of each contig.

    Peaks touch both ends of chr1 and chr3, one peak is a whole scaffold, and chr5 has none.
    """
    counts = np.diff(np.rint(np.array([0, 0.4, 0.7, 0.9, 1]) * (n_peaks - 1)).astype(int))
    centres, widths, lengths = [], [], {}
    for number, count in enumerate(counts, start=1):
        gap, width = rng.integers(*_SPACING, count), rng.integers(*_PEAK_WIDTH, count)
        margin = REACH if number % 2 else _MARGIN
        gap[0] = margin
        if margin == REACH:
            width[[0, -1]] = 2 * REACH
        centres.append(np.cumsum(gap))
        widths.append(width)
        lengths[f"chr{number}"] = int(centres[-1][-1]) + margin
    lengths |= {"chr5": 2 * _MARGIN, "scaffold1": 2 * REACH}
    chrom = np.repeat(np.array([*list(lengths)[:4], "scaffold1"], dtype=object), [*counts, 1])
    width = np.concatenate([*widths, [2 * REACH]])
    start = np.concatenate([*centres, [REACH]]) - width // 2
    return chrom, start, start + width, lengths


def random_dna(length: int, rng: np.random.Generator, *, block: int = 1000) -> np.ndarray:
    """Codes of a first-order Markov chain, drawn side by side in blocks that each begin at its stationary state."""
    n_blocks = -(-length // block)
    base = _DINUCLEOTIDES.sum(1)
    first = np.cumsum(base / base.sum())[:-1]
    following = np.cumsum(_DINUCLEOTIDES / base[:, None], axis=1)[:, :-1]
    codes = np.empty((block, n_blocks), dtype=np.uint8)
    codes[0] = np.searchsorted(first, rng.random(n_blocks))
    for row in range(1, block):
        codes[row] = (rng.random((n_blocks, 1)) > following[codes[row - 1]]).sum(1)
    return codes.T.ravel()[:length].copy()


def mask_runs(codes: np.ndarray, centre: np.ndarray, rng: np.random.Generator) -> None:
    """N at the start of contigs whose peaks leave room for it, and beside the sites of one peak in 50, in place."""
    if len(centre) == 0 or centre[0] >= _MARGIN:
        codes[:_TELOMERE] = _N_CODE
    n_runs = -(-len(centre) // 50)
    if n_runs:
        for start in rng.choice(centre, n_runs, replace=False) + REACH:
            codes[start : start + rng.integers(10, 60)] = _N_CODE


def plant(codes: np.ndarray, centre: np.ndarray, sites: np.ndarray, pwm: np.ndarray, rng: np.random.Generator) -> None:
    """Write one draw from its motif at every site, in place."""
    peak, slot = np.nonzero(sites[..., 0] >= 0)
    motif, start, strand = sites[peak, slot].T
    letters = (rng.random((len(motif), MOTIF_WIDTH, 1)) > np.cumsum(pwm[motif], axis=2)[..., :-1]).sum(2)
    letters = np.where(strand[:, None] > 0, letters, 3 - letters[:, ::-1])
    codes[(centre[peak] + start)[:, None] + np.arange(MOTIF_WIDTH)] = letters


def windows(genome: Genome, seq_len: int) -> np.ndarray:
    """Codes (n_peaks, seq_len) around each peak's centre, N outside the contig."""
    codes = np.full((len(genome.chrom), seq_len), _N_CODE, dtype=np.uint8)
    left = (genome.start + genome.end) // 2 - seq_len // 2
    for name, contig in genome.contigs.items():
        here = np.flatnonzero(genome.chrom == name)
        position = left[here, None] + np.arange(seq_len)
        inside = (position >= 0) & (position < len(contig))
        codes[here] = np.where(inside, contig[position.clip(0, len(contig) - 1)], _N_CODE)
    return codes
