"""A made genome with motifs planted in its peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scbasset_tl._random import draw_seed
from scbasset_tl._validate import check_positive_int
from scbasset_tl.genome.codes import N_CODE, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

# sites lie within this many bp of their peak's centre
REACH = 84
MOTIF_WIDTH = 16
MAX_SITES = 3
_MAX_TYPES, _MIN_PEAKS = 20, 10
# centres are this far apart, so that a window of up to 1,344 bp holds no other peak's sites
_SPACING = (800, 1600)
_PEAK_WIDTH = (2 * REACH, 600)
# distance of the outermost peaks from the ends of contigs that have none at the edge, and N at the start of those
_MARGIN, _TELOMERE = 2000, 1000
# two motifs agree at no more than this many positions, at any offset and on either strand
_MAX_MATCHES = 9
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
_EFFECT = {"specific": 1.25, "shared": 1.1, "general": 0.7, "repressor": -1.3}
_N_DECOYS = 3
# shares of the peaks: no site, the general motif, the general motif beside the repressor; the types divide the rest
_BACKGROUND, _GENERAL, _REPRESSED = 0.2, 0.15, 0.1
# chance of a site of any motif besides the peak's own
_STRAY = 0.3
# bases that are drawn one after the other, and bases in a line of the file
_BLOCK, _LINE = 1000, 60


class Motifs(NamedTuple):
    """Names, kinds, position weights (m, width, 4), and log-odds that a site adds in each type (m, n_types)."""

    name: np.ndarray
    kind: np.ndarray
    pwm: np.ndarray
    effect: np.ndarray


class Genome(NamedTuple):
    """Contigs as codes, the peaks on them, and the sites planted in each peak.

    ``sites`` (n_peaks, MAX_SITES, 3): motif number or -1, start relative to the peak's centre, strand ±1 or 0.
    """

    contigs: dict[str, np.ndarray]
    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    programme: np.ndarray
    sites: np.ndarray
    motifs: Motifs

    @property
    def centre(self) -> np.ndarray:
        """Middle of each peak (n_peaks,)."""
        return (self.start + self.end) // 2


def check_sizes(n_vars: int, n_types: int) -> None:
    """Refuse what no genome can be made of."""
    check_positive_int("n_vars", n_vars, minimum=_MIN_PEAKS)
    if check_positive_int("n_types", n_types, minimum=2) > _MAX_TYPES:
        message = (
            f"n_types must be at most {_MAX_TYPES}, so that every type has peaks and motifs differ, got {n_types}."
        )
        raise ValueError(message)


def make_genome(n_peaks: int, n_types: int, rng: np.random.Generator) -> Genome:
    """Motifs, peaks and their sequences; takes one draw from ``rng``, whatever the sizes."""
    rng = np.random.default_rng(draw_seed(rng))
    motifs = make_motifs(n_types, rng)
    programme, chosen = choose_motifs(n_peaks, motifs, rng)
    sites = place_sites(chosen, rng)
    chrom, start, end, lengths = lay_out_peaks(n_peaks, rng)
    dna = random_dna(sum(lengths.values()), rng)
    contigs = dict(zip(lengths, np.split(dna, np.cumsum(list(lengths.values()))[:-1]), strict=True))
    genome = Genome(contigs, chrom, start, end, programme, sites, motifs)
    for name, codes in contigs.items():
        on_contig = chrom == name
        mask_runs(codes, genome.centre[on_contig], rng)
        plant(codes, genome.centre[on_contig], sites[on_contig], motifs.pwm, rng)
    return genome


def make_motifs(n_types: int, rng: np.random.Generator) -> Motifs:
    """One motif per type, one per pair of types, a general one, a repressor of half the types, and decoys."""
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
    """Position weights (n, MOTIF_WIDTH, 4) of motifs unlike one another, about 25 bits each."""
    consensus: list[np.ndarray] = []
    while len(consensus) < n:
        candidate = rng.integers(0, 4, MOTIF_WIDTH)
        rivals = [*consensus, *(3 - other[::-1] for other in (candidate, *consensus))]
        mixed = np.bincount(candidate, minlength=4).min() >= 2
        if mixed and max(_matches(candidate, rival) for rival in rivals) <= _MAX_MATCHES:
            consensus.append(candidate)
    weight = rng.uniform(0.9, 0.99, (n, MOTIF_WIDTH, 1))
    return np.where(np.array(consensus)[..., None] == np.arange(4), weight, (1 - weight) / 3)


def _matches(one: np.ndarray, other: np.ndarray) -> int:
    """Most positions that agree at any offset which leaves half of the motif overlapping."""
    n = len(one)
    return max(
        max((one[by:] == other[: n - by]).sum(), (other[by:] == one[: n - by]).sum()) for by in range(n // 2 + 1)
    )


def choose_motifs(n_peaks: int, motifs: Motifs, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each peak's programme by name, and the motifs of its sites (n_peaks, MAX_SITES), -1 where a peak has fewer."""
    by_type = np.flatnonzero(np.isin(motifs.kind, ["specific", "shared"]))
    (general,), (repressor,) = (np.flatnonzero(motifs.kind == kind) for kind in ("general", "repressor"))
    of_types = ["+".join(f"type_{i + 1}" for i in np.flatnonzero(motifs.effect[motif])) for motif in by_type]
    names = np.array(["background", "general", "repressed", *of_types], dtype=object)
    first = np.array([-1, general, repressor, *by_type])
    second = np.array([-1, general, general, *by_type])
    fixed = [_BACKGROUND, _GENERAL, _REPRESSED]
    share = fixed + [(1 - sum(fixed)) / len(by_type)] * len(by_type)

    drawn = rng.choice(len(first), n_peaks, p=share)
    stray = rng.choice(np.flatnonzero(motifs.kind != "decoy"), n_peaks)
    has_stray = (rng.random(n_peaks) < _STRAY) & (drawn > 0)
    chosen = [first[drawn], second[drawn], np.where(has_stray, stray, -1)]
    return names[drawn], np.stack(chosen, axis=1)


