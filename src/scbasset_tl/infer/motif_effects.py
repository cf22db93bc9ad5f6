"""Effects of motifs on the embedding, by insertion or by ablation, and those of permuted motifs as a null."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np

from scbasset_tl._log import duration, info
from scbasset_tl.genome.codes import reverse_complement
from scbasset_tl.genome.instances import count_permutations, draw_instances, draw_permutations, one_of_each_columns
from scbasset_tl.genome.motifs import information, insert, insertion_starts
from scbasset_tl.genome.shuffle import dinucleotide_shuffle
from scbasset_tl.stats.null import pools

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scbasset_tl.nn.insertion import Edits, Means
    from scbasset_tl.nn.trunk import Trunk

NULL_SEQUENCES: Final = 100
"""Sequences on which the draws of the null, and the motifs compared with them, are evaluated."""
_DRAWS_AT_ONCE: Final = 1000
_POOL: Final = 3000
"""Fewest draws in a pool, if there are so many."""
_SEARCHED_AT_ONCE: Final = 16
_TENTH: Final = 10
_PSEUDOCOUNT: Final = 0.01
_TIMED, _TYPICAL_WIDTH = 64, 12


@dataclass(frozen=True)
class Insertion:
    """Write instances of a motif into the middle of each of ``codes``."""

    codes: np.ndarray  # uint8 (N, L)
    both_strands: bool
    copies: int
    spacing: int | None
    seed: int
    sign: ClassVar = 1  # the edit adds the motif: its effect counts as it is

    def edits(self, pwms: Sequence[np.ndarray], *, tick: Callable[[int], object] | None = None) -> list[Edits]:
        """On one strand, or on both."""
        return [self._edits(pwm) for pwm in pwms]

    def _edits(self, pwm: np.ndarray) -> Edits:
        from scbasset_tl.nn.insertion import Edits

        starts = insertion_starts(self.codes.shape[1], len(pwm), copies=self.copies, spacing=self.spacing)
        first, last = int(starts[0]), int(starts[-1]) + len(pwm)
        forward = draw_instances(pwm, len(self.codes), copies=self.copies, seed=self.seed)
        strands = [forward, reverse_complement(forward)] if self.both_strands else [forward]
        patches = [insert(self.codes[:, first:last], instances, starts - first) for instances in strands]
        rows = np.tile(np.arange(len(self.codes)), len(strands))
        return Edits(np.concatenate(patches), rows, np.full(len(rows), first))

    @property
    def n_edits(self) -> int:
        """One or two in each sequence."""
        return len(self.codes) * (1 + self.both_strands)

    @property
    def where(self) -> str:
        """The sequences in words."""
        return f"{len(self.codes):,} backgrounds"

    def for_null(self) -> Insertion:
        """The same with few backgrounds."""
        return Insertion(self.codes[:NULL_SEQUENCES], self.both_strands, self.copies, self.spacing, self.seed)


@dataclass(frozen=True)
class Ablation:
    """Overwrite the best site of a motif in each of the peaks that fit it best."""

    codes: np.ndarray  # uint8 (N, L)
    instead: np.ndarray  # what is written, uint8 (N, L)
    n_best: int
    both_strands: bool
    sign: ClassVar = -1

    @classmethod
    def of_peaks(
        cls, codes: np.ndarray, n_best: int, *, both_strands: bool, rng: np.random.Generator
    ) -> tuple[Ablation, Ablation]:
        """An ablation in all peaks, and one in the few that serve the null."""
        order = rng.permutation(len(codes))
        codes = codes[order]
        instead = dinucleotide_shuffle(codes, rng=rng)[:, 0]
        n_null = min(n_best, NULL_SEQUENCES)
        few = slice(_TENTH * n_null)
        return (
            cls(codes, instead, min(n_best, len(codes)), both_strands),
            cls(codes[few], instead[few], min(n_null, len(codes)), both_strands),
        )

    def edits(self, pwms: Sequence[np.ndarray], *, tick: Callable[[int], object] | None = None) -> list[Edits]:
        """Make the edits of each motif; ``tick`` is called with the number of sites that were found."""
        from scbasset_tl.nn.best_sites import best_sites
        from scbasset_tl.nn.insertion import Edits

        scores = [np.log2(pwm + _PSEUDOCOUNT) for pwm in pwms]
        tick_sites = None if tick is None else lambda n_motifs: tick(n_motifs * self.n_best)
        sites = best_sites(self.codes, scores, self.n_best, both_strands=self.both_strands, tick=tick_sites)
        return [
            Edits(self.instead[rows[:, None], starts[:, None] + np.arange(len(pwm))], rows, starts)
            for pwm, (rows, starts) in zip(pwms, sites, strict=True)
        ]

    @property
    def n_edits(self) -> int:
        """One in each of the best peaks."""
        return self.n_best

    @property
    def where(self) -> str:
        """The sequences in words."""
        return f"the best {self.n_best:,} of {len(self.codes):,} peaks"


Experiment = Insertion | Ablation


class Null(NamedTuple):
    """Latent effects of motifs and of permutations of them, evaluated alike."""

    motifs: np.ndarray  # (M, n_latent)
    pool: np.ndarray  # (M,)
    draws: np.ndarray  # (D, n_latent)
    draw_pool: np.ndarray  # (D,)


def effects(
    trunk: Trunk,
    experiment: Experiment,
    pwms: Sequence[np.ndarray],
    *,
    vectors: np.ndarray | None = None,
    tick: Callable[[int], object],
) -> Means:
    """Mean effect of each motif."""
    from scbasset_tl.nn.insertion import Means, mean_changes

    edits = experiment.edits(pwms, tick=tick)
    means = mean_changes(trunk, experiment.codes, edits, vectors=vectors, tick=tick)
    probability = None if means.probability is None else experiment.sign * means.probability
    return Means(experiment.sign * means.latent, probability)


def draw_null(pwms: Sequence[np.ndarray], n_null: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """At least ``n_null`` permuted PWMs, equally many of each motif as far as it has them, and the motif of each.

    No permutation occurs twice: if motifs share their permutations, as equal ones do, only one is permuted.
    """
    sources = one_of_each_columns(pwms)
    available = [count_permutations(pwms[number]) for number in sources]
    if sum(available) < n_null:
        info(
            f"n_null={n_null:,}, but the motifs' columns have {sum(available):,} other orders: all of them make the null, "
            f"and no p-value is below {1 / (1 + sum(available)):.2g}"
        )
    share = _share(available, n_null)
    draws = [draw_permutations(pwms[number], share, seed=seed) for number in sources]
    return [draw for each in draws for draw in each], np.repeat(sources, [len(each) for each in draws])


def _share(available: Sequence[int], n: int) -> int:
    """The smallest number to take of each motif, or all that it has, that makes ``n`` together."""
    for number, most in enumerate(sorted(available)):
        share = -(-n // (len(available) - number))
        if share <= most:
            return share
        n -= most
    return max(available)


def null_effects(
    trunk: Trunk,
    experiment: Experiment,
    pwms: Sequence[np.ndarray],
    draws: list[np.ndarray],
    source: np.ndarray,
    *,
    tick: Callable[[int], object],
) -> Null:
    """Effects of the motifs and of the draws on the few sequences of the null."""
    pool = pools(
        np.array([len(pwm) for pwm in pwms]),
        np.array([information(pwm).sum() for pwm in pwms]),
        np.bincount(source, minlength=len(pwms)),
        smallest=_POOL,
    )
    parts = [draws[first : first + _DRAWS_AT_ONCE] for first in range(0, len(draws), _DRAWS_AT_ONCE)]
    motifs, *of_draws = [effects(trunk, experiment, part, tick=tick).latent for part in [pwms, *parts]]
    return Null(motifs, pool, np.concatenate([motifs[:0], *of_draws]), pool[source])


def announce(trunk: Trunk, parts: dict[str, tuple[Experiment, int]]) -> int:
    """Announce how long each part will take for its number of motifs, timed on a little of it; count its ticks."""
    from scbasset_tl.nn.edits import Editor

    codes = next(iter(parts.values()))[0].codes[:_TIMED]
    rows, starts = np.arange(len(codes)), np.zeros(len(codes), dtype=np.int64)
    patches = codes[::-1, :_TYPICAL_WIDTH].copy()
    Editor(trunk, codes).substitute(patches, rows, starts).cpu()  # the first call of all is slower
    started = perf_counter()
    editor = Editor(trunk, codes)
    editor.embedding.cpu()  # which waits for a GPU
    kept = perf_counter()
    editor.substitute(patches, rows, starts).cpu()
    per_edit, per_sequence = (perf_counter() - kept) / len(codes), (kept - started) / len(codes)
    seconds, n_ticks = {}, 0
    for name, (experiment, n_motifs) in parts.items():
        n_edits = n_motifs * experiment.n_edits
        seconds[name] = n_edits * per_edit + min(len(experiment.codes), n_edits) * per_sequence
        n_ticks += n_edits
        if isinstance(experiment, Ablation):
            seconds[name] += n_motifs * len(experiment.codes) * _seconds_per_search(experiment, n_motifs)
            n_ticks += n_edits  # each site is found before it is overwritten
    info("expected time: " + "; ".join(f"{name}: {duration(max(value, 1))}" for name, value in seconds.items()))
    return n_ticks


def _seconds_per_search(experiment: Ablation, n_motifs: int) -> float:
    """Seconds to look for the site of one motif in one peak; motifs of one width are looked for together."""
    few = replace(experiment, codes=experiment.codes[:_TIMED], n_best=1)
    pwms = [np.full((_TYPICAL_WIDTH, 4), 0.25)] * min(n_motifs, _SEARCHED_AT_ONCE)
    few.edits(pwms[:1])  # the first call of all is slower
    started = perf_counter()
    few.edits(pwms)
    return (perf_counter() - started) / (len(pwms) * len(few.codes))