def place_sites(chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sites (n_peaks, MAX_SITES, 3) of the chosen motifs: each third of the reach holds at most one."""
    motif = rng.permuted(chosen, axis=1)
    room = 2 * REACH // MAX_SITES
    start = -REACH + room * np.arange(MAX_SITES) + rng.integers(0, room - MOTIF_WIDTH + 1, motif.shape)
    sites = np.stack([motif, start, rng.choice([-1, 1], motif.shape)], axis=2)
    sites[motif < 0, 1:] = 0
    return sites


def lay_out_peaks(n_peaks: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """Contig, start and end of each peak, and the length of each contig.

    Peaks touch both ends of chr1 and chr3 and neither of chr2 and chr4, chr5 has none, and one is a whole scaffold.
    """
    counts = np.diff(np.rint(np.array([0, 0.4, 0.7, 0.9, 1]) * (n_peaks - 1)).astype(int))
    names, centres, widths, lengths = [f"chr{i + 1}" for i in range(5)], [], [], {}
    for name, count, margin in zip(names, counts, [REACH, _MARGIN] * 2, strict=False):
        gap, width = rng.integers(*_SPACING, count), rng.integers(*_PEAK_WIDTH, count)
        gap[0] = margin
        if margin == REACH:
            width[[0, -1]] = 2 * REACH
        centres.append(np.cumsum(gap))
        widths.append(width)
        lengths[name] = int(centres[-1][-1]) + margin
    lengths |= {names[-1]: 2 * _MARGIN, "scaffold1": 2 * REACH}
    chrom = np.repeat(np.array([*names[:-1], "scaffold1"], dtype=object), [*counts, 1])
    width = np.concatenate([*widths, [2 * REACH]])
    start = np.concatenate([*centres, [REACH]]) - width // 2
    return chrom, start, start + width, lengths


def random_dna(length: int, rng: np.random.Generator) -> np.ndarray:
    """Codes of a first-order Markov chain, drawn side by side in blocks that each begin at its stationary state."""
    n_blocks = -(-length // _BLOCK)
    base = _DINUCLEOTIDES.sum(1)
    first = np.cumsum(base / base.sum())[:-1]
    following = np.cumsum(_DINUCLEOTIDES / base[:, None], axis=1)[:, :-1]
    codes = np.empty((_BLOCK, n_blocks), dtype=np.uint8)
    codes[0] = np.searchsorted(first, rng.random(n_blocks))
    for row in range(1, _BLOCK):
        codes[row] = (rng.random((n_blocks, 1)) > following[codes[row - 1]]).sum(1)
    return codes.T.ravel()[:length]


def mask_runs(codes: np.ndarray, centre: np.ndarray, rng: np.random.Generator) -> None:
    """Put N at the start of contigs whose peaks leave room, and beside the sites of one peak in 50."""
    if not len(centre) or centre[0] >= _MARGIN:
        codes[:_TELOMERE] = N_CODE
    for start in rng.permutation(centre)[: -(-len(centre) // 50)] + REACH:
        codes[start : start + rng.integers(10, 60)] = N_CODE


def plant(codes: np.ndarray, centre: np.ndarray, sites: np.ndarray, pwm: np.ndarray, rng: np.random.Generator) -> None:
    """Write a draw from its motif at every site."""
    peak, slot = np.nonzero(sites[..., 0] >= 0)
    motif, start, strand = sites[peak, slot].T
    letters = (rng.random((len(motif), MOTIF_WIDTH, 1)) > np.cumsum(pwm[motif], axis=2)[..., :-1]).sum(2)
    letters = np.where(strand[:, None] > 0, letters, 3 - letters[:, ::-1])
    codes[(centre[peak] + start)[:, None] + np.arange(MOTIF_WIDTH)] = letters


def windows(genome: Genome, seq_len: int) -> np.ndarray:
    """Codes (n_peaks, seq_len) around each peak's centre, N outside the contig."""
    codes = np.full((len(genome.chrom), seq_len), N_CODE, dtype=np.uint8)
    left = genome.centre - seq_len // 2
    for name, contig in genome.contigs.items():
        on_contig = np.flatnonzero(genome.chrom == name)
        position = left[on_contig, None] + np.arange(seq_len)
        inside = (position >= 0) & (position < len(contig))
        codes[on_contig] = np.where(inside, contig[position.clip(0, len(contig) - 1)], N_CODE)
    return codes


def fasta_lines(contigs: dict[str, np.ndarray]) -> Iterator[str]:
    """The lines of a FASTA file; every seventh of a contig is lower case, as repeats are in real genomes."""
    for name, codes in contigs.items():
        yield f">{name}\n"
        letters = str(decode(codes))
        for number, start in enumerate(range(0, len(letters), _LINE)):
            line = letters[start : start + _LINE]
            yield f"{line.lower() if number % 7 == 6 else line}\n"
